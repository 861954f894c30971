"""The minimum detectable effect of a rule: the true values that an audit could tell apart."""

from __future__ import annotations

from gatekeeper.analysis.order import halved
from gatekeeper.analysis.power import design_of, largest_passing, smallest_failing
from gatekeeper.policy.limit_check import TOLERANCE, LimitCheck
from gatekeeper.records.finding import Missing
from gatekeeper.records.policy import Rule
from gatekeeper.records.verdict import Resolution


def resolution(rule: Rule, held: LimitCheck, confidence: float, strict: float) -> Resolution | None:
    """The true values of a rule's worst subject that would mostly fail, and mostly pass.

    None where nothing was measured, where the interval is neither Wilson's nor Tango's, where the
    estimate alone is held against the limit, and where the limit lies below the noise.

    Args:
        confidence: of the interval that must lie inside to pass.
        strict: of the interval that must lie outside to fail, at the first of Holm's steps.
    """
    finding, upper = held.finding, rule.maximum is not None
    limit = rule.maximum if upper else rule.minimum
    if isinstance(finding, Missing) or limit is None:
        return None
    if held.noise is not None or rule.bound == "estimate":
        return None
    if finding.interval.confidence > confidence + TOLERANCE:  # of a run that was looked at
        confidence, strict = halved(confidence), halved(strict)
    design = design_of(finding, limit, upper=upper)
    if design is None or design.n < 1:
        return None

    def unit(value: float | None) -> float | None:
        """A share in the unit of the finding."""
        if value is None:
            return None
        if upper:
            return 100 * value
        return -100 * value if design.won is not None else 100 * (1 - value)

    return Resolution(
        fails_from=unit(smallest_failing(design, strict, exact=strict > confidence)),
        passes_to=unit(largest_passing(design, confidence)),
    )
