"""Looks for hooks that make the processor wait for the device in every layer."""

from __future__ import annotations

from typing import Any

import torch
from torch.profiler import ProfilerActivity, profile

from gatekeeper.engine.generate.batching import left_padded, positions
from gatekeeper.engine.model.architectures import architecture_of
from gatekeeper.engine.model.expert_counts import Counter
from gatekeeper.engine.model.hooks import Instrument
from gatekeeper.engine.model.mask_tables import mask_tables, width_of
from gatekeeper.records.trial import bare_mask
from tests.engine import zoo
from tools.gpu_check.result import Part

#: What waits: a number read out of a tensor, a tensor whose size hangs on its values, a copy back.
_WAITS = ("aten::_local_scalar_dense", "aten::nonzero", "cudaStreamSynchronize", "Memcpy DtoH")
_FAMILIES = ("qwen3_moe", "deepseek_v3", "gpt_oss")
_PROMPTS = ((5, 6, 7, 8, 9), (10, 11, 12))


def check(device: torch.device) -> Part:
    """Waits that hooks add to a forward: as many with six layers as with three."""
    part = Part(name="waiting for the device")
    for family in _FAMILIES:
        few, many = (_added(device, family, layers) for layers in (3, 6))
        part.claim(
            f"{family}: waits per layer",
            many <= few,
            f"hooks add {few} waits to a forward of 3 layers, {many} to one of 6",
        )
    return part


def _added(device: torch.device, family: str, layers: int) -> int:
    """Waits of a forward with masks and counts, beyond those of one without hooks."""
    model = zoo.build(family, num_hidden_layers=layers).to(device)
    sites = tuple(site for site in architecture_of(family).find(model) if site.routed)
    ids, attention = left_padded(_PROMPTS, 0, device)

    def forward() -> None:
        model(
            input_ids=ids,
            attention_mask=attention,
            position_ids=positions(attention),
            use_cache=False,
        )

    with torch.inference_mode():
        forward()
        plain = _waits(forward)
        with Instrument(sites) as instrument:
            masks = [bare_mask([(site.layer, 1) for site in sites]), bare_mask([])]
            instrument.masks = mask_tables(masks, sites, device)
            instrument.counter = Counter(
                attention.bool()[None], len(sites), width_of(sites), gate_weights=True
            )
            forward()
            return _waits(forward) - plain


def _waits(work: Any) -> int:
    activities = [ProfilerActivity.CPU]
    if torch.cuda.is_available():
        activities.append(ProfilerActivity.CUDA)
    with profile(activities=activities) as seen:
        work()
    return sum(
        event.count for event in seen.key_averages() if any(name in event.key for name in _WAITS)
    )
