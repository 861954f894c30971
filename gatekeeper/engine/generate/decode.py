"""Decodes rows greedily, each under a mask of its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import takewhile

import torch
from torch import Tensor

from gatekeeper.engine.generate.batch_state import LOOK_EVERY, WINDOW, Running
from gatekeeper.engine.generate.batching import reading_rows
from gatekeeper.engine.generate.decode_context import DecodeContext
from gatekeeper.engine.generate.kv_cache import is_plain
from gatekeeper.engine.generate.prefix_sharing import attention_of, decoder_layers
from gatekeeper.engine.generate.prompt_cache import PromptCache
from gatekeeper.engine.generate.speculative import Draft, begin_with, can_begin_with, confirm
from gatekeeper.engine.model.hooks import Instrument
from gatekeeper.engine.model.load import LoadedModel
from gatekeeper.engine.model.mask_tables import mask_lines
from gatekeeper.records.reasoning import Reasoning
from gatekeeper.records.trial import Mask


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """The reply that a row generated.

    Attributes:
        ids: tokens generated, the end token included, and those of reasoning.
        truncated: reached the token window, or the bound of reasoning, without ending.
        drafted: it is the row's draft, which stood.
    """

    text: str
    ids: tuple[int, ...]
    truncated: bool
    drafted: bool = False


#: Takes the number of a row and its reply, as rows finish.
Keep = Callable[[int, Reply], None]


def _context(
    loaded: LoadedModel,
    instrument: Instrument,
    prompts: Sequence[Sequence[int]],
    masks: Sequence[Mask],
    *,
    share: bool,
    attend_once: bool = False,
    seeds: Sequence[int] | None = None,
    reasoning: Reasoning | None = None,
    ending: int | None = None,
) -> DecodeContext:
    """Prepares a call: its prompts, the tables of its masks, and what its rows share."""
    lines = mask_lines(masks, loaded.sites, loaded.device, seeds)
    first = lines.tables.first_layer(loaded.sites) if lines is not None else None
    alike = len({tuple(prompt) for prompt in prompts}) < len(prompts)
    shares = share and loaded.architecture.shares and alike and first is not None
    layers = decoder_layers(loaded.model, loaded.sites) if shares else None
    parts = layers[first] if layers is not None and first is not None and attend_once else None
    return DecodeContext(
        loaded=loaded,
        instrument=instrument,
        prompts=prompts,
        masks=lines,
        layers=layers,
        first=first,
        attention=attention_of(parts) if parts is not None else None,
        reasoning=reasoning,
        ending=ending,
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
    context = _context(loaded, instrument, prompts, masks, share=share_prefix)
    logits = Running(context, range(len(prompts))).logits()
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
    share_prefix: bool = True,
    share_attention: bool = False,
    seeds: Sequence[int] | None = None,
    slots: int | None = None,
    refill: bool = False,
    cache_prompts_from: int | None = None,
    clusters: Sequence[int] | None = None,
    drafts: Sequence[Draft] | None = None,
    keep: Keep | None = None,
    reasoning: Reasoning | None = None,
    ending: int | None = None,
) -> list[Reply]:
    """Decodes greedy replies, one a row.

    Args:
        prompts: token ids, one list a row.
        masks: one a row.
        new_tokens: the token window W.
        share_prefix: run the layers below the first mask once per group of equal tokens.
        share_attention: and the attention of that layer.
        seeds: one a row, for masks with noise.
        slots: rows side by side; the others wait for their turn. None for all.
        refill: rows that wait enter as others end, where the cache allows it; else when all have.
        cache_prompts_from: read the prefix that the prompts of a cluster share once for each mask,
            if that spares so many tokens and the cache allows it. None: never.
        clusters: one label a row, those of a cluster in a run; None: all are of one cluster.
        drafts: one a row: token ids that its reply may be, which are read before it is decoded, if
            the cache allows it.
        keep: told of each reply as it is finished, also before an error that ends the call.
        reasoning: how reasoning is told from replies, which then stands outside of the window;
            None: it is not.
        ending: tokens at the end of prompts that the template writes, which may open a block.
    """
    instrument.forget()
    context = _context(
        loaded,
        instrument,
        prompts,
        masks,
        share=share_prefix,
        attend_once=share_attention,
        seeds=seeds,
        reasoning=reasoning,
        ending=ending,
    )
    replies: dict[int, Reply] = {}
    loop = _Loop(context, replies, keep, new_tokens=new_tokens)
    loop.clusters = clusters or [0] * len(prompts)
    loop.drafts = drafts
    most = len(prompts) if slots is None else slots
    if cache_prompts_from is not None:
        loop.prompt_cache = PromptCache(context, masks, cache_prompts_from, most)
    try:
        loop.run(most, refill=refill)
    finally:
        instrument.masks, instrument.phase, instrument.counter = None, "prefill", None
    return [replies[row] for row in range(len(prompts))]


class _Loop:
    """The decoding loop: rows that run, rows that wait, and replies of those that are done."""

    def __init__(
        self,
        context: DecodeContext,
        replies: dict[int, Reply],
        keep: Keep | None,
        *,
        new_tokens: int,
    ) -> None:
        self._context, self._replies, self._keep = context, replies, keep
        self._new_tokens = new_tokens
        self._waiting = list(range(len(context.prompts)))
        self.clusters: Sequence[int] = ()
        self.prompt_cache: PromptCache | None = None
        self.drafts: Sequence[Draft] | None = None
        self._stood: frozenset[int] = frozenset()
        self._tried = 0

    def run(self, slots: int, *, refill: bool) -> None:
        """Runs batches until no row waits."""
        while self._waiting:
            batch = self._enter(slots)
            step = 1
            try:
                while len(batch.ends) < len(batch.generated):
                    if refill:
                        self._fill(batch, slots)
                    self._advance(batch)
                    step += 1
                    if step % LOOK_EVERY == 0:
                        self._collect(batch)
                        batch.drop_ended()
            finally:
                self._collect(batch)

    def _enter(self, count: int) -> Running:
        """Starts the next rows: reads their prompts and gives their first token."""
        batch, drafts = self._begin(self._next(count)), self.drafts
        stood: frozenset[int] = frozenset()
        if drafts is None:
            self._advance(batch)
        elif self._likely() and can_begin_with(batch, drafts):
            stood = begin_with(batch, drafts, self._settle)
        else:
            self._advance(batch)
            stood = confirm(batch, drafts, self._settle)
        self._stood |= stood
        self._tried += sum(bool(drafts[row]) for row in batch.rows) if drafts is not None else 0
        self._collect(batch)
        if stood:
            batch.drop_ended()
        return batch

    def _likely(self) -> bool:
        """Whether most drafts stood so far: the others cost more if they are read with prompts."""
        return bool(self._stood) and 4 * len(self._stood) >= 3 * self._tried

    def _begin(self, rows: Sequence[int]) -> Running:
        """Rows ready to read their prompts, or what comes behind their shared prefix."""
        cached = None
        if self.prompt_cache is not None:
            cluster = self.clusters[rows[0]]
            its = [row for row in self._waiting if self.clusters[row] == cluster]
            cached = self.prompt_cache.of(cluster, its)
        self._waiting = self._waiting[len(rows) :]
        enter = Running if cached is None else cached.enter
        return enter(self._context, rows)

    def _next(self, count: int) -> list[int]:
        """Up to `count` waiting rows of a cluster; fewer if that keeps a prompt's rows together."""
        cluster, prompts = self.clusters[self._waiting[0]], self._context.prompts
        count = reading_rows(count, self._context.loaded.device)
        rows = [row for row in self._waiting[:count] if self.clusters[row] == cluster]
        count = len(rows)
        if count < len(self._waiting) and prompts[self._waiting[count]] == prompts[rows[-1]]:
            # Its last run only: where masks begin in other layers, a prompt stands there again.
            alike = (prompts[row] == prompts[rows[-1]] for row in reversed(rows))
            complete = count - sum(1 for _ in takewhile(bool, alike))
            if 2 * complete >= count:
                return rows[:complete]
        return rows

    def _fill(self, batch: Running, slots: int) -> None:
        """Lets rows in where there is room: as others end, or as most drafts stand."""
        most = reading_rows(slots, self._context.loaded.device)
        entered: list[Running] = []
        live = len(batch.live())
        while self._waiting and is_plain(batch.cache):
            if live + min(most, max(1, slots // 2)) > slots:
                break
            more = self._enter(slots - live)
            if more.live():
                entered.append(more)
                live += len(more.live())
        if entered:
            batch.join(entered)

    def _advance(self, batch: Running) -> None:
        batch.step()
        self._settle(batch)

    def _settle(self, batch: Running) -> None:
        batch.settle(self._new_tokens)

    def _collect(self, batch: Running) -> None:
        """Hands over the replies of rows that have ended since the last call."""
        for row in [row for row in batch.ends if row not in self._replies]:
            reply = Reply(
                text=batch.text(row),
                ids=tuple(batch.generated[row]),
                truncated=batch.ends[row] == WINDOW,
                drafted=row in self._stood,
            )
            self._replies[row] = reply
            if self._keep is not None:
                self._keep(row, reply)
