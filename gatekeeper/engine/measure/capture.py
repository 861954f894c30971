"""Counts the experts that prompts activate; keeps integer counts, no logits and no cache."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch
from torch import Tensor

from gatekeeper.engine.generate.batching import Encoded, batches, left_padded, positions
from gatekeeper.engine.model.expert_counts import Counter
from gatekeeper.engine.model.hooks import Instrument
from gatekeeper.engine.model.load import LoadedModel
from gatekeeper.engine.model.mask_tables import width_of
from gatekeeper.records.model import ModelDescription
from gatekeeper.records.profile import ActivationProfile
from gatekeeper.records.windows import WINDOWS

#: The decision window: the last prompt tokens, at which the reply is decided.
DECISION_TOKENS = 4


def by_length(loaded: LoadedModel, rows: Sequence[Sequence[int]], size: int) -> Iterator[list[int]]:
    """Indices of rows of token ids in batches of like length, longest first."""
    order = sorted(range(len(rows)), key=lambda i: (-len(rows[i]), i))
    lengths = [len(rows[i]) for i in order]
    for part in batches(lengths, size, pads=loaded.architecture.pads):
        yield order[part]


@torch.inference_mode()
def capture(
    loaded: LoadedModel,
    description: ModelDescription,
    prompts: Sequence[Encoded],
    replies: Sequence[Sequence[int]],
    *,
    batch_rows: int,
    progress: Callable[[int, int], None] | None = None,
) -> ActivationProfile:
    """The activation profile of prompts: counts and gate weights, unmasked, over `WINDOWS`.

    Args:
        replies: what the unmasked model generated to each prompt, as token ids. All but the last
            token are fed back to it; the last one is never routed.
    """
    shape = (len(prompts), len(loaded.sites), loaded.width)
    counts = {name: np.zeros(shape, np.int32) for name in WINDOWS}
    weights = {name: np.zeros(shape, np.float32) for name in WINDOWS}
    tokens = {name: np.zeros(len(prompts), np.int32) for name in WINDOWS}
    with Instrument(loaded.sites) as instrument:
        fed = [[*p.ids, *r[:-1]] for p, r in zip(prompts, replies, strict=True)]
        done = 0
        for index in by_length(loaded, fed, batch_rows):
            rows = [fed[i] for i in index]
            ids, attention = left_padded(rows, loaded.pad_id, loaded.device)
            valid = _windows(attention, [max(len(replies[i]) - 1, 0) for i in index])
            counter = _count(loaded, instrument, ids, attention, valid)
            for arrays, values in ((counts, counter.counts()), (weights, counter.weights())):
                array = values[..., : loaded.width].cpu().numpy()
                for w, name in enumerate(WINDOWS):
                    arrays[name][index] = array[w]
            for w, name in enumerate(WINDOWS):
                tokens[name][index] = valid[w].sum(dim=1).cpu().numpy()
            done += len(index)
            if progress is not None:
                progress(done, len(fed))
    return ActivationProfile(
        prompt_ids=tuple(p.prompt.id for p in prompts),
        sites=description.maskable_sites,
        counts=counts,
        weights=weights,
        tokens=tokens,
        attribution=None,
        attribution_note="attribution was not run",
    )


def _windows(attention: Tensor, generated: Sequence[int]) -> Tensor:
    """Which tokens each of `WINDOWS` counts, bool [W, B, T]. Padding is on the left."""
    valid = attention.bool()
    replies = torch.tensor(generated, device=attention.device)[:, None]
    from_end = torch.arange(attention.shape[1] - 1, -1, -1, device=attention.device)[None]
    prompt = valid & (from_end >= replies)
    decision = prompt & (from_end < replies + DECISION_TOKENS)
    return torch.stack([prompt, decision, valid & (from_end < replies)])


def _count(
    loaded: LoadedModel, instrument: Instrument, ids: Tensor, attention: Tensor, valid: Tensor
) -> Counter:
    """Runs one forward and counts the experts it chose."""
    counter = Counter(valid, len(loaded.sites), width_of(loaded.sites), gate_weights=True)
    instrument.counter = counter
    loaded.model(
        input_ids=ids,
        attention_mask=attention,
        position_ids=positions(attention),
        use_cache=False,
        logits_to_keep=1,
    )
    instrument.counter = None
    return counter
