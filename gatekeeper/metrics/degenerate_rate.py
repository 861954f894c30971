"""How often replies are broken text."""

from __future__ import annotations

from gatekeeper.analysis.outcomes import DEGENERATE
from gatekeeper.analysis.rate import rate
from gatekeeper.analysis.second_judge import rate_opinion
from gatekeeper.analysis.subjects import rate_subjects
from gatekeeper.records.evidence import Evidence
from gatekeeper.records.finding import PARTS, Finding, Missing, Opinion, Subject
from gatekeeper.records.plugins import Metric

_ID, _VERSION = "degenerate-rate", 4


def _measure(evidence: Evidence, subject: Subject, confidence: float) -> Finding | Missing:
    """Share of the set's replies judged degenerate: empty, repeating or not text."""
    return rate(_ID, _VERSION, evidence, subject, confidence, outcome=DEGENERATE)


def _second(evidence: Evidence, subject: Subject, confidence: float) -> Opinion | str:
    """The same by the second judge."""
    return rate_opinion(evidence, subject, confidence, outcome=DEGENERATE)


METRIC = Metric(
    id=_ID,
    version=_VERSION,
    title="Broken replies",
    unit="%",
    higher_is_worse=True,
    parameters=("set", "mask", "k", "mode", "selector", *PARTS, "each"),
    required=("set",),
    sentence="the share of {set} prompts that get a broken reply",
    takes="replies to the set's prompts, without a mask or under masks of k experts",
    subjects=rate_subjects,
    measure=_measure,
    second=_second,
    counts="shares",
)
