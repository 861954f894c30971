"""How near decoding and reading come to what this machine can do at best.

    python -m benchmarks.roofline --checkpoint DIRECTORY --page docs/benchmarks.md

The two ceilings, a matrix product and reading memory, are measured in the same run. A forward takes
at least as long as its arithmetic or its traffic at those rates (roofline: Williams, Waterman and
Patterson 2009); the share is that least time over what it took. Where the batch that decodes most
rows a second stays below the goal, a profile says where the time goes.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import click
import torch

from benchmarks.page import write_section
from benchmarks.timing import Spent, machine, rounds
from benchmarks.workloads import load
from gatekeeper.checkpoint.describe import describe
from gatekeeper.checkpoint.open import open_checkpoint
from gatekeeper.engine.calibrate import rates
from gatekeeper.engine.generate.decode import decode
from gatekeeper.engine.model.hooks import Instrument
from gatekeeper.engine.model.load import LoadedModel
from gatekeeper.estimate.hardware import Device
from gatekeeper.estimate.model_size import shape_of
from gatekeeper.estimate.roofline import Format, Forward, Reach, Shape, operations, seconds, traffic
from gatekeeper.records.trial import Mask, bare_mask

_TOKENS, _STEPS = 16, 6
_BATCHES = (1, 4, 16, 64)
_GOAL = 0.5
_FLOAT32 = Format(weight=4.0, cache=4.0)
_TOP = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """A model, and the ways to run it.

    Attributes:
        masks: one a row; rows repeat them in turn.
    """

    loaded: LoadedModel
    shape: Shape
    device: Device
    masks: tuple[Mask, ...]

    def prompts(self, rows: int) -> list[list[int]]:
        """Random tokens."""
        generator = torch.Generator().manual_seed(rows)
        ids = torch.randint(100, self.shape.vocabulary, (rows, _TOKENS), generator=generator)
        return [list(map(int, row)) for row in ids]

    def ours(self, rows: int, steps: int) -> None:
        """The sweep's own decode, a mask a row, every row to the end."""
        with Instrument(self.loaded.sites) as instrument:
            masks = [self.masks[i % len(self.masks)] for i in range(rows)]
            decode(
                self.loaded,
                instrument,
                self.prompts(rows),
                masks,
                new_tokens=steps,
            )

    @torch.inference_mode()
    def plain(self, rows: int, steps: int) -> None:
        """The model as it comes, a cache and nothing else."""
        ids, cache = torch.tensor(self.prompts(rows)), None
        model: Any = self.loaded.model
        for _ in range(steps):
            out = model(input_ids=ids, past_key_values=cache, use_cache=True, logits_to_keep=1)
            cache, ids = out.past_key_values, out.logits[:, -1:].argmax(dim=-1)

    def least(self, rows: int, *, decoding: bool) -> tuple[float, str]:
        """Seconds at the nearer ceiling, and which it is."""
        forwards = [Forward(rows=rows, tokens=_TOKENS, context=_TOKENS)]
        if decoding:
            forwards = [
                Forward(rows=rows, tokens=1, context=_TOKENS + step) for step in range(1, _STEPS)
            ]
        work = [(forward, 1) for forward in forwards]
        arithmetic = sum(operations(self.shape, f) for f in forwards) / self.device.flops
        moved = sum(traffic(self.shape, f, _FLOAT32) for f in forwards) / self.device.bandwidth
        ideal = seconds(self.shape, work, self.device, _FLOAT32, Reach(efficiency=1.0))
        return ideal, "arithmetic" if arithmetic > moved else "memory"


def prepare(path: Path) -> Bench:
    """The checkpoint, and this machine's rates."""
    opened = open_checkpoint(path)
    description = describe(opened)
    # By processor time, as all the rest: the machine may be shared.
    flops, bandwidth = rates(clock=time.process_time)
    sites = description.maskable_sites
    masks = [bare_mask([(s.layer, i % s.experts) for s in sites[:4]]) for i in range(8)]
    return Bench(
        loaded=replace(load(path), end_ids=frozenset()),
        shape=shape_of(opened, description),
        device=Device(name="this machine", flops=flops, bandwidth=bandwidth, memory=0.0),
        masks=tuple(masks),
    )


def _median(spent: tuple[Spent, ...]) -> float:
    return sorted(s.cpu for s in spent)[len(spent) // 2]


def measured(bench: Bench, repetitions: int) -> list[tuple[int, dict[str, float], str]]:
    """Per batch size: shares and rates by name, and both ceilings' names."""
    found = []
    bench.ours(1, 2)  # what is made on first use
    for rows in _BATCHES:
        spent = rounds(
            {
                "ours, prefill": partial(bench.ours, rows, 1),
                "ours": partial(bench.ours, rows, _STEPS),
                "plain, prefill": partial(bench.plain, rows, 1),
                "plain": partial(bench.plain, rows, _STEPS),
            },
            repetitions,
            warm_up=False,
        )
        taken = {name: _median(one) for name, one in spent.items()}
        prefill, near_prefill = bench.least(rows, decoding=False)
        steps, near_steps = bench.least(rows, decoding=True)
        ours = max(taken["ours"] - taken["ours, prefill"], 1e-9)
        plain = max(taken["plain"] - taken["plain, prefill"], 1e-9)
        values = {
            "prefill": prefill / taken["ours, prefill"],
            "decode": steps / ours,
            "tokens a second": rows * (_STEPS - 1) / ours,
            "prefill over plain": taken["ours, prefill"] / taken["plain, prefill"],
            "decode over plain": ours / plain,
        }
        found.append((rows, values, f"{near_prefill} / {near_steps}"))
    return found


def profile(work: Callable[[], None]) -> list[tuple[str, float]]:
    """Operators by their own share of the processor time, largest first."""
    from torch.profiler import ProfilerActivity
    from torch.profiler import profile as watch

    with watch(activities=[ProfilerActivity.CPU]) as seen:
        work()
    events = seen.key_averages()
    total = sum(event.self_cpu_time_total for event in events)
    shares = [(event.key, event.self_cpu_time_total / total) for event in events]
    return sorted(shares, key=lambda pair: -pair[1])[:_TOP]


def section(bench: Bench, repetitions: int) -> str:
    """Markdown of it all."""
    table = measured(bench, repetitions)
    best = max(table, key=lambda line: line[1]["tokens a second"])
    rows, values, _ = best
    lines = [
        "## How near to the machine's limits",
        "",
        f"{bench.shape.parameters / 1e6:,.1f} M parameters ({bench.shape.active / 1e6:,.1f} M work "
        f"on a token), prompts of {_TOKENS} tokens, {_STEPS - 1} steps behind them, a mask a row. "
        f"{machine()}.",
        f"Ceilings, measured in this run: {bench.device.flops / 1e9:,.0f} GFLOP/s in a matrix "
        f"product, {bench.device.bandwidth / 1e9:,.1f} GB/s read. n = {repetitions}, medians of "
        "processor time.",
        "",
        "| batch | nearer ceiling, prefill / decode | prefill reaches | decode reaches "
        "| tokens a second | prefill over the plain model | decode over it |",
        "| --- |" + " --- |" * 6,
    ]
    for size, one, near in table:
        lines.append(
            f"| {size} | {near} | {one['prefill']:.0%} | {one['decode']:.0%} "
            f"| {one['tokens a second']:.1f} | {one['prefill over plain']:.2f} "
            f"| {one['decode over plain']:.2f} |"
        )
    for name in ("prefill", "decode"):
        word = "reached" if values[name] >= _GOAL else "not reached"
        lines.append(
            f"{'' if name == 'decode' else chr(10)}Goal for {name} at batch {rows}: {_GOAL:.0%}: "
            f"{word} ({values[name]:.0%})."
        )
    if min(values["prefill"], values["decode"]) < _GOAL:
        lines += ["", *_profiles(bench, rows)]
    return "\n".join(lines) + "\n"


def _profiles(bench: Bench, rows: int) -> list[str]:
    lines = [
        f"Where the time goes at batch {rows} (operators, share of their own processor time):",
        "",
    ]
    parts = {"prefill": 1, f"prefill and {_STEPS - 1} steps": _STEPS}
    for name, steps in parts.items():
        told = profile(partial(bench.ours, rows, steps))
        lines.append(f"- {name}: " + ", ".join(f"`{op}` {share:.0%}" for op, share in told))
    return lines


@click.command()
@click.option("--checkpoint", default="", help="Directory of a real-language MoE.")
@click.option("--threads", default=1, show_default=True)
@click.option("--repetitions", default=2, show_default=True)
@click.option("--page", type=click.Path(path_type=Path), help="Write it to this file.")
def main(checkpoint: str, threads: int, repetitions: int, page: Path | None) -> None:
    """Measure this machine's ceilings and the share of them that the engine reaches."""
    torch.set_num_threads(threads)
    if not checkpoint or not Path(checkpoint).is_dir():
        print("roofline: left out: give a real-language checkpoint with --checkpoint DIRECTORY")
        return
    text = section(prepare(Path(checkpoint)), repetitions)
    print(text)
    if page is not None:
        write_section(page, "roofline", text)


if __name__ == "__main__":
    main()
