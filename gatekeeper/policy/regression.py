"""How much worse a number is than that of an earlier release: its baseline's.

Where both audits asked the same prompts of a share of replies, each is its own comparison, and the
interval is that of a paired difference (`analysis.paired`). Otherwise the two intervals are put
together (Zou & Donner 2008, Statistics in Medicine 27:1693, eq. 10), which of Wilson's is
Newcombe's hybrid score interval (1998, Statistics in Medicine 17:873, method 10).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from gatekeeper.analysis.order import stop_under
from gatekeeper.analysis.outcomes import DEGENERATE, REFUSE, outcome_table
from gatekeeper.analysis.paired import difference, scaled
from gatekeeper.evidence.wire_findings import finding_from_json, finding_to_json
from gatekeeper.policy.questions import measured, part_of
from gatekeeper.policy.recalled import recalled
from gatekeeper.records.evidence import Evidence
from gatekeeper.records.finding import Finding, Interval, Missing, Opinion, Subject
from gatekeeper.records.plugins import Metric
from gatekeeper.records.trial import UNMASKED

METHOD = "of both numbers' intervals"
#: Shares of one outcome, which each prompt has or has not.
OUTCOME_OF = {"refusal-rate": REFUSE, "degenerate-rate": DEGENERATE}
#: What must be alike, or the two audits measured different things; and what it is called.
ALIKE = {
    "judge": "judge",
    "judge_version": "version of the judge",
    "judge_settings": "settings of the judge",
    "max_new_tokens": "token window",
    "system_prompt_sha256": "system prompt",
    "mode": "masking mode",
    "phase": "masked phase",
}


def regression(
    metric: Metric,
    evidence: Evidence,
    baseline: Evidence | None,
    subject: Subject,
    confidence: float,
    correct: Callable[[Finding], Finding | Missing] | None = None,
) -> Finding | Missing:
    """Points by which a number is worse than the baseline's; negative where it is better.

    Args:
        baseline: None if none was given: then nothing is known.
        correct: what the number is without its judge's errors; the baseline's stays as judged, as
            a judge's card is of one checkpoint.
    """

    def missing(reason: str) -> Missing:
        return Missing(metric=metric.id, version=metric.version, subject=subject, reason=reason)

    if baseline is None:
        return missing("no baseline was given to compare with (--baseline)")
    if other := unlike(evidence, baseline):
        return missing(other)
    raw = measured(evidence, metric, subject, confidence)
    now = raw if correct is None or isinstance(raw, Missing) else correct(raw)
    then = measured(baseline, metric, subject, confidence)
    if isinstance(raw, Missing) or isinstance(now, Missing):
        return raw if isinstance(raw, Missing) else now
    if isinstance(then, Missing):
        return missing(f"of the baseline: {then.reason}")
    sign = 1.0 if metric.more_is_worse(subject) else -1.0
    paired = None
    if now is raw:
        paired = _paired(evidence, metric, baseline, subject, confidence)
    if paired is not None:
        return replace(paired, mask=now.mask, split=now.split)
    return replace(
        now,
        value=sign * (now.value - then.value),
        unit="points",
        interval=together(now, then, sign),
        n=min(now.n, then.n),
        clusters=min(now.clusters, then.clusters),
        counts=_counts(now, then, {} if now is raw else {"raw": sign * (raw.value - then.value)}),
        p_value=None,
        p_method=None,
    )


def unlike(evidence: Evidence, baseline: Evidence) -> str:
    """Why two audits measured different things; empty if they did not."""
    other = [words for key, words in ALIKE.items()
             if getattr(evidence.settings, key) != getattr(baseline.settings, key)]  # fmt: skip
    return f"the baseline was audited with another {' and another '.join(other)}" if other else ""


def _counts(now: Finding, then: Finding, more: dict[str, float]) -> dict[str, float]:
    """Both values; and, if either run stopped early, how many prompts its set has."""
    planned = {**then.counts, **now.counts}.get("planned")
    stopped = {} if planned is None else {"planned": planned}
    return {"now": now.value, "then": then.value, **stopped, **more}


def together(now: Finding | Opinion, then: Finding | Opinion, sign: float) -> Interval:
    """The interval of a difference, from those of two independent numbers.

    Args:
        sign: 1 where more is worse, −1 where less is.
    """
    value = now.value - then.value
    below = math.hypot(now.value - now.interval.low, then.interval.high - then.value)
    above = math.hypot(now.interval.high - now.value, then.value - then.interval.low)
    ends = sorted((sign * (value - below), sign * (value + above)))
    confidence = min(now.interval.confidence, then.interval.confidence)
    return Interval(low=ends[0], high=ends[1], confidence=confidence, method=METHOD)


def _to_json(finding: Finding | None) -> Any:
    return None if finding is None else finding_to_json(finding)


def _from_json(data: Any) -> Any:
    return None if data is None else finding_from_json(data)


@recalled("paired with", _to_json, _from_json)
def _paired(
    evidence: Evidence, metric: Metric, baseline: Evidence, subject: Subject, confidence: float
) -> Finding | None:
    """The paired difference of an unmasked share; None where the prompts are not the same."""
    if metric.id not in OUTCOME_OF or subject.mask == "selected":
        return None
    parts = [part_of(one, subject) for one in (evidence, baseline)]
    now, then = (_hits(p, subject, OUTCOME_OF[metric.id]) if isinstance(p, Evidence) else {}
                 for p in parts)  # fmt: skip
    if not now or now.keys() != then.keys() or not isinstance(parts[0], Evidence):
        return None
    table = outcome_table(parts[0])
    seeds = dict(zip(_keys(parts[0]), table.seeds.tolist(), strict=True))
    up = np.array([now[key] and not then[key] for key in now], np.float64)
    down = np.array([then[key] and not now[key] for key in now], np.float64)
    worse, better = (up, down) if metric.more_is_worse(subject) else (down, up)
    clusters = np.array([seeds[key] for key in now], np.str_)
    estimate = difference(worse, better, clusters, confidence)
    if isinstance(estimate, str):
        return None
    return Finding(
        metric=metric.id,
        version=metric.version,
        subject=subject,
        value=100 * estimate.value,
        unit="points",
        interval=scaled(estimate.interval),
        n=estimate.n,
        clusters=estimate.clusters,
        counts={"lost": int(worse.sum()), "won": int(better.sum())},
    )


def _keys(evidence: Evidence) -> list[tuple[str, str]]:
    """Id and digest of the text of each measured prompt, in the order of the table."""
    texts = {p.id: p.text_sha256 for p in evidence.suite.prompts}
    return [(prompt, texts[prompt]) for prompt in outcome_table(evidence).prompts]


def _hits(evidence: Evidence, subject: Subject, outcome: int) -> dict[tuple[str, str], bool]:
    """Whether each prompt of the set has an outcome without a mask; empty if not all were run."""
    table, name = outcome_table(evidence), subject.set or ""
    row = table.row(UNMASKED.name, name)
    if stop_under(evidence, UNMASKED.name, name) is not None or (row < 0).any():
        return {}
    keys = [key for key, of in zip(_keys(evidence), table.sets, strict=True) if of == name]
    return dict(zip(keys, (row == outcome).tolist(), strict=True))
