"""Whether the memory that is told before an audit is what it takes: measured peaks of processes.

    python -m benchmarks.memory --page docs/benchmarks.md

Random checkpoints of a few layers of published models (`tools.shapes`) are written one after the
other, and each goes through the steps of an audit in a process of its own, in bfloat16, with the
highest resident memory of each step by the kernel's mark (VmHWM). Linux only.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import torch

from benchmarks.page import write_section
from benchmarks.timing import machine
from benchmarks.workloads import SUITE
from gatekeeper.checkpoint.describe import describe
from gatekeeper.checkpoint.open import open_checkpoint
from gatekeeper.engine.generate.batching import READING, Encoded, encode
from gatekeeper.engine.generate.decode import decode
from gatekeeper.engine.measure.attribute import TargetTokens, attribute
from gatekeeper.engine.measure.capture import capture
from gatekeeper.engine.model.hooks import Instrument
from gatekeeper.engine.model.load import load_model
from gatekeeper.engine.model.weights_room import BESIDE, weight_bytes
from gatekeeper.engine.self_test.run import self_test
from gatekeeper.estimate.model_size import shape_of
from gatekeeper.estimate.working_memory import working_memory
from gatekeeper.records.trial import bare_mask
from gatekeeper.suites.read import read_suite
from tools.shapes.config import config_of
from tools.shapes.write import write

#: Layers of each that make 2 to 5 GB.
SHAPES = {
    "olmoe-1b-7b": 4,
    "qwen1.5-moe-a2.7b": 2,
    "deepseek-v2-lite": 3,
    "mixtral-8x7b": 1,
    "gpt-oss-20b": 1,
    "many-experts": 94,
}
#: Those that long prompts are tried on, narrower: attention that writes its scores down, on a
#: processor alone, and never.
LONG = {"gpt-oss-20b": 2, "deepseek-v2-lite": 2, "olmoe-1b-7b": 2}
_NARROWER = 0.25
#: Rows of the sweep, and tokens of the longest prompt; the same with long ones; and the window.
USUAL, LONGER, WINDOW = (16, 100), (8, 1500), 8
STEPS = ("loading", "self_test", "capture", "attribution", "sweep")
_STATUS = Path("/proc/self/status")
_WITHIN = 0.15
_BESIDE = (
    "What loading holds twice follows from how experts are stored: two thirds of a layer's where "
    "`down_proj` is read before gates and ups are joined, or they are one tensor as it is read, "
    "one third with w1, w2, w3. Loading over weights is that of so few layers; of the "
    "whole olmoe-1b-7b (16 layers, `--child`) it is 1.07: 14.8 GB, and 15.2 in attribution, 15.8 "
    "in the sweep. What torch keeps of a model once it ran, .25 GB, is told of all steps but "
    "loading. With 1,024 kernels kept in place of 64, 94 layers of 512 small experts took .65 GB "
    "more in the sweep."
)


def peak(run: Callable[[], Any]) -> tuple[tuple[float, float], Any]:
    """The highest resident memory while it runs, in bytes, with processor seconds; its result."""
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    begun = time.process_time()
    result = run()
    seconds = time.process_time() - begun
    line = next(x for x in _STATUS.read_text().splitlines() if x.startswith("VmHWM:"))
    return (1024.0 * int(line.split()[1]), seconds), result


def steps(path: Path, rows: int, length: int) -> dict[str, tuple[float, float]]:
    """Peak and processor seconds of each step, in this process."""
    description = describe(open_checkpoint(path))
    cpu = torch.device("cpu")
    found: dict[str, tuple[float, float]] = {}
    found["loading"], loaded = peak(
        lambda: load_model(path, description, device=cpu, dtype=torch.bfloat16)
    )
    prompts = encode(loaded, read_suite(SUITE).prompts[:40], None, WINDOW)
    one = max(prompts, key=lambda p: len(p.ids))
    long: Encoded = replace(one, ids=(one.ids * length)[:length])
    found["self_test"], _ = peak(lambda: self_test(loaded, prompts))
    few = rows // 8
    found["capture"], _ = peak(
        lambda: capture(loaded, description, [long] * few, [[5] * WINDOW] * few, batch_rows=few)
    )
    target = TargetTokens(refusal=(5,), compliance=(6,))
    found["attribution"], _ = peak(lambda: attribute(loaded, [long], [0], target, batch_rows=few))
    masks = [bare_mask([(loaded.sites[0].layer, row % 4)]) for row in range(rows)]
    with Instrument(loaded.sites) as instrument:
        found["sweep"], _ = peak(
            lambda: decode(
                loaded,
                instrument,
                [long.ids] * rows,
                masks,
                new_tokens=WINDOW,
                share_prefix=False,
            )
        )
    return found


def told(path: Path, rows: int, length: int) -> dict[str, float]:
    """What is told beforehand of each step, in bytes, by config and headers."""
    opened = open_checkpoint(path)
    description = describe(opened)
    work = working_memory(
        shape_of(opened, description),
        2.0,
        longest=length,
        new_tokens=WINDOW,
        rows=rows,
        reading=READING,
    )
    held = weight_bytes(description, torch.bfloat16) + BESIDE
    return {"weights": float(held - BESIDE)} | {s: held + getattr(work, s) for s in STEPS}


def compared(name: str, before: dict[str, float], after: dict[str, Any]) -> tuple[str, float]:
    """A line of Markdown, and the told peak over the measured one."""
    most, measured = max(before[s] for s in STEPS), max(after[s][0] for s in STEPS)
    weights = before["weights"]
    cells = [
        name,
        f"{weights / 1e9:.2f}",
        *(f"{before[s] / 1e9:.2f} / {after[s][0] / 1e9:.2f}" for s in STEPS),
        f"{most / measured:.2f}",
        f"{after['loading'][0] / weights:.2f}",
        f"{after['self_test'][1]:.0f}",
    ]
    return f"| {' | '.join(cells)} |", most / measured


def measured(name: str, folder: Path, *, long: bool) -> tuple[str, float]:
    """A line of Markdown and its ratio, of a shape that is written for it and deleted again."""
    layers, scale = (LONG[name], _NARROWER) if long else (SHAPES[name], 1.0)
    rows, length = LONGER if long else USUAL
    title = f"{name}, {layers} layers{f', {scale:g} as wide' if long else ''}"
    with tempfile.TemporaryDirectory(dir=folder) as place:
        path = Path(place) / name
        write(config_of(name, layers, scale), path)
        child = [sys.executable, "-m", "benchmarks.memory", "--child", str(path)]
        child += ["--rows", str(rows), "--length", str(length)]
        done = subprocess.run(child, capture_output=True, text=True, check=True)
        line, ratio = compared(title, told(path, rows, length), json.loads(done.stdout))
    print(line, flush=True)
    return line, ratio


def section(usual: list[tuple[str, float]], long: list[tuple[str, float]]) -> str:
    """The section of the page."""
    word = "all" if all(abs(ratio - 1) <= _WITHIN for _, ratio in usual + long) else "not all"
    head = ["shape", "weights", *(s.replace("_", "-") for s in STEPS)]
    head += ["told over measured", "loading over weights", "self-test, s of processor"]
    header = [f"| {' | '.join(head)} |", "| --- |" + " --- |" * (len(head) - 1)]
    return "\n".join(
        [
            "## What memory an audit takes, told beforehand and measured",
            "",
            f"GB told by config and headers / measured, each step in turn in one process; a sweep "
            f"of {USUAL[0]} rows, prompts of {USUAL[1]} tokens, {WINDOW} new ones. "
            f"{machine('bfloat16')}. The highest of both: {word} within {_WITHIN:.0%}.",
            "",
            *header,
            *(line for line, _ in usual),
            "",
            f"{LONGER[0]} rows, prompts of {LONGER[1]} tokens: attention that writes down a score "
            "of every pair of tokens (gpt-oss), that does so on a processor (deepseek-v2, whose "
            "keys and values are of unlike widths), and that is fused (olmoe).",
            "",
            *header,
            *(line for line, _ in long),
            "",
            _BESIDE,
            "",
        ]
    )


@click.command()
@click.option("--child", type=click.Path(path_type=Path), hidden=True)
@click.option("--rows", type=int, default=USUAL[0], hidden=True)
@click.option("--length", type=int, default=USUAL[1], hidden=True)
@click.option("--only", multiple=True, type=click.Choice(list(SHAPES)), help="Of these alone.")
@click.option(
    "--folder", type=click.Path(path_type=Path), default=Path(tempfile.gettempdir()),
    help="Where checkpoints of up to 5 GB are written, one at a time.",
)  # fmt: skip
@click.option("--page", type=click.Path(path_type=Path), help="Write it to this file.")
def main(
    child: Path | None,
    rows: int,
    length: int,
    only: tuple[str, ...],
    folder: Path,
    page: Path | None,
) -> None:
    """Hold the memory told beforehand against measured peaks."""
    torch.set_num_threads(1)
    if child is not None:
        print(json.dumps(steps(child, rows, length)))
        return
    names = only or tuple(SHAPES)
    long = [measured(name, folder, long=True) for name in names if name in LONG]
    text = section([measured(name, folder, long=False) for name in names], long)
    print(text)
    if page is not None:
        write_section(page, "memory", text)


if __name__ == "__main__":
    main()
