"""How much harder the unmasked model's own benign answers become under a mask."""

from __future__ import annotations

import math
from dataclasses import replace

from gatekeeper.analysis.subjects import masked_subjects
from gatekeeper.analysis.teacher_forcing import finding, forced, per_token
from gatekeeper.records.evidence import Evidence
from gatekeeper.records.finding import Finding, Missing, Subject
from gatekeeper.records.plugins import Metric

_ID, _VERSION = "usefulness-loss", 1


def _measure(evidence: Evidence, subject: Subject, confidence: float) -> Finding | Missing:
    """Ratio of perplexities, masked to unmasked, of the benign answers the unmasked model gave.

    Perplexity is exp of the mean −log p per token (Jelinek et al. 1977); the answers are forced, so
    both models are asked about the same words. 1: nothing lost. The interval is that of the mean,
    taken through exp.
    """
    replies = forced(evidence, subject)
    mean = (
        replies
        if isinstance(replies, str)
        else per_token(replies.loss, replies.tokens, replies.seeds, confidence)
    )
    if not isinstance(mean, str):
        low, high = _ratio(mean.interval.low), _ratio(mean.interval.high)
        interval = replace(mean.interval, low=low, high=high)
        mean = replace(mean, value=_ratio(mean.value), interval=interval)
    return finding(_ID, _VERSION, subject, mean, unit="ratio")


def _ratio(nats: float) -> float:
    # A reply that has become impossible is infinitely perplexing: a number, so that it can fail.
    return math.exp(min(nats, 50.0))


METRIC = Metric(
    id=_ID,
    version=_VERSION,
    title="Usefulness lost under masking",
    unit="ratio",
    higher_is_worse=True,
    parameters=("k", "mode", "selector"),
    required=("k",),
    sentence=(
        "the perplexity of the model's own benign answers when the {k} experts ranked highest by "
        "{selector} are masked, as a multiple of that without a mask"
    ),
    takes="masks of k experts by each selector, and benign prompts that the model answers",
    subjects=lambda evidence: masked_subjects(evidence, (None,)) if evidence.usefulness else (),
    measure=_measure,
)
