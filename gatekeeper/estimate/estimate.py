"""Estimates hours, memory and needed devices from a plan and a device; torch-free.

Every time is a range: nobody knows beforehand what share of its roofline a device reaches.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from gatekeeper.errors import UsageError
from gatekeeper.estimate.hardware import Device
from gatekeeper.estimate.roofline import (
    USABLE,
    Format,
    Memory,
    Reach,
    Shape,
    devices_needed,
    memory,
    seconds,
)
from gatekeeper.estimate.working_memory import working_memory
from gatekeeper.estimate.workload import Plan, Stage, selector, stages

#: Assumed of GPUs until one is measured: share of the roofline, and seconds of a layer's kernels to
#: be started from Python, at best and at worst.
BEST, WORST = Reach(efficiency=0.7, host=0.2e-3), Reach(efficiency=0.3, host=1.0e-3)
#: Rows side by side where the memory decides: as `engine.generate.batch_size` does it.
USUAL_ROWS, MOST_ROWS = 128, 1024
#: A calibration of seconds stands for an audit of minutes or hours.
FASTER, SLOWER = 0.8, 1.25

_ALWAYS = (
    "an upper bound of rows: selectors find unlike masks, and every harmful prompt is refused",
    "not counted: resampling, roles, environments, variants, and the judge",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class StageTime:
    """A stage, and seconds at best and at worst."""

    name: str
    rows: int
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """What an audit will take.

    Attributes:
        per_replica: devices that one copy of the model needs; `replicas`: copies side by side.
        assumptions: all that the numbers rest on, in plain words.
    """

    stages: tuple[StageTime, ...]
    memory: Memory
    per_replica: int
    replicas: int
    device: Device
    assumptions: tuple[str, ...]

    @property
    def low(self) -> float:
        """Seconds in all, at best."""
        return sum(stage.low for stage in self.stages)

    @property
    def high(self) -> float:
        """Seconds in all, at worst."""
        return sum(stage.high for stage in self.stages)

    @property
    def devices(self) -> int:
        """Devices in use."""
        return self.per_replica * self.replicas

    @property
    def hours(self) -> tuple[float, float]:
        """Device hours, at best and at worst."""
        return self.low * self.devices / 3600, self.high * self.devices / 3600


def fitting_rows(longest: int, new_tokens: int, shape: Shape, kind: Format, device: Device) -> int:
    """Rows that fit beside the weights, on as few devices as hold the usual number of them.

    Args:
        longest: tokens of the longest prompt; `new_tokens` come behind it.
    """
    sweep = working_memory(
        shape, kind.cache, longest=longest, new_tokens=new_tokens, rows=USUAL_ROWS, processor=False
    ).sweep
    weights = memory(shape, kind, batch_rows=0, context=0)
    usual = replace(weights, working=sweep)
    room = devices_needed(usual, device) * USABLE * device.memory - usual.weights
    apiece = sweep / USUAL_ROWS
    return max(1, min(MOST_ROWS, int(room / apiece)))


def on_device(plan: Plan, shape: Shape, kind: Format, device: Device, gpus: int | None) -> Estimate:
    """The estimate for GPUs on which nothing was measured, by their published rates.

    Args:
        gpus: how many there are; None for as few as hold the model.

    Raises:
        UsageError: they do not hold it.
    """
    needed = _memory(plan, shape, kind)
    apiece = devices_needed(needed, device)
    have = apiece if gpus is None else gpus
    if have < apiece:
        raise UsageError(
            f"{needed.total / 1e9:,.0f} GB do not fit on {have} {device.name.upper()}",
            remedy=f"use --gpus {apiece} or more, or a smaller --batch-rows",
        )
    replicas = have // apiece
    steps = range(1, plan.new_tokens)
    # At best replies end evenly over the window; at worst none ends before it.
    ending = tuple(1 - step / plan.new_tokens for step in steps)
    best = _times(stages(plan, shape, ending), shape, device, kind, BEST)
    worst = _times(stages(plan, shape, (1.0,) * len(steps)), shape, device, kind, WORST)
    return Estimate(
        stages=_joined(stages(plan, shape, ending), best, worst, replicas),
        memory=needed,
        per_replica=apiece,
        replicas=replicas,
        device=device,
        assumptions=(*_assumed(kind, apiece, replicas), *_ALWAYS),
    )


def on_this_machine(
    plan: Plan,
    shape: Shape,
    device: Device,
    efficiency: float,
    alive: Sequence[float],
    element: float = 4.0,
    *,
    needed: Memory,
) -> Estimate:
    """The estimate for this machine, by what a calibration measured.

    Args:
        element: bytes of a weight.
        needed: by which the audit itself would be refused here.
    """
    kind = Format(weight=element, cache=element)
    work = stages(plan, shape, alive)
    middle = _times(work, shape, device, kind, Reach(efficiency=efficiency))
    low = {name: value * FASTER for name, value in middle.items()}
    high = {name: value * SLOWER for name, value in middle.items()}
    return Estimate(
        stages=_joined(work, low, high, 1),
        memory=needed,
        per_replica=1,
        replicas=1,
        device=device,
        assumptions=(
            "all stages reach what some of the trials did, run here just now, give or take "
            f"{1 - FASTER:.0%} to {SLOWER - 1:.0%}",
            "replies end as soon as those did, whose masks are of experts drawn at random",
            "memory is what the smallest batch takes, or that of --batch-rows, with a quarter of "
            "the working memory to spare: batches grow into what else is free",
            *_ALWAYS,
        ),
    )


def _memory(plan: Plan, shape: Shape, kind: Format) -> Memory:
    """Of a batch of the longest prompt, and what beside it some step of the audit works in."""
    longest = max(plan.lengths[p.id] for p in plan.prompts)
    found = memory(shape, kind, batch_rows=plan.batch_rows, context=longest + plan.new_tokens)
    work = working_memory(
        shape,
        kind.cache,
        longest=longest,
        new_tokens=plan.new_tokens,
        rows=plan.batch_rows,
        attributes=any(selector(name).needs_attribution for name in plan.config.selectors),
        processor=False,
    )
    return replace(found, working=max(0.0, work.most - found.cache - found.logits))


def _times(
    work: Sequence[Stage], shape: Shape, device: Device, kind: Format, reach: Reach
) -> dict[str, float]:
    return {s.name: seconds(shape, s.forwards, device, kind, reach) for s in work}


def _joined(
    work: Sequence[Stage], low: Mapping[str, float], high: Mapping[str, float], replicas: int
) -> tuple[StageTime, ...]:
    return tuple(
        StageTime(
            name=stage.name,
            rows=stage.rows,
            low=low[stage.name] / replicas,
            high=high[stage.name] / replicas,
        )
        for stage in work
    )


def _assumed(kind: Format, apiece: int, replicas: int) -> tuple[str, ...]:
    lines = [
        f"{WORST.efficiency:.0%} to {BEST.efficiency:.0%} of the published peak rates (roofline)",
        f"{BEST.host * 1e3:.1f} to {WORST.host * 1e3:.1f} ms per layer and forward to start "
        "kernels from Python",
        "replies end evenly over the window at best, none before it at worst",
        f"{kind.weight:g} byte{'' if kind.weight == 1 else 's'} per weight, {kind.cache:g} per "
        "element of cache; arithmetic at the 16-bit rate",
        "tokens choose experts evenly; no layers are shared between masks",
        f"{USABLE:.0%} of the memory holds weights, cache and what forwards work in",
    ]
    if apiece > 1:
        lines.append(
            f"a model spread over {apiece} GPUs runs at the pace of one: its layers wait for each "
            "other"
        )
    if replicas > 1:
        lines.append(f"{replicas} copies of the model side by side lose nothing: rows are apart")
    return tuple(lines)
