"""Prompts to an activation profile: integer counts, no logits and no cache kept."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
import torch

from gatekeeper.engine.batching import Encoded, left_padded, positions
from gatekeeper.engine.load import LoadedModel
from gatekeeper.engine.routing import Instrument
from gatekeeper.records.model import ModelDescription
from gatekeeper.records.profile import WINDOWS, ActivationProfile

#: The decision window: the last prompt tokens, at which the reply is decided.
DECISION_TOKENS = 4


def batches(prompts: Sequence[Encoded], size: int) -> Iterator[list[int]]:
    """Indices of the prompts in batches of like length."""
    order = sorted(range(len(prompts)), key=lambda i: (-len(prompts[i].ids), prompts[i].prompt.id))
    for start in range(0, len(order), size):
        yield order[start : start + size]


@torch.inference_mode()
def capture(
    loaded: LoadedModel,
    description: ModelDescription,
    prompts: Sequence[Encoded],
    *,
    batch_rows: int,
) -> ActivationProfile:
    """Counts of the unmasked model over the prompt tokens and the decision window."""
    shape = (len(prompts), len(loaded.sites), loaded.width)
    counts = {name: np.zeros(shape, np.int32) for name in WINDOWS}
    tokens = {name: np.zeros(len(prompts), np.int32) for name in counts}
    with Instrument(loaded.sites) as instrument:
        for index in batches(prompts, batch_rows):
            ids, attention = left_padded(
                [prompts[i].ids for i in index], loaded.pad_id, loaded.device
            )
            valid = _windows(attention)
            counted = _count(loaded, instrument, ids, attention, valid)
            for w, name in enumerate(WINDOWS):
                counts[name][index] = counted[w]
                tokens[name][index] = valid[w].sum(dim=1).cpu().numpy()
    return ActivationProfile(
        prompt_ids=tuple(p.prompt.id for p in prompts),
        sites=description.sites,
        counts=counts,
        tokens=tokens,
        attribution=None,
        attribution_note="attribution was not run",
    )


def _windows(attention: torch.Tensor) -> torch.Tensor:
    """Which tokens each of `WINDOWS` counts, bool [W, B, T]. Padding is on the left."""
    valid = attention.bool()
    last = torch.zeros_like(valid)
    last[:, -DECISION_TOKENS:] = True
    return torch.stack([valid, valid & last])


def _count(
    loaded: LoadedModel,
    instrument: Instrument,
    ids: torch.Tensor,
    attention: torch.Tensor,
    valid: torch.Tensor,
) -> npt.NDArray[np.int32]:
    """Selections in one forward, int32 [W, B, L, E]."""
    shape = (len(WINDOWS), ids.shape[0], len(loaded.sites), loaded.width)
    instrument.counts = torch.zeros(shape, dtype=torch.int64, device=ids.device)
    instrument.valid = valid
    loaded.model(
        input_ids=ids,
        attention_mask=attention,
        position_ids=positions(attention),
        use_cache=False,
        logits_to_keep=1,
    )
    counted: npt.NDArray[np.int32] = instrument.counts.cpu().numpy().astype(np.int32)
    instrument.counts = None
    return counted
