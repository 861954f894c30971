"""Masks under every way that transformers multiplies experts, and what bfloat16 changes."""

from __future__ import annotations

import copy
from dataclasses import replace

import torch

from gatekeeper.engine.model.architectures import architecture_of
from gatekeeper.engine.model.hooks import Instrument
from tools.gpu_check.families import TOLERANCE, OnDevice, on
from tools.gpu_check.result import Part

#: `deepgemm` and `sonicmoe` need kernels of their own, and an audit never asks for them.
KERNELS = ("eager", "grouped_mm", "batched_mm")
_FAMILIES = ("qwen3_moe", "mixtral", "deepseek_v3")


def check(device: torch.device) -> Part:
    """Each kernel beside the eager one: logits, and experts that are masked."""
    part = Part(name="experts' kernels")
    for family in _FAMILIES:
        whole = on(device, family)
        experts = [(site.layer, 1) for site in whole.sites]
        rows = [experts, [], experts]
        expected: torch.Tensor | None = None
        for kernel in KERNELS:
            name = f"{family}, {kernel}"
            try:
                whole.model.set_experts_implementation(kernel)
                logits, chosen = _masked(whole, rows)
            except Exception as error:  # a kernel that is not there is a finding, not our end
                part.claim(f"{name}: runs", False, f"{type(error).__name__}: {str(error)[:120]}")
                continue
            expected = logits if expected is None else expected
            gap = float((logits - expected).abs().max())
            part.claim(f"{name}: masked logits", gap <= TOLERANCE, f"{gap:.1e} from eager")
            part.claim(f"{name}: masked experts", chosen == 0, f"chosen {chosen} times")
            _half(part, name, whole, rows)
    return part


def _masked(tiny: OnDevice, rows: list[list[tuple[int, int]]]) -> tuple[torch.Tensor, int]:
    """Logits under the masks, and how often a masked expert was chosen."""
    with Instrument(tiny.sites) as instrument:
        tiny.mask(instrument, rows, "reroute")
        logits, counts = tiny.logits(), tiny.counts(instrument)
    index = {site.layer: i for i, site in enumerate(tiny.sites)}
    hits = [counts[r, index[layer], e] for r, row in enumerate(rows) for layer, e in row]
    return logits, int(sum(hits))


def _half(part: Part, name: str, tiny: OnDevice, rows: list[list[tuple[int, int]]]) -> None:
    """Counts the tokens whose likeliest successor is another in bfloat16."""
    whole, _ = _masked(tiny, rows)
    rounded = copy.deepcopy(tiny.model).to(torch.bfloat16)
    sites = architecture_of(rounded.config.model_type).find(rounded)
    half, chosen = _masked(replace(tiny, model=rounded, sites=tuple(sites)), rows)
    part.claim(f"{name}, bfloat16: masked experts", chosen == 0, f"chosen {chosen} times")
    flips = int((whole.argmax(dim=-1) != half.argmax(dim=-1)).sum())
    part.figure(f"{name}: likeliest tokens that bfloat16 changes", [float(flips)], "", len(whole))
