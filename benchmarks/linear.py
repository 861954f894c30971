"""Whether the cost of an audit grows with its rows and no faster: 1, 2, 4 and 8 times the work.

python -m benchmarks.linear --page docs/benchmarks.md
"""

from __future__ import annotations

import statistics
from functools import partial
from pathlib import Path

import click
import torch

from benchmarks.ladder import Rung, Swept
from benchmarks.page import write_section
from benchmarks.timing import Spent, machine, rounds, spread
from benchmarks.workloads import AUDIT, Workload, audited, load, sized
from gatekeeper import catalog
from gatekeeper.engine.model.load import LoadedModel, quiet_transformers
from gatekeeper.records.plugins import Judge

_TIMES = (1, 2, 4, 8)
#: Small enough that the smallest work fills more than one.
_ROWS = 128
_WITHIN = 1.25


def measured(
    loaded: LoadedModel, judge: Judge, loads: list[Workload], repetitions: int
) -> dict[int, tuple[Spent, ...]]:
    """Seconds by number of rows."""
    rung = Rung(name=AUDIT, rows=_ROWS, techniques=audited(loaded))
    variants = {
        str(one.rows): partial(Swept, loaded, one, rung, judge, one.work()) for one in loads
    }
    next(iter(variants.values()))()  # what is made on first use
    return {
        int(rows): spent for rows, spent in rounds(variants, repetitions, warm_up=False).items()
    }


def section(found: dict[int, tuple[Spent, ...]], repetitions: int) -> str:
    """Markdown of it."""
    least = min(found)
    each = {
        rows: [s.cpu / rows / (b.cpu / least) for s, b in zip(spent, found[least], strict=True)]
        for rows, spent in found.items()
    }
    worst = max(statistics.median(ratios) for ratios in each.values())
    word = "linear" if worst <= _WITHIN else "not linear"
    lines = [
        "## Cost in rows",
        "",
        f"The sweep as an audit runs it, six masks, batches of {_ROWS}, more and more prompts. n = "
        f"{repetitions} rounds in turn. {machine()}. By processor time per row {word} (at most "
        f"{worst:.2f} times that of the smallest).",
        "",
        "| rows | wall, s | processor, s | ms a row | per row, against the smallest |",
        "| --- | --- | --- | --- | --- |",
    ]
    for rows, spent in sorted(found.items()):
        cpu = statistics.median(s.cpu for s in spent)
        wall = statistics.median(s.wall for s in spent)
        lines.append(
            f"| {rows:,} | {wall:.2f} | {cpu:.2f} | {1e3 * cpu / rows:.2f} "
            f"| {'1' if rows == least else spread(each[rows], 2)} |"
        )
    return "\n".join(lines) + "\n"


@click.command()
@click.option("--threads", default=1, show_default=True)
@click.option("--repetitions", default=3, show_default=True)
@click.option("--page", type=click.Path(path_type=Path), help="Write it to this file.")
def main(threads: int, repetitions: int, page: Path | None) -> None:
    """Measure 1, 2, 4 and 8 times the rows."""
    torch.set_num_threads(threads)
    quiet_transformers()
    loaded, judge = load(), catalog.load("judge", "refusal-rules")
    loads = [sized(loaded, 48 * times) for times in _TIMES]
    text = section(measured(loaded, judge, loads, repetitions), repetitions)
    print(text)
    if page is not None:
        write_section(page, "linear", text)


if __name__ == "__main__":
    main()
