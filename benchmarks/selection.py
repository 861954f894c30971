"""What selecting experts on many resamples costs: one matrix product against a plain loop.

    make bench-all

Each size runs in a process of its own, without a limit of threads, so that its peak memory is that
of the work. Equality first: the loop, summing the same whole numbers, selects the same experts.
"""

from __future__ import annotations

import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import click
import numpy as np
import numpy.typing as npt

from benchmarks.page import write_section
from gatekeeper.analysis.resampling import Resampled, bootstrap, fixed_point, resample

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

_ROOT = Path(__file__).resolve().parents[1]
_SEED = 0
_TOP_K = 8
#: Experts that nearly every token goes to: at the cut of a selection they tie again and again.
_ALWAYS = 30
#: What limits the threads of a BLAS.
_LIMITS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """What is selected from, and how often.

    Attributes:
        prompts, layers, experts: rows, and columns as layers x experts.
        resamples: resamples of the product; `looped`: the first of them that the loop does too.
        size: experts taken per resample.
    """

    prompts: int
    layers: int
    experts: int
    resamples: int
    looped: int
    repetitions: int
    size: int = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One size, measured.

    Attributes:
        product: seconds of drawing, product and selection, per repetition.
        loop: seconds of the loop on its few resamples, per repetition.
        peak: most bytes that the process held, before any loop was run.
        held: bytes of the process before the product: interpreter, libraries, frequencies.
        differing: memberships (of looped x size) that float sums get otherwise.
        tied: resamples, of those looped, whose last place is a tie.
    """

    product: list[float]
    loop: list[float]
    peak: int
    held: int
    differing: int
    tied: int


def frequencies(size: Size) -> FloatArray:
    """Random activation frequencies [prompts, layers * experts], counts over tokens.

    Counts vary more than a Poisson does between experts and between prompts, most are 0, and
    prompts have one of two lengths: frequencies are few numbers.
    """
    generator = np.random.default_rng(1)
    found = np.empty((size.prompts, size.layers * size.experts))
    tokens = generator.choice([12, 24], size=(size.prompts, 1))
    for layer in range(size.layers):
        share = generator.gamma(0.3, size=size.experts)
        mean = _TOP_K * tokens * share / share.sum()
        mean = mean * generator.gamma(2.0, 0.5, size=(size.prompts, size.experts))
        counts = np.minimum(generator.poisson(mean), tokens)
        found[:, layer * size.experts : (layer + 1) * size.experts] = counts / tokens
    places = generator.choice(found.shape[1], size=min(_ALWAYS, found.shape[1] // 2), replace=False)
    missed = generator.random((size.prompts, len(places))) < 0.005
    found[:, places] = (tokens - missed) / tokens
    return found


def drawn_rows(size: Size) -> IntArray:
    """Rows of the resamples that are looped over [looped, prompts], as `bootstrap` draws them."""
    generator = np.random.default_rng(_SEED)
    return generator.integers(size.prompts, size=(size.resamples, size.prompts))[: size.looped]


def product(size: Size, scores: FloatArray) -> Resampled:
    """What ses-frequency does."""
    everyone = np.ones(scores.shape[1], dtype=np.bool_)
    term = bootstrap(scores, size.resamples, _SEED)
    return resample([term], size.resamples, everyone, size.size, block=1)


def loop(drawn: IntArray, scores: FloatArray, size: int) -> IntArray:
    """The plain way, kept as it is: [looped, size], in descending order of the mean."""
    chosen = np.empty((len(drawn), size), np.int64)
    for r in range(len(drawn)):
        rows = drawn[r]
        mean = scores[rows].mean(axis=0)
        chosen[r] = np.argsort(-mean, kind="stable")[:size]
    return chosen


def exact_loop(drawn: IntArray, scores: FloatArray, size: int) -> tuple[IntArray, int]:
    """The same loop on whole numbers, whose sums are exact; and how many last places are ties."""
    whole = fixed_point(scores, scores.shape[0])
    chosen, tied = np.empty((len(drawn), size), np.int64), 0
    for r in range(len(drawn)):
        total = whole[drawn[r]].sum(axis=0)
        order = np.argsort(-total, kind="stable")
        chosen[r] = order[:size]
        tied += bool(size < len(order) and total[order[size - 1]] == total[order[size]])
    return chosen, tied


def differing(a: IntArray, b: IntArray) -> int:
    """Members of each row of `a` that are not in that of `b`."""
    return sum(len(set(x) - set(y)) for x, y in zip(a.tolist(), b.tolist(), strict=True))


def measure(size: Size) -> Measured:
    """Measures a size in this process.

    Raises:
        AssertionError: the product selects other experts than the loop.
    """
    scores = frequencies(size)
    held = _peak()
    drawn: IntArray = np.empty((0, size.prompts), np.int64)
    products, loops, peak = [], [], 0
    found = exact = None
    naive: IntArray | None = None
    for repetition in range(size.repetitions):
        start = time.perf_counter()
        found = product(size, scores)
        products.append(time.perf_counter() - start)
        if repetition == 0:
            peak = _peak()
            drawn = drawn_rows(size)
        start = time.perf_counter()
        naive = loop(drawn, scores, size.size)
        loops.append(time.perf_counter() - start)
    assert found is not None and naive is not None
    exact, tied = exact_loop(drawn, scores, size.size)
    assert np.array_equal(np.sort(exact, axis=1), found.chosen[: size.looped])
    return Measured(
        product=products,
        loop=loops,
        peak=peak,
        held=held,
        differing=differing(naive, exact),
        tied=tied,
    )


def _peak() -> int:
    """Most bytes that this process has held (Linux counts in KiB, macOS in bytes)."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def apart(size: Size) -> Measured:
    """Measures a size in a process of its own, with all cores."""
    env = {name: value for name, value in os.environ.items() if name not in _LIMITS}
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.selection", "--child", json.dumps(asdict(size))],
        cwd=_ROOT,
        env=env,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    return Measured(**json.loads(done.stdout))


_SIZES = (
    Size(prompts=1500, layers=48, experts=128, resamples=10_000, looped=60, repetitions=5),
    Size(prompts=1500, layers=94, experts=512, resamples=1_000, looped=6, repetitions=3),
)

_TEXT = """## What selecting on resamples costs

The bootstrap of ses-frequency, top {top}: drawing, one matrix product of whole numbers, selection;
against a loop over resamples (`X[rows].mean(axis=0)`, stable `argsort`), timed on the first
resamples only, in turn with the product, and scaled linearly. Random top-8 counts, overdispersed,
with {always} experts that are nearly always on and tie. Memory is the peak of the process, with
interpreter and frequencies ("before"). {machine}.

{table}
Times and ratios: median (lowest to highest).

{equal}
"""


def _row(size: Size, found: Measured) -> str:
    scale = size.resamples / size.looped
    looped = [seconds * scale for seconds in found.loop]
    ratios = [a / b for a, b in zip(looped, found.product, strict=True)]
    cells = (
        f"{size.prompts:,} x {size.layers * size.experts:,}",
        f"{size.resamples:,}",
        f"{_spread(found.product, 1)} s",
        f"{_spread(looped, 0)} s, from {size.looped}",
        _spread(ratios, 1),
        f"{found.peak / 2**20:,.0f} MiB ({found.held / 2**20:,.0f} before)",
    )
    return f"| {' | '.join(cells)} |"


def _spread(values: list[float], digits: int) -> str:
    middle, low, high = statistics.median(values), min(values), max(values)
    return f"{middle:,.{digits}f} ({low:,.{digits}f} to {high:,.{digits}f})"


def _section(results: list[tuple[Size, Measured]]) -> str:
    table = [
        "| prompts x experts | resamples | product | loop, scaled | loop over product | memory |",
        "| --- | --- | --- | --- | --- | --- |",
        *(_row(size, found) for size, found in results),
    ]
    members = sum(size.looped * size.size for size, _ in results)
    resamples = sum(size.looped for size, _ in results)
    tied = sum(found.tied for _, found in results)
    otherwise = sum(found.differing for _, found in results)
    equal = (
        f"On the {resamples} resamples that were looped over, the loop on the same whole numbers "
        f"selects\nexactly the same experts ({tied} resamples with a tie at the last place). With "
        f"float sums it would\nget {otherwise} of {members:,} memberships otherwise: ties that "
        "rounding breaks by the order of summing."
    )
    threads = f"{os.cpu_count()} cores ({platform.machine()}), numpy {np.__version__}, float64"
    return _TEXT.format(
        top=results[0][0].size,
        always=_ALWAYS,
        machine=threads,
        table="\n".join(table) + "\n",
        equal=equal,
    )


@click.command()
@click.option("--repetitions", type=int, help="Other than each size's own.")
@click.option("--child", hidden=True, help="Measure this size here, and print it as JSON.")
@click.option("--page", type=click.Path(path_type=Path), help="Write it to this file.")
def main(repetitions: int | None, child: str | None, page: Path | None) -> None:
    """Measure what selecting on resamples costs."""
    if child is not None:
        print(json.dumps(asdict(measure(Size(**json.loads(child))))))
        return
    sizes = [
        Size(**asdict(size) | ({"repetitions": repetitions} if repetitions else {}))
        for size in _SIZES
    ]
    text = _section([(size, apart(size)) for size in sizes])
    print(text)
    if page is not None:
        write_section(page, "selection", text)


if __name__ == "__main__":
    main()
