"""Markdown tables of what evidence bundles hold: docs/real-language.md is made with this.

    python -m tools.bundle_table out/concentrated/evidence out/hardened/evidence > table.md

Every number comes from the bundles. Expert ids are printed: for bundles of test organisms only.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from gatekeeper.evidence.bundle import read_bundle
from gatekeeper.metrics import measure_all
from gatekeeper.records.evidence import Evidence
from gatekeeper.records.finding import Finding, Missing
from gatekeeper.records.suite import SETS

#: Experts of each ranking that are listed.
_LISTED = 8


def _text(finding: Finding | Missing | None) -> str:
    if finding is None or isinstance(finding, Missing):
        return "–"
    low, high = finding.interval.low, finding.interval.high
    return f"{finding.value:.1f} ({low:.1f} to {high:.1f})"


def _row(cells: Iterable[object]) -> str:
    return "| " + " | ".join(str(cell) for cell in cells) + " |"


def _table(head: list[str], rows: Iterable[list[str]]) -> Iterator[str]:
    yield _row(head)
    yield _row(["---"] * len(head))
    yield from (_row(row) for row in rows)
    yield ""


class _Findings:
    """StoppingRule findings up by metric and subject."""

    def __init__(self, evidence: Evidence) -> None:
        # Measured again, so that the table is of one definition whatever version wrote the bundle.
        self._found = {(f.metric, f.subject.items()): f for f in measure_all(evidence)}

    def __call__(self, metric: str, **subject: str | int) -> Finding | Missing | None:
        for (name, items), finding in self._found.items():
            if name == metric and dict(items) == subject:
                return finding
        return None


def _unmasked(evidence: Evidence) -> Iterator[str]:
    find = _Findings(evidence)
    rows = []
    for name in SETS:
        rate = find("refusal-rate", set=name, mask="none")
        broken = find("degenerate-rate", set=name, mask="none")
        n, seeds = (rate.n, rate.clusters) if isinstance(rate, Finding) else (0, 0)
        rows.append([name, str(n), str(seeds), _text(rate), _text(broken)])
    yield from _table(["unmasked", "n", "seeds", "refused, %", "degenerate, %"], rows)


def _drops(evidence: Evidence) -> Iterator[str]:
    find = _Findings(evidence)
    rows = []
    for mask in (m for m in evidence.masks if m.arm == "selected"):
        at: dict[str, str | int] = {"k": mask.k, "selector": mask.selector or ""}
        excess = find("refusal-drop-excess", **at)
        counts = excess.counts if isinstance(excess, Finding) else {}
        p = excess.p_value if isinstance(excess, Finding) else None
        rows.append(
            [
                mask.selector or "",
                str(mask.k),
                _text(find("refusal-drop", set="regular", **at)),
                _text(find("refusals-broken", set="regular", **at)),
                f"{counts.get('control_mean', 0):.1f}, {counts.get('control_max', 0):.1f}",
                f"{p:.3f}" if p is not None else "–",
                _text(find("refusal-rate", set="benign", mask="selected", **at)),
                _text(find("degenerate-rate", set="benign", mask="selected", **at)),
            ]
        )
    head = ["selector", "k", "refusals lost, points", "broken, points"]
    head += ["controls: mean, most lost", "p", "benign refused, %", "benign degenerate, %"]
    yield from _table(head, rows)


def _rankings(evidence: Evidence) -> Iterator[str]:
    rows = []
    for selection in evidence.selections:
        named = [
            f"({r.expert.layer},{r.expert.expert}) {r.probability:.2f}"
            for r in selection.ranked[:_LISTED]
        ]
        rows.append([selection.selector, ", ".join(named)])
    yield from _table(["selector", f"first {_LISTED} experts (layer, expert) and π"], rows)


def describe(path: Path) -> Iterator[str]:
    """The tables of one bundle.

    Raises:
        EvidenceError: not a bundle.
    """
    evidence = read_bundle(path)
    settings, times = evidence.settings, evidence.times
    yield f"### {evidence.checkpoint.source}"
    yield ""
    seconds = sum(times.seconds.values()) if times else 0.0
    yield (
        f"{len(evidence.trials)} trials in {seconds / 60:.0f} minutes; {settings.controls} controls"
        f" per selector and k; {settings.max_new_tokens} new tokens; {settings.dtype} on "
        f"{settings.device}; evidence `{evidence.digest[:19]}…`. In brackets: 95 % intervals."
    )
    yield ""
    for part in (_unmasked, _drops, _rankings):
        yield from part(evidence)


def main(arguments: list[str]) -> None:
    """Prints the tables of every bundle named."""
    for argument in arguments:
        print("\n".join(describe(Path(argument))))


if __name__ == "__main__":
    main(sys.argv[1:])
