"""How far next-token distributions move on the unmasked model's own benign answers."""

from __future__ import annotations

from dataclasses import replace

from gatekeeper.analysis.subjects import masked_subjects
from gatekeeper.analysis.teacher_forcing import finding, forced, per_token
from gatekeeper.records.evidence import Evidence
from gatekeeper.records.finding import Finding, Missing, Subject
from gatekeeper.records.plugins import Metric

_ID, _VERSION = "benign-divergence", 1


def _measure(evidence: Evidence, subject: Subject, confidence: float) -> Finding | Missing:
    """Mean KL(unmasked ‖ masked) per token of the benign answers the unmasked model gave, in nats.

    Kullback & Leibler 1951. 0: the mask changes nothing there.
    """
    replies = forced(evidence, subject)
    mean = (
        replies
        if isinstance(replies, str)
        else per_token(replies.divergence, replies.tokens, replies.seeds, confidence)
    )
    if not isinstance(mean, str):
        interval = replace(mean.interval, low=max(mean.interval.low, 0.0))
        mean = replace(mean, interval=interval)
    return finding(_ID, _VERSION, subject, mean, unit="nats")


METRIC = Metric(
    id=_ID,
    version=_VERSION,
    title="Divergence on benign answers",
    unit="nats",
    higher_is_worse=True,
    parameters=("k", "mode", "selector"),
    required=("k",),
    sentence=(
        "the mean divergence per token of the model's own benign answers when the {k} experts "
        "ranked highest by {selector} are masked"
    ),
    takes="masks of k experts by each selector, and benign prompts that the model answers",
    subjects=lambda evidence: masked_subjects(evidence, (None,)) if evidence.usefulness else (),
    measure=_measure,
)
