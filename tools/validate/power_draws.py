"""Draws of one number of an audit, judged as the gate judges it."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from gatekeeper.analysis.enough import Plan
from gatekeeper.analysis.intervals import tango, wilson
from gatekeeper.analysis.power import Design, tail_p
from tools.validate.coverage import SEED


def drawn(plan: Plan, prompts: int, runs: int) -> tuple[float, float]:
    """How often nothing lost passes, and twice the limit fails; shares of the draws."""
    rng = np.random.default_rng([SEED, prompts, round(1e4 * plan.limit), plan.family])
    back = plan.background if plan.paired else 0.0
    shares = []
    for lost, result in ((plan.background, "pass"), (2 * plan.limit + back, "fail")):
        counts = rng.multinomial(prompts, [lost, back, 1 - lost - back], size=runs)
        found = [judged(plan, prompts, int(a), int(b)) for a, b, _ in counts]
        shares.append(found.count(result) / runs)
    return shares[0], shares[1]


@lru_cache(maxsize=100_000)
def judged(plan: Plan, n: int, lost: int, won: int) -> str:
    """`pass`, `fail` or `neither`, as the gate does at Holm's first step."""
    level = 1 - (1 - plan.confidence) / plan.family
    if plan.paired:
        loose, strict = tango(lost, won, n, plan.confidence), tango(lost, won, n, level)
    else:
        loose, strict = wilson(lost, n, plan.confidence), wilson(lost, n, level)
    if loose.high <= plan.limit:
        return "pass"
    if strict.low <= plan.limit:
        return "neither"
    design = Design(n=n, won=won / n if plan.paired else None, limit=plan.limit)
    return "fail" if tail_p(design, (lost - won) / n) <= 1 - level else "neither"
