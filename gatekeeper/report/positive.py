"""The positive control in words: refusals lost without the refusal direction, and by experts."""

from __future__ import annotations

from gatekeeper.records.evidence import Evidence
from gatekeeper.records.finding import Finding
from gatekeeper.report.modes import own_mode
from gatekeeper.report.text import clean
from gatekeeper.report.wording import Wording

_METRIC, _DROP = "positive-control", "refusal-drop"


def positive_text(evidence: Evidence, words: Wording) -> tuple[str, ...]:
    """Sentences about the positive control; none of evidence older than it.

    Which layer it was is told in no report: the bundle has it.
    """
    finding = next((f for f in evidence.findings if f.metric == _METRIC), None)
    if finding is None:
        return ()
    if not isinstance(finding, Finding):
        return (words("positive.none", reason=clean(finding.reason, 200)),)
    shown = words(
        "positive.measured",
        direction=words.estimate(finding),
        broken=words.number(finding.counts.get("broken", 0), 0),
    )
    seen = words("positive.seen" if finding.interval.low > 0 else "positive.unseen")
    experts = _most_lost(evidence)
    if experts is None:
        return (shown, seen)
    return (shown, words("positive.experts", experts=words.estimate(experts)), seen)


def _most_lost(evidence: Evidence) -> Finding | None:
    """The largest loss of the same prompts under a selected mask, in the audit's own mode."""
    selectors, mode = set(evidence.settings.selectors), own_mode(evidence.settings)
    drops = (
        f
        for f in evidence.findings
        if isinstance(f, Finding)
        and f.metric == _DROP
        and (f.subject.set, f.subject.mode) == ("regular", mode)
        and f.subject.selector in selectors
    )
    return max(drops, key=lambda f: f.value, default=None)
