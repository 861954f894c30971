"""Measures what share of its own roofline this machine reaches in trials of an audit."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from pathlib import Path

import numpy as np
import torch

from gatekeeper.engine.generate.batching import Encoded
from gatekeeper.engine.generate.row_plan import SweepSettings, Work
from gatekeeper.engine.generate.sweep import sweep
from gatekeeper.engine.generate.techniques import where_exact
from gatekeeper.engine.model.load import LoadedModel
from gatekeeper.engine.model.loader_progress import Progress
from gatekeeper.engine.progress import Reporter
from gatekeeper.engine.self_test.run import self_test
from gatekeeper.estimate.hardware import Device
from gatekeeper.estimate.roofline import Format, Reach, Shape, replies, seconds, shares
from gatekeeper.estimate.workload import Plan
from gatekeeper.evidence.trial_store import STORE, TrialStore

#: Side of the matrices whose product is timed, and bytes that are read for the bandwidth: far more
#: than a cache holds.
_SIDE, _BYTES = 1536, 512 << 20
#: Seconds that a sample of trials may take, and rows of the one that warms up.
_MOST_SECONDS, _WARM = 8.0, 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """The measured peak rates of this machine, and the share that trials reach.

    Attributes:
        device: this machine's peak rates, by a matrix product and by reading memory.
        efficiency: share of the roofline that trials reach, with all that saves work: it may be
            above 1.
        alive: share of rows running at each step.
        element: bytes of a weight, as it was loaded.
        self_test: seconds that the audit's self-test took.
    """

    device: Device
    efficiency: float
    alive: tuple[float, ...]
    element: float = 4.0
    self_test: float = 0.0


def rates(
    repetitions: int = 7, clock: Callable[[], float] = time.perf_counter
) -> tuple[float, float]:
    """Operations and bytes per second at best: float32 product, and a matrix times a vector."""
    square = torch.randn(_SIDE, _SIDE)
    columns = 4096
    tall, vector = torch.randn(_BYTES // 4 // columns, columns), torch.randn(columns)
    product = min(_timed(lambda: square @ square, clock) for _ in range(repetitions))
    # A product with one vector reads each element once, as decoding does with the weights.
    read = min(_timed(lambda: tall @ vector, clock) for _ in range(repetitions))
    return 2 * _SIDE**3 / product, tall.numel() * 4 / read


def _timed(work: Callable[[], object], clock: Callable[[], float] = time.perf_counter) -> float:
    begun = clock()
    work()
    return clock() - begun


def calibrate(
    loaded: LoadedModel,
    shape: Shape,
    plan: Plan,
    encoded: Sequence[Encoded],
    memory: float,
    clock: Callable[[], float] = time.perf_counter,
    reporter: Reporter | None = None,
) -> Calibration:
    """Runs some of the planned trials, on prompts drawn by the audit's seed, as the audit would.

    Args:
        encoded: the suite's usable prompts.
        memory: bytes of this machine.
        clock: seconds; `time.process_time` on a machine that others use too.
        reporter: is told how far it is.
    """
    advance = _silent if reporter is None else reporter.advance
    if reporter is not None:
        reporter.stage("self-test")
    flops, bandwidth = rates(clock=clock)
    device = Device(name="this machine", flops=flops, bandwidth=bandwidth, memory=memory)
    begun = clock()
    checks = self_test(loaded, encoded, advance)
    tried = clock() - begun
    settings = SweepSettings(
        base="warm",
        new_tokens=plan.new_tokens,
        batch_rows=plan.batch_rows,
        techniques=where_exact(checks),
    )
    by_id = {e.prompt.id: e for e in encoded}
    measuring = plan.sides()[0][1]
    drawn = np.random.default_rng(plan.config.seed).permutation(len(measuring))
    work = [
        Work(prompt=by_id[p.id], masks=plan.run_on(p.set)) for p in (measuring[i] for i in drawn)
    ]
    if reporter is not None:
        reporter.stage("sample")
    few = [replace(work[0], masks=work[0].masks[:_WARM])]
    _, warm = _swept(loaded, few, settings, clock, advance)
    work = _first(work, int(_MOST_SECONDS * len(few[0].masks) / max(warm, 1e-9)))
    tokens, taken = _swept(loaded, work, replace(settings, base="timed"), clock, advance)
    alive = shares(tokens, plan.new_tokens)
    lengths = [len(job.prompt.ids) for job in work for _ in job.masks]
    element = float(loaded.dtype.itemsize)
    kind = Format(weight=element, cache=element)
    forwards = list(replies(lengths, plan.batch_rows, alive))
    ideal = seconds(shape, forwards, device, kind, Reach(efficiency=1.0))
    return Calibration(
        device=device, efficiency=ideal / taken, alive=alive, element=element, self_test=tried
    )


def _first(work: Sequence[Work], rows: int) -> list[Work]:
    """The first prompts whose rows come to at most `rows`; if one has more, fewer of its masks."""
    behind = accumulate(len(job.masks) for job in work)
    fitting = [job for job, last in zip(work, behind, strict=True) if last <= rows]
    return fitting or [replace(work[0], masks=work[0].masks[: max(_WARM, rows)])]


def _swept(
    loaded: LoadedModel,
    work: Sequence[Work],
    settings: SweepSettings,
    clock: Callable[[], float],
    advance: Progress,
) -> tuple[list[int], float]:
    """Runs rows that are stored nowhere: the tokens of each reply, and the seconds it took."""
    with tempfile.TemporaryDirectory() as folder, TrialStore(Path(folder) / STORE) as store:
        begun = clock()
        replies, _ = sweep(loaded, work, settings, store, advance)
        return [len(reply.ids) for _, _, reply in replies], clock() - begun


def _silent(_done: int, _total: int) -> None:
    pass
