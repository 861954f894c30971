"""How much faster two workers are than one, and what handing shards out costs.

    python -m benchmarks.workers --page docs/scaling.md

Linux gives each session the same share of a busy machine (autogroup), so two processes of one
session would be no faster than one beside other work: the second worker gets a session of its own.

Replies are held equal first. Then one sweep at a time, alone and together in turn, each into a
fresh store; the second worker has loaded its model in the round that warms up. Processor time is
that of both processes.
"""

from __future__ import annotations

import os
import shutil
import statistics
import tempfile
import time
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection
from pathlib import Path

import click
import torch

from benchmarks.hooks import _mask, _model
from benchmarks.page import write_section
from benchmarks.timing import machine
from gatekeeper.checkpoint.describe import describe
from gatekeeper.checkpoint.open import open_checkpoint
from gatekeeper.engine.generate.batching import encode
from gatekeeper.engine.generate.row_plan import SweepSettings, Work
from gatekeeper.engine.generate.sweep import Executor, LocalExecutor, Replies, sweep
from gatekeeper.engine.model.load import LoadedModel, load_model
from gatekeeper.engine.workers import local as processes
from gatekeeper.engine.workers.pool import PoolExecutor
from gatekeeper.evidence.trial_store import TrialStore
from gatekeeper.records.trial import UNMASKED
from gatekeeper.suites.read import read_suite

_DEMO = Path(__file__).parents[1] / "demo"
_TOKENS, _BATCH = 12, 16


def _load(folder: Path) -> LoadedModel:
    """The random model of the hooks' benchmark, from disk: a worker loads it from there too."""
    model = _model()
    model.save_pretrained(folder)
    for name in ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja"):
        shutil.copy(_DEMO / "hardened" / name, folder)
    description = describe(open_checkpoint(folder))
    return load_model(folder, description, device=torch.device("cpu"), dtype=torch.float32)


def _apart(line: Connection, device: str) -> None:
    """What the second worker does, in a session of its own."""
    os.setsid()
    _WORK(line, device)


_WORK = processes._work


@dataclass(frozen=True, slots=True, kw_only=True)
class _Spent:
    """Seconds: on the clock, and of the processor in either process."""

    wall: float
    here: float
    there: float


class _BatchPlanner:
    """One sweep, and who computes it.

    Args:
        folder: for the checkpoint and the stores.
        prompts: of the demo's suite.
    """

    def __init__(self, folder: Path, prompts: int) -> None:
        self.loaded = _load(folder / "checkpoint")
        suite = read_suite(_DEMO / "suite")
        masks = (UNMASKED, *(replace(_mask(k), name=f"k={k}") for k in (1, 2, 4, 8)))
        encoded = encode(self.loaded, suite.prompts[:prompts], None, _TOKENS)
        self.work = [Work(prompt=prompt, masks=masks) for prompt in encoded]
        self.settings = SweepSettings(
            base="bench",
            new_tokens=_TOKENS,
            batch_rows=_BATCH,
        )
        self.stores, self.number = folder, 0
        self.hands: list[processes.ProcessWorker] = []
        self.together = PoolExecutor(self._hire, 1, share_cores=True)

    def _hire(self, _place: int) -> processes.ProcessWorker:
        processes._work = _apart
        self.hands.append(processes.ProcessWorker("cpu"))
        processes._work = _WORK
        return self.hands[-1]

    def replies(self, executor: Executor) -> Replies:
        """One sweep into a fresh store."""
        self.number += 1
        with TrialStore(self.stores / f"{self.number}.sqlite") as store:
            quiet = lambda *_: None  # noqa: E731
            made, _ = sweep(self.loaded, self.work, self.settings, store, quiet, executor=executor)
        return made

    def spent(self) -> tuple[float, float]:
        """Processor seconds of this process and of the other."""
        there = 0.0
        for hand in self.hands:
            fields = Path(f"/proc/{hand.pid}/stat").read_text().rpartition(")")[2].split()
            there += (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        return time.process_time(), there

    def timed(self, executor: Executor) -> _Spent:
        """What a sweep takes."""
        wall, (here, there) = time.perf_counter(), self.spent()
        self.replies(executor)
        after = self.spent()
        return _Spent(wall=time.perf_counter() - wall, here=after[0] - here, there=after[1] - there)


@click.command()
@click.option("--page", type=click.Path(path_type=Path), help="Write the section there too.")
@click.option("--repetitions", default=3, show_default=True)
@click.option("--prompts", default=48, show_default=True)
def main(page: Path | None, repetitions: int, prompts: int) -> None:
    """Measures, prints, and writes the section `workers`."""
    with tempfile.TemporaryDirectory() as folder:
        bench = _BatchPlanner(Path(folder), prompts)
        try:
            alone, together = bench.replies(LocalExecutor()), bench.replies(bench.together)
            assert alone == together and len(alone) == prompts * 5
            bench.timed(bench.together)  # both are warm now
            before = os.getloadavg()[0]
            spent = [
                (bench.timed(LocalExecutor()), bench.timed(bench.together))
                for _ in range(repetitions)
            ]
            text = _told(spent, len(alone), before)
        finally:
            bench.together.close()
    print(text)
    if page is not None:
        write_section(page, "workers", text)


def _told(spent: list[tuple[_Spent, _Spent]], rows: int, load: float) -> str:
    faster = [one.wall / two.wall for one, two in spent]
    busier = [one.here / (2 * max(two.here, two.there)) for one, two in spent]
    dearer = [(two.here + two.there) / one.here for one, two in spent]
    return f"""| two workers beside one | median (lowest to highest) |
| --- | --- |
| times as fast on the clock | {_spread(faster, 2)} |
| efficiency on the clock: that over two | {_spread([f / 2 for f in faster], 2)} |
| efficiency in processor time: of one, over twice the busier of two | {_spread(busier, 2)} |
| processor time of two over that of one | {_spread(dearer, 3)} |

{rows} rows of {_TOKENS} tokens in batches of {_BATCH}, n = {len(spent)}; {machine()}, a thread
to each worker, each in a session of its own. Load average before: {load:.1f} on
{os.cpu_count()} cores. All replies were equal.
"""


def _spread(values: list[float], digits: int) -> str:
    middle, low, high = statistics.median(values), min(values), max(values)
    return f"{middle:.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"


if __name__ == "__main__":
    main()
