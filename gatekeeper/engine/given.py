"""What a call of the decoding loop is about, whichever of its rows run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from torch import nn

from gatekeeper.engine.load import LoadedModel
from gatekeeper.engine.masking import MaskLines, MaskTables
from gatekeeper.engine.met import Met
from gatekeeper.engine.routing import Instrument


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What a call of `decode` is about: all its rows, whichever of them run.

    Attributes:
        prompts: token ids, one list a row.
        masks: of all rows, or None.
        layers: the decoder layers, where prefixes are shared; else None.
        first: decoder layer of the first mask of all rows.
        attention: that layer's, where it is shared too.
        met: keeps what rows meet, or None.
        known, texts: what was decided of replies, and their text, by their tokens: under many masks
            many are alike.
    """

    loaded: LoadedModel
    instrument: Instrument
    prompts: Sequence[Sequence[int]]
    masks: MaskLines | None
    layers: nn.ModuleList | None
    first: int | None
    met: Met | None
    attention: nn.Module | None = None
    known: dict[tuple[int, ...], bool] = field(default_factory=dict)
    texts: dict[tuple[int, ...], str] = field(default_factory=dict)

    def masks_of(self, rows: Sequence[int]) -> MaskTables | None:
        """The tables of some rows."""
        return None if self.masks is None else self.masks.of(rows)

    def text(self, ids: Sequence[int]) -> str:
        """A reply so far, without special tokens."""
        key = tuple(ids)
        found = self.texts.get(key)
        if found is None:
            decoded: str = self.loaded.tokenizer.decode(key, skip_special_tokens=True)
            found = self.texts[key] = decoded.strip()
        return found

    def decided(self, ids: Sequence[int], decided: Callable[[str], bool]) -> bool:
        """Whether a reply so far settles the outcome."""
        key = tuple(ids)
        found = self.known.get(key)
        if found is None:
            found = self.known[key] = decided(self.text(key))
        return found
