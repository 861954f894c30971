"""The dose–response: refusals lost against how strongly the experts are disturbed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from gatekeeper.records.evidence import Evidence
from gatekeeper.records.finding import Finding, Missing
from gatekeeper.records.trial import MODE, Mask
from gatekeeper.report.modes import amount_text, read_mode
from gatekeeper.report.wording import Wording

#: What is drawn apart: shares of the contribution that is left, strengths of noise.
PANELS = ("scale", "noise")

#: Metric, selector, k and mode of a finding.
_At = tuple[str, str | None, int | None, str | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One way of disturbing experts.

    Attributes:
        kind: `scale` (ablation is a factor of 0), `noise`, or `reroute`.
        amount: factor or sigma as in the mode; 0.0 for `reroute`.
        own: whether it is the mode of the audit itself.
    """

    mode: str
    kind: str
    amount: float
    own: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class DosePoint:
    """What one selector's experts cost under one step."""

    drop: Finding | Missing | None
    broken: Finding | Missing | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DoseSeries:
    """One selector's largest mask; `points` by mode."""

    selector: str
    k: int
    points: Mapping[str, DosePoint]


@dataclass(frozen=True, slots=True, kw_only=True)
class Doses:
    """The refusals lost under weakened masks, beside those under the audit's own mode.

    Attributes:
        steps: in the order of the table: scales, the least disturbance first, then noise, then
            reroute, each mode once.
        series: the selector the verdict turned on first, as in the refusal curve.
        phase: where the masks hold.
    """

    steps: tuple[Step, ...]
    series: tuple[DoseSeries, ...]
    phase: str

    def of(self, kind: str) -> tuple[Step, ...]:
        """The steps of a panel: those of its kind, and reroute at its end."""
        steps = tuple(step for step in self.steps if step.kind == kind)
        return (*steps, *(s for s in self.steps if s.kind == "reroute")) if steps else ()

    @property
    def measured(self) -> tuple[Finding, ...]:
        """Refusals lost, wherever they were measured."""
        drops = (point.drop for series in self.series for point in series.points.values())
        return tuple(drop for drop in drops if isinstance(drop, Finding))


def build_doses(evidence: Evidence, worst: str | None) -> Doses | None:
    """The dose–response, or None if none was measured."""
    masks = {(m.selector, m.k): m for m in evidence.masks if m.arm == "dose"}
    selected = [m for m in evidence.masks if m.arm == "selected" and (m.selector, m.k) in masks]
    run = [*(m for m in evidence.masks if m.arm == "dose"), *selected]
    findings = {
        (f.metric, f.subject.selector, f.subject.k, f.subject.mode): f
        for f in evidence.findings
        if f.metric in {"refusal-drop", "refusals-broken"} and f.subject.set == "regular"
    }
    series = tuple(
        DoseSeries(
            selector=selector or "",
            k=k,
            points={m.mode: _point(findings, m) for m in run if (m.selector, m.k) == (selector, k)},
        )
        for selector, k in sorted(masks, key=lambda at: (at[0] != worst, at))
    )
    doses = Doses(steps=_steps(run), series=series, phase=evidence.settings.phase)
    return doses if doses.measured and any(doses.of(kind) for kind in PANELS) else None


def _point(findings: Mapping[_At, Finding | Missing], mask: Mask) -> DosePoint:
    at = (mask.selector, mask.k, None if mask.how == MODE else mask.how)
    return DosePoint(
        drop=findings.get(("refusal-drop", *at)), broken=findings.get(("refusals-broken", *at))
    )


def _steps(masks: Iterable[Mask]) -> tuple[Step, ...]:
    steps = {mask.mode: step for mask in masks if (step := _step(mask))}
    return tuple(sorted(steps.values(), key=_strength))


def _step(mask: Mask) -> Step | None:
    read = read_mode(mask.mode)
    if read is None:
        return None
    kind, amount = read
    kind = "scale" if kind == "ablate" else kind
    return Step(mode=mask.mode, kind=kind, amount=amount, own=mask.arm == "selected")


def _strength(step: Step) -> tuple[int, float, str]:
    rank = (*PANELS, "reroute").index(step.kind)
    return rank, -step.amount if step.kind == "scale" else step.amount, step.mode


def step_text(step: Step, words: Wording) -> str:
    """What a step does to an expert, for the table."""
    if step.kind == "reroute":
        return words("doses.row_reroute")
    return words(f"doses.row_{step.kind}", amount=amount_text(step.kind, step.amount, words))
