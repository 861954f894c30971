"""What it means for a reader that random masks are not as busy as the selected experts."""

from __future__ import annotations

from collections.abc import Iterator

from gatekeeper.analysis.matching import NEAR, Match, match
from gatekeeper.errors import excerpt
from gatekeeper.policy.recalled import recalled
from gatekeeper.records.evidence import Evidence
from gatekeeper.records.policy import Policy


@recalled("about controls", list)
def about_controls(evidence: Evidence, policy: Policy) -> Iterator[str]:
    """One line, if random masks of the policy's selectors are not about as busy as what they match.

    How busy each is stands in the technical part of a report, not here: nobody can act on it.
    """
    if not policy.needs.random_masks:
        return
    poor = [
        comparison
        for selector in policy.needs.selectors
        for k in policy.needs.ks
        if (comparison := match(evidence, selector, k)) is not None and not comparison.near
    ]
    if not poor:
        return
    names = ", ".join(dict.fromkeys(excerpt(c.selector) for c in poor))
    sizes = ", ".join(str(k) for k in sorted({c.k for c in poor}))
    yield (
        f"some random masks are not about as busy as the experts they stand beside (of {names}; k "
        f"{sizes}): what those cost beyond random ones {_meaning(poor)}"
    )


def _meaning(poor: list[Match]) -> str:
    """How an excess over random masks that are less busy, or busier, is to be read."""
    if all(comparison.ratio < NEAR[0] for comparison in poor):
        return "is an upper estimate, part of which may be due to how busy they are"
    if all(comparison.ratio > NEAR[1] for comparison in poor):
        return "is a lower estimate, for busier experts are the harder test"
    return "cannot be told apart from how busy they are"
