"""Greedy decoding of one batch, each row under a mask of its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from gatekeeper.engine.batching import left_padded, positions
from gatekeeper.engine.load import LoadedModel
from gatekeeper.engine.masking import mask_tables
from gatekeeper.engine.prefix import decoder_layers, part_rows
from gatekeeper.engine.routing import Instrument
from gatekeeper.records.trial import Mask

#: How often rows are looked at for a decided outcome, and dropped from the batch, in steps.
_LOOK_EVERY = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What a row generated.

    Attributes:
        ids: tokens generated, the end token included.
        truncated: reached the token window without ending.
        decided: stopped early because no continuation could change the outcome.
    """

    text: str
    ids: tuple[int, ...]
    truncated: bool
    decided: bool


class _Batch:
    """The running rows of a batch: cache, masks and what each has generated.

    Rows that have seen the same tokens form a group. Layers below the first mask depend on tokens
    only, so they run once per group; their cache has a line per group, that of the layers above a
    line per row. Without sharing every row is a group of its own.
    """

    def __init__(
        self,
        loaded: LoadedModel,
        instrument: Instrument,
        prompts: Sequence[Sequence[int]],
        *,
        share: bool,
    ) -> None:
        self.loaded, self.instrument = loaded, instrument
        self.generated: list[list[int]] = [[] for _ in prompts]
        self.running = list(range(len(prompts)))
        self.finished: set[int] = set()
        self.cache: Any = None  # the model makes the kind it needs
        self.layers = decoder_layers(loaded.model, loaded.sites) if share else None
        masks = instrument.masks
        self.first = masks.first_layer(loaded.sites) if masks is not None else None
        lines = [tuple(prompt) for prompt in prompts]
        groups = lines
        if self.layers is not None and self.first is not None:
            groups = list(dict.fromkeys(lines))
        if len(groups) == len(lines):  # nothing to share
            self.layers, groups = None, lines
        self.group = [groups.index(line) for line in lines] if self.layers else self.running[:]
        self.ids, self.attention = left_padded(groups, loaded.pad_id, loaded.device)

    def step(self) -> None:
        """One forward, one greedy token for every row still in the batch."""
        chosen = self.logits().argmax(dim=-1).tolist()
        for row, token in zip(self.running, chosen, strict=True):
            if row not in self.finished:
                self.generated[row].append(token)
                if token in self.loaded.end_ids:
                    self.finished.add(row)
        self._regroup(list(zip(self.group, chosen, strict=True)))

    def logits(self) -> Tensor:
        """One forward: logits of the next token of every row still in the batch, [B, V]."""
        self.instrument.phase = "decode" if self.generated[self.running[0]] else "prefill"
        self.instrument.positions = positions(self.attention)[self.group]
        if self.layers is None or self.first is None:
            logits = self._forward()
        else:
            index = torch.tensor(self.group, device=self.ids.device)
            with part_rows(self.layers, self.first, self.ids.shape[0], index):
                logits = self._forward()
        return logits[:, -1]

    def _forward(self) -> Tensor:
        out = self.loaded.model(
            input_ids=self.ids,
            attention_mask=self.attention,
            position_ids=positions(self.attention)[:, -self.ids.shape[1] :],
            past_key_values=self.cache,
            use_cache=True,
            logits_to_keep=1,
        )
        self.cache = out.past_key_values
        logits: Tensor = out.logits
        return logits

    def _shared_layers(self) -> int:
        """Layers of the cache that have a line per group, not per row."""
        if self.layers is None or self.first is None:
            return 0
        # A decoder layer with two attentions has two layers of cache.
        return self.first * max(len(self.cache) // len(self.layers), 1)

    def _pick(self, start: int, stop: int | None, index: Tensor) -> None:
        self.loaded.architecture.pick_lines(self.cache, start, stop, index)

    def _regroup(self, seen: list[tuple[int, int]]) -> None:
        """Groups the rows anew by (group so far, next token) and sets up the next forward."""
        device = self.ids.device
        groups = list(dict.fromkeys(seen)) if self.layers is not None else seen
        place = {group: i for i, group in enumerate(groups)}
        self.group = (
            [place[item] for item in seen] if self.layers is not None else [*range(len(seen))]
        )
        lines = [parent for parent, _ in groups]
        parents = torch.tensor(lines, device=device)
        tokens = torch.tensor([token for _, token in groups], device=device)
        split = lines != list(range(self.ids.shape[0]))
        if split and self.layers is not None:
            self._pick(0, self._shared_layers(), parents)
        self.attention = torch.cat(
            [self.attention[parents], torch.ones_like(tokens)[:, None]], dim=1
        )
        self.ids = tokens[:, None]

    def text(self, row: int) -> str:
        """The reply so far, without special tokens."""
        decoded: str = self.loaded.tokenizer.decode(self.generated[row], skip_special_tokens=True)
        return decoded.strip()

    def drop_finished(self) -> None:
        """Takes finished rows out of the cache, so that they cost nothing more."""
        keep = [i for i, row in enumerate(self.running) if row not in self.finished]
        if len(keep) == len(self.running) or not keep:
            return
        index = torch.tensor(keep, device=self.ids.device)
        group = [self.group[i] for i in keep]
        # In order of appearance: with a row to each group the map is the identity, and what a
        # layer hands on per row is not taken for one line per group.
        used = list(dict.fromkeys(group))
        lines = torch.tensor(used, device=self.ids.device)
        self.running = [self.running[i] for i in keep]
        self.group = [used.index(g) for g in group]
        self.ids, self.attention = self.ids[lines], self.attention[lines]
        shared = self._shared_layers()
        self._pick(0, shared, lines)
        self._pick(shared, None, index)
        if self.instrument.masks is not None:
            self.instrument.masks = self.instrument.masks.select(index)


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
    instrument.masks = mask_tables(masks, loaded.sites, loaded.device)
    share = share_prefix and loaded.architecture.shares
    logits = _Batch(loaded, instrument, prompts, share=share).logits()
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
) -> list[Reply]:
    """Greedy replies of a batch.

    Args:
        prompts: token ids, one list a row.
        masks: one a row.
        new_tokens: the token window W.
        decided: whether a reply so far settles the outcome for good.
        share_prefix: run the layers below the first mask once per group of equal tokens.
        seeds: one a row, for masks with noise.
    """
    instrument.forget()
    instrument.masks = mask_tables(masks, loaded.sites, loaded.device, seeds)
    batch = _Batch(loaded, instrument, prompts, share=share_prefix and loaded.architecture.shares)
    stopped: set[int] = set()
    for step in range(1, new_tokens + 1):
        batch.step()
        if step % _LOOK_EVERY == 0 or step == new_tokens:
            for row in batch.running:
                if row not in batch.finished and decided(batch.text(row)):
                    batch.finished.add(row)
                    stopped.add(row)
            batch.drop_finished()
        if len(batch.finished) == len(prompts):
            break
    instrument.masks, instrument.phase = None, "prefill"
    return [
        Reply(
            text=batch.text(row),
            ids=tuple(batch.generated[row]),
            truncated=row not in batch.finished,
            decided=row in stopped,
        )
        for row in range(len(prompts))
    ]
