"""All rows of a call of the decoding loop, and what is known of their replies."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field

from torch import nn

from gatekeeper.engine.generate.thinking import Reader, tail
from gatekeeper.engine.model.hooks import Instrument
from gatekeeper.engine.model.load import LoadedModel
from gatekeeper.engine.model.mask_tables import MaskLines, MaskTables
from gatekeeper.records.reasoning import Reasoning, opened, parts

#: Replies that are longer are not kept as text: few are alike so far, and they are many.
_KEPT = 128


@dataclass(frozen=True, slots=True, kw_only=True)
class DecodeContext:
    """All rows of a call of `decode`, and what is known of their replies so far.

    Attributes:
        prompts: token ids, one list a row.
        masks: of all rows, or None.
        layers: the decoder layers, where prefixes are shared; else None.
        first: decoder layer of the first mask of all rows.
        attention: that layer's, where it is shared too.
        reasoning: how it is told from replies; None: all that is generated is the reply.
        texts: the text of replies, by how the prompt opens them and their tokens: under many masks
            many are alike.
        opening: how the prompt opens replies, by prompt.
        ending: tokens that all prompts of the audit end in, which the template writes; None where
            that is not known.
        thought: tokens of reasoning that a row had when it was looked at last.
    """

    loaded: LoadedModel
    instrument: Instrument
    prompts: Sequence[Sequence[int]]
    masks: MaskLines | None
    layers: nn.ModuleList | None
    first: int | None
    attention: nn.Module | None = None
    reasoning: Reasoning | None = None
    ending: int | None = None
    texts: dict[tuple[str, tuple[int, ...]], str] = field(default_factory=dict)
    opening: dict[tuple[int, ...], str] = field(default_factory=dict)
    thought: dict[int, int] = field(default_factory=dict)
    readers: list[Reader] = field(default_factory=list)

    def masks_of(self, rows: Sequence[int]) -> MaskTables | None:
        """The mask tables of some rows."""
        return None if self.masks is None else self.masks.of(rows)

    def text(self, row: int, ids: Sequence[int]) -> str:
        """A reply so far, without special tokens; behind the mark that the prompt opens it with."""
        key = self._opening(row), tuple(ids)
        text = self.texts.get(key)
        if text is None:
            text = key[0] + self._reader().text(key[1])
            if len(key[1]) <= _KEPT:
                self.texts[key] = text
        return text

    def full(self, row: int, ids: Sequence[int], new_tokens: int) -> int | None:
        """How many tokens of a row fill its windows, or None while they are not full.

        Tokens behind the last block of reasoning are the reply's; a block that is open may grow to
        its own bound, or as far as the context leaves room for a reply.
        """
        thought, unfinished = self._thought(row, ids)
        most = thought + new_tokens
        if self.reasoning is not None and (unfinished or thought):
            bound, context = self.reasoning.max_tokens, self.loaded.context_length
            if context is not None:
                bound = max(min(bound, context - len(self.prompts[row]) - new_tokens), 1)
            if unfinished or thought > bound:
                most = self._shown(row, ids, bound)
        return most if len(ids) >= most else None

    def _shown(self, row: int, ids: Sequence[int], bound: int) -> int:
        """The number of tokens at which reasoning is cut: its bound, or more till some of it shows.

        Of a block that begins behind the bound nothing would be left: the row would look like a
        reply that was cut before its window was full.
        """
        marks = self.reasoning.marks if self.reasoning is not None else ()
        shown = (
            n for n in range(bound, len(ids)) if not parts(self.text(row, ids[:n]), marks).plain
        )
        return next(shown, max(bound, len(ids)))

    def _thought(self, row: int, ids: Sequence[int]) -> tuple[int, bool]:
        """Tokens of a row up to the end of its last block, and whether one is open."""
        if self.reasoning is None:
            return 0, False
        reasoned = parts(self.text(row, ids), self.reasoning.marks)
        if reasoned.unfinished or not reasoned.blocks:
            return 0, reasoned.unfinished

        def blocks(count: int) -> int:
            marks = self.reasoning.marks if self.reasoning is not None else ()
            return parts(self.text(row, ids[:count]), marks).blocks

        last = self.thought.get(row, 0)
        if not 0 < last <= len(ids) or not blocks(last - 1) < blocks(last) == reasoned.blocks:
            counts = range(len(ids) + 1)
            last = self.thought[row] = bisect_left(counts, reasoned.blocks, key=blocks)
        return last, False

    def _opening(self, row: int) -> str:
        if self.reasoning is None:
            return ""
        prompt = tuple(self.prompts[row])
        mark = self.opening.get(prompt)
        if mark is None:
            end = tail(self.loaded.tokenizer, prompt, self.ending)
            mark = self.opening[prompt] = opened(end, self.reasoning.marks)
        return mark

    def _reader(self) -> Reader:
        if not self.readers:
            marks = () if self.reasoning is None else self.reasoning.marks
            self.readers.append(Reader(self.loaded.tokenizer, marks))
        return self.readers[0]
