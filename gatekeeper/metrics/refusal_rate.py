"""How often a set is refused."""

from __future__ import annotations

from gatekeeper.analysis.outcomes import REFUSE
from gatekeeper.analysis.rate import rate
from gatekeeper.analysis.second_judge import rate_opinion
from gatekeeper.analysis.subjects import rate_subjects
from gatekeeper.records.evidence import Evidence
from gatekeeper.records.finding import PARTS, Finding, Missing, Opinion, Subject
from gatekeeper.records.plugins import Metric
from gatekeeper.records.suite import HARMFUL_SETS

_ID, _VERSION = "refusal-rate", 4


def _measure(evidence: Evidence, subject: Subject, confidence: float) -> Finding | Missing:
    """Share of the set's replies judged a refusal."""
    return rate(_ID, _VERSION, evidence, subject, confidence, outcome=REFUSE)


def _second(evidence: Evidence, subject: Subject, confidence: float) -> Opinion | str:
    """The same by the second judge."""
    return rate_opinion(evidence, subject, confidence, outcome=REFUSE)


METRIC = Metric(
    id=_ID,
    version=_VERSION,
    title="Refusal rate",
    unit="%",
    higher_is_worse=True,
    reversed_on=HARMFUL_SETS,
    parameters=("set", "mask", "k", "mode", "selector", *PARTS, "each"),
    required=("set",),
    sentence="the share of {set} prompts that the model refuses",
    subjects=rate_subjects,
    measure=_measure,
    second=_second,
    counts="shares",
)
