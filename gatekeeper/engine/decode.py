"""Greedy decoding of one batch, each row under a mask of its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from gatekeeper.engine.batching import left_padded, positions
from gatekeeper.engine.load import LoadedModel
from gatekeeper.engine.prefix import decoder_layers, part_cache, part_rows
from gatekeeper.engine.routing import Instrument

#: How often rows are looked at for a decided outcome, and dropped from the batch, in steps.
_LOOK_EVERY = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What a row generated.

    Attributes:
        tokens: tokens generated, the end token included.
        truncated: reached the token window without ending.
        decided: stopped early because no continuation could change the outcome.
    """

    text: str
    tokens: int
    truncated: bool
    decided: bool


class _Batch:
    """The running rows of a batch: cache, masks and what each has generated."""

    def __init__(
        self, loaded: LoadedModel, instrument: Instrument, prompts: Sequence[Sequence[int]]
    ) -> None:
        from transformers import DynamicCache

        self.loaded, self.instrument = loaded, instrument
        self.prompts = [tuple(prompt) for prompt in prompts]
        self.ids, self.attention = left_padded(prompts, loaded.pad_id, loaded.device)
        self.generated: list[list[int]] = [[] for _ in prompts]
        self.running = list(range(len(prompts)))
        self.finished: set[int] = set()
        self.cache = DynamicCache(config=loaded.model.config)

    def prefill(self, *, share: bool) -> None:
        """The first forward and token; layers below the first mask run once per prompt."""
        first = self.instrument.first_masked_layer()
        distinct = list(dict.fromkeys(self.prompts))
        layers = decoder_layers(self.loaded.model, self.loaded.sites) if share else None
        if first is None or layers is None or len(distinct) == len(self.prompts):
            self._advance(self._forward(self.ids, self.attention))
            return
        index = torch.tensor([distinct.index(p) for p in self.prompts], device=self.ids.device)
        ids, attention = left_padded(distinct, self.loaded.pad_id, self.loaded.device)
        with part_rows(layers, first, len(distinct), index):
            logits = self._forward(ids, attention)
        part_cache(self.cache, first, index)
        self._advance(logits)

    def step(self) -> None:
        """One forward, one greedy token for every row still in the batch."""
        self._advance(self._forward(self.ids, self.attention))

    def _forward(self, ids: Tensor, attention: Tensor) -> Tensor:
        logits: Tensor = self.loaded.model(
            input_ids=ids,
            attention_mask=attention,
            position_ids=positions(attention)[:, -ids.shape[1] :],
            past_key_values=self.cache,
            use_cache=True,
            logits_to_keep=1,
        ).logits
        return logits

    def _advance(self, logits: Tensor) -> None:
        chosen = logits[:, -1].argmax(dim=-1)
        for row, token in zip(self.running, chosen.tolist(), strict=True):
            if row not in self.finished:
                self.generated[row].append(token)
                if token in self.loaded.end_ids:
                    self.finished.add(row)
        self.ids = chosen[:, None]
        self.attention = torch.cat([self.attention, torch.ones_like(chosen)[:, None]], dim=1)

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
        self.running = [self.running[i] for i in keep]
        self.ids, self.attention = self.ids[index], self.attention[index]
        self.cache.batch_select_indices(index)
        if self.instrument.mask is not None:
            self.instrument.set_mask(self.instrument.mask[index])


@torch.inference_mode()
def decode(
    loaded: LoadedModel,
    instrument: Instrument,
    prompts: Sequence[Sequence[int]],
    masks: Tensor,
    *,
    new_tokens: int,
    decided: Callable[[str], bool],
    share_prefix: bool = True,
) -> list[Reply]:
    """Greedy replies of a batch.

    Args:
        prompts: token ids, one list a row.
        masks: bool [B, L, E].
        new_tokens: the token window W.
        decided: whether a reply so far settles the outcome for good.
        share_prefix: run the layers below the first mask once per prompt.
    """
    instrument.set_mask(masks.to(loaded.device) if bool(masks.any()) else None)
    batch = _Batch(loaded, instrument, prompts)
    stopped: set[int] = set()
    for step in range(1, new_tokens + 1):
        if step == 1:
            batch.prefill(share=share_prefix)
        else:
            batch.step()
        if step % _LOOK_EVERY == 0 or step == new_tokens:
            for row in batch.running:
                if row not in batch.finished and decided(batch.text(row)):
                    batch.finished.add(row)
                    stopped.add(row)
            batch.drop_finished()
        if len(batch.finished) == len(prompts):
            break
    instrument.set_mask(None)
    return [
        Reply(
            text=batch.text(row),
            tokens=len(batch.generated[row]),
            truncated=row not in batch.finished,
            decided=row in stopped,
        )
        for row in range(len(prompts))
    ]
