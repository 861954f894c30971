"""What climbing the ladder gave, and the table of it."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.timing import Spent, machine, ratios, spread
from benchmarks.workloads import Workload


@dataclass(frozen=True, slots=True, kw_only=True)
class Climbed:
    """A workload, measured.

    Attributes:
        rates: lowest and highest refusal rate of a mask.
        best: the peer's better batch.
        peers, rungs: seconds and bytes by name; the peer's seconds are scaled to all rows.
    """

    load: Workload
    rates: tuple[float, float]
    best: int
    peers: dict[str, tuple[Spent, ...]]
    rungs: dict[str, tuple[Spent, ...]]

    @property
    def base(self) -> str:
        """The peer's fastest setting, by processor time: the machine may be shared."""
        return min(self.peers, key=lambda n: statistics.median(s.cpu for s in self.peers[n]))


_ABOUT = {
    "shallow": "Masks that begin in the first layer or next to it: nothing to share below.",
    "deep": "Masks of the last two layers: two of four are below.",
    "random": "Masks of 2 to 8 experts anywhere, and the planted four.",
    "single": "Every single expert masked alone.",
    "mixed": "Random masks, requests behind none to a dozen others.",
    "whole": "The trials of the demo audit: all its masks, each on its own prompts.",
}
_GOALS = {"single": 5.0, "whole": 4.0}


def section(found: Climbed) -> str:
    """Markdown of one workload."""
    load_, base = found.load, found.base
    lines = [
        f"## Ladder: {load_.name}",
        "",
        _ABOUT[load_.name],
        "Exact mode: every rung gives the peer's tokens.",
        f"{len(load_.masks)} masks, {load_.rows:,} rows, W = {load_.new_tokens}; refusal rate by "
        f"mask {found.rates[0]:.1%} to {found.rates[1]:.1%}.",
        f"Peer's better batch: {found.best}. n = {load_.repetitions} "
        f"round{'s' if load_.repetitions > 1 else ''} in turn. {machine()}.",
    ]
    if load_.every > 1:
        lines.append(
            f"The peer ran {len(load_.sampled)} of the masks; its time is scaled by rows "
            f"({load_.scale:.1f} times)."
        )
    goal = _GOALS.get(load_.name)
    top = ratios(found.peers[base], list(found.rungs.values())[-1])
    if goal:
        reached = statistics.median(top.cpu)
        word = "reached" if reached >= goal else "not reached"
        lines.append(f"Goal: {goal:.0f} times the peer: {word} ({reached:.2f} by processor time).")
    lines += [
        "",
        "| | wall, s | processor, s | times faster: wall | processor | memory, MiB |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for name, spent in (*found.peers.items(), *found.rungs.items()):
        ratio = ratios(found.peers[base], spent)
        cells = (
            f"{name} (the measure)" if name == base else name,
            f"{statistics.median(s.wall for s in spent):.2f}",
            f"{statistics.median(s.cpu for s in spent):.2f}",
            *(("1", "1") if name == base else (spread(ratio.wall, 2), spread(ratio.cpu, 2))),
            _memory(spent),
        )
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _memory(spent: Sequence[Spent]) -> str:
    peaks = [s.peak for s in spent if s.peak is not None]
    return f"{max(peaks) / 2**20:,.0f}" if peaks else "not told"
