"""Greedy decoding of rows, each under a mask of its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from gatekeeper.engine.draft import Draft, confirm
from gatekeeper.engine.lines import is_plain
from gatekeeper.engine.load import LoadedModel
from gatekeeper.engine.masking import mask_tables, width_of
from gatekeeper.engine.met import Met
from gatekeeper.engine.opening import Opening, read_opening
from gatekeeper.engine.prefix import decoder_layers
from gatekeeper.engine.routing import Instrument
from gatekeeper.engine.running import DECIDED, LOOK_EVERY, WINDOW, Given, Running
from gatekeeper.records.trial import Mask


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What a row generated.

    Attributes:
        ids: tokens generated, the end token included.
        truncated: reached the token window without ending.
        decided: stopped early because no continuation could change the outcome.
        met: the experts its tokens were routed to (`met.unpacked`), if they were noted.
        drafted: it is the row's draft, which stood.
    """

    text: str
    ids: tuple[int, ...]
    truncated: bool
    decided: bool
    met: bytes | None = None
    drafted: bool = False


#: Takes the number of a row and its reply, as rows finish.
Keep = Callable[[int, Reply], None]


def _given(
    loaded: LoadedModel,
    instrument: Instrument,
    prompts: Sequence[Sequence[int]],
    masks: Sequence[Mask],
    *,
    share: bool,
    seeds: Sequence[int] | None = None,
    note_met: bool = False,
) -> Given:
    """What is to be run. `note_met` is for rows without a mask."""
    tables = mask_tables(masks, loaded.sites, loaded.device, seeds)
    first = tables.first_layer(loaded.sites) if tables is not None else None
    alike = len({tuple(prompt) for prompt in prompts}) < len(prompts)
    shares = share and loaded.architecture.shares and alike and first is not None
    noted = note_met and tables is None
    width = width_of(loaded.sites)
    return Given(
        loaded=loaded,
        instrument=instrument,
        prompts=prompts,
        masks=tables,
        layers=decoder_layers(loaded.model, loaded.sites) if shares else None,
        first=first,
        met=Met(len(prompts), len(loaded.sites), width, loaded.device) if noted else None,
    )


@torch.inference_mode()
def next_logits(
    loaded: LoadedModel,
    instrument: Instrument,
    prompts: Sequence[Sequence[int]],
    masks: Sequence[Mask],
    *,
    share_prefix: bool = True,
) -> Tensor:
    """Logits of the first reply token, a row to each (prompt, mask): [B, V]."""
    instrument.forget()
    given = _given(loaded, instrument, prompts, masks, share=share_prefix)
    logits = Running(given, range(len(prompts))).logits()
    instrument.masks, instrument.phase = None, "prefill"
    return logits


@torch.inference_mode()
def decode(
    loaded: LoadedModel,
    instrument: Instrument,
    prompts: Sequence[Sequence[int]],
    masks: Sequence[Mask],
    *,
    new_tokens: int,
    decided: Callable[[str], bool],
    share_prefix: bool = True,
    seeds: Sequence[int] | None = None,
    slots: int | None = None,
    refill: bool = False,
    opening: int | None = None,
    note_met: bool = False,
    drafts: Sequence[Draft] | None = None,
    keep: Keep | None = None,
) -> list[Reply]:
    """Greedy replies.

    Args:
        prompts: token ids, one list a row.
        masks: one a row.
        new_tokens: the token window W.
        decided: whether a reply so far settles the outcome for good.
        share_prefix: run the layers below the first mask once per group of equal tokens.
        seeds: one a row, for masks with noise.
        slots: rows side by side; the others wait for their turn. None for all.
        refill: rows that wait enter as others end, where the cache allows it; else when all have.
        opening: read what all prompts begin with once for each mask, if it has so many tokens and
            the cache allows it.
        note_met: note what experts rows meet, if none of them has a mask.
        drafts: one a row: token ids that its reply may be, which are read before it is decoded, if
            the cache allows it.
        keep: told of each reply as it is finished, also before an error that ends the call.
    """
    instrument.forget()
    given = _given(
        loaded,
        instrument,
        prompts,
        masks,
        share=share_prefix,
        seeds=seeds,
        note_met=note_met,
    )
    found: dict[int, Reply] = {}
    loop = _Loop(given, found, keep, new_tokens=new_tokens, decided=decided)
    try:
        if opening is not None:
            loop.opening = read_opening(given, masks, opening)
        loop.drafts = drafts
        loop.run(len(prompts) if slots is None else slots, refill=refill)
    finally:
        instrument.masks, instrument.phase, instrument.counter = None, "prefill", None
    return [found[row] for row in range(len(prompts))]


class _Loop:
    """The rows that run, those that wait, and the replies of those that are done."""

    def __init__(
        self,
        given: Given,
        found: dict[int, Reply],
        keep: Keep | None,
        *,
        new_tokens: int,
        decided: Callable[[str], bool],
    ) -> None:
        self._given, self._found, self._keep = given, found, keep
        self._new_tokens, self._decided = new_tokens, decided
        self._waiting = list(range(len(given.prompts)))
        self.opening: Opening | None = None
        self.drafts: Sequence[Draft] | None = None
        self._stood: frozenset[int] = frozenset()

    def run(self, slots: int, *, refill: bool) -> None:
        """Until nobody waits."""
        while self._waiting:
            batch = self._enter(slots)
            step = 1
            try:
                while len(batch.ends) < len(batch.generated):
                    self._advance(batch)
                    step += 1
                    if step % LOOK_EVERY == 0:
                        self._collect(batch)
                        batch.drop_ended()
                        if refill and len(batch.rows) <= slots // 2:
                            self._refill(batch, slots)
            finally:
                self._collect(batch)

    def _enter(self, count: int) -> Running:
        """The next rows, with their prompts read and their first token."""
        rows, self._waiting = self._waiting[:count], self._waiting[count:]
        given, opening = self._given, self.opening
        batch = Running(given, rows) if opening is None else opening.enter(given, rows)
        self._advance(batch)
        if self.drafts is not None:
            stood = confirm(batch, self.drafts, self._settle)
            if stood:
                self._stood |= stood
                batch.drop_ended()
        return batch

    def _advance(self, batch: Running) -> None:
        batch.step()
        self._settle(batch)

    def _settle(self, batch: Running) -> None:
        batch.settle(self._new_tokens, self._decided)

    def _refill(self, batch: Running, slots: int) -> None:
        """Fills the places of rows that have ended."""
        if self._waiting and is_plain(batch.cache):
            batch.join(self._enter(slots - len(batch.rows)))

    def _collect(self, batch: Running) -> None:
        """Hands over what has ended since."""
        rows = [row for row in batch.ends if row not in self._found]
        met = self._given.met
        noted = [None] * len(rows) if met is None or not rows else met.packed(rows)
        for row, flags in zip(rows, noted, strict=True):
            reply = Reply(
                text=batch.text(row),
                ids=tuple(batch.generated[row]),
                truncated=batch.ends[row] == WINDOW,
                decided=batch.ends[row] == DECIDED,
                met=flags,
                drafted=row in self._stood,
            )
            self._found[row] = reply
            if self._keep is not None:
                self._keep(row, reply)
