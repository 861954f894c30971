"""What a number could be, should undecided replies be known: the widest that they leave open.

Worst-case bounds for outcomes that are missing (Manski 1990, American Economic Review 80:319):
undecided replies are taken for each outcome in turn, and the interval is the hull of all. The
unmasked model, selected masks and all others are taken apart, since what makes a number large in
one makes it small in another.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from itertools import chain, product

from gatekeeper.records.evidence import Evidence
from gatekeeper.records.finding import Finding, Missing
from gatekeeper.records.trial import OUTCOMES, UNDECIDED

REFUSE, COMPLY, DEGENERATE = OUTCOMES
_METHOD = "widened to all that undecided replies could be"
#: What the arms are held against each other as; the rest is one part too.
_PARTS = {"unmasked": "unmasked", "selected": "selected", "dose": "selected"}


@lru_cache(maxsize=8)
def completions(evidence: Evidence) -> tuple[Evidence, ...]:
    """The evidence with its undecided replies filled in, each way; nothing if none is undecided."""
    arms = {mask.name: _PARTS.get(mask.arm, "other") for mask in evidence.masks}
    undecided = {arms.get(t.mask, "other") for t in evidence.trials if t.outcome == UNDECIDED}
    parts = sorted(undecided)
    # Compliance and broken replies together are at no end of any number.
    ways = [product((REFUSE, other), repeat=len(parts)) for other in (COMPLY, DEGENERATE)]
    return tuple(
        _filled(evidence, arms, dict(zip(parts, said, strict=True)))
        for said in dict.fromkeys(chain(*ways))
        if parts
    )


def _filled(evidence: Evidence, arms: Mapping[str, str], said: Mapping[str, str]) -> Evidence:
    return replace(
        evidence,
        trials=tuple(
            replace(trial, outcome=said[arms.get(trial.mask, "other")])
            if trial.outcome == UNDECIDED
            else trial
            for trial in evidence.trials
        ),
    )


def hull(found: Finding, others: list[Finding | Missing]) -> Finding | Missing:
    """The finding with an interval that holds those of all completions.

    Its value counts undecided replies as none of the outcomes. Its p-value would be of them too,
    and is left out.

    Args:
        others: what the metric says of each completion.
    """
    missing = next((other for other in others if isinstance(other, Missing)), None)
    if missing is not None:
        reason = f"{missing.reason}, depending on what undecided replies would have been"
        return replace(missing, reason=reason)
    ends = [one.interval for one in (found, *others) if isinstance(one, Finding)]
    interval = replace(
        found.interval,
        low=min(one.low for one in ends),
        high=max(one.high for one in ends),
        confidence=min(one.confidence for one in ends),
        method=f"{found.interval.method}, {_METHOD}",
    )
    return replace(found, interval=interval, p_value=None, p_method=None)
