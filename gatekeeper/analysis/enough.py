"""How many prompts a limit takes, so that what loses nothing passes and what loses twice it fails.

Planning, before anything was measured; `analysis.power` says what the prompts that were measured
can tell. The same exact sums, and the same tests as the gate's: a pass needs the interval inside
the limit, a fail the interval outside at Holm's first step and an exact tail as small as that.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache

from gatekeeper.analysis.intervals import CONFIDENCE, normal_quantile
from gatekeeper.analysis.power import POWER, Design, chance, exact_cut

#: Share of replies that change without any loss, in either direction: of 200 one refusal more and
#: one less. Numeric ties and rounding flip about so many between two runs of a model that differ
#: only in their batches (`noise-floor`). A model that changed none would need fewer prompts, and
#: most real ones would then be inconclusive for no fault of theirs.
BACKGROUND = 0.005

#: More prompts than this are nobody's plan.
MOST = 20_000
#: Fewer are never enough for an interval (`paired.MINIMUM_N`).
_FEWEST = 5
#: An answer must hold for all n up to this many times it, the second where it is above `_FEW`:
#: whole counts make the chance rise with n in saw teeth, each lower than the one before.
_REACH = (1.5, 1.25)
_FEW = 300
#: Below this each n is tried; above it, one in n / `_EACH`.
_EACH = 600
#: Growth of n while looking for where to look.
_GROWTH = 1.25


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A limit and how often it is asked.

    Attributes:
        limit: share, or difference of shares, that must not be exceeded, 0 to 1.
        paired: whether it is about a paired difference (Tango), or a plain share (Wilson).
        asked: numbers that must all lie inside for a pass.
        family: numbers that a fail is claimed among.
        background: see `BACKGROUND`.
        confidence, power: of the intervals, and wanted.
    """

    limit: float
    paired: bool
    asked: int = 1
    family: int = 1
    background: float = BACKGROUND
    confidence: float = CONFIDENCE
    power: float = POWER


def pass_chance(plan: Plan, n: int) -> float:
    """Least probability that all numbers pass where nothing is lost; n prompts each.

    By Bonferroni's inequality, whatever the numbers have in common: 1 less `asked` times the
    probability that one does not pass.
    """
    design = _design(plan, n)
    z = normal_quantile(plan.confidence)
    value = 0.0 if plan.paired else plan.background
    single = chance(design, value, lambda score: score <= -z)
    return max(0.0, 1 - plan.asked * (1 - single))


def fail_chance(plan: Plan, n: int) -> float:
    """Probability that one number at twice the limit fails, among all of the family.

    Twice the limit, or as much as there is to lose if that is less. The exact tail is taken where
    none is won back, where it is the largest: there counts are most skewed.
    """
    cut = _cut(plan, n)
    value = min(2 * plan.limit, 1 - 2 * plan.background if plan.paired else 1.0)
    return chance(_design(plan, n), value, lambda score: score > cut)


def may_pass(plan: Plan, n: int) -> bool:
    """Whether the best result, in which no reply falls short, lies inside the limit."""
    return pass_chance(replace(plan, background=0.0), n) > 0


def may_fail(plan: Plan, n: int) -> bool:
    """Whether the worst result, in which every reply falls short, is called a fail."""
    cut = _cut(plan, n)
    return chance(_design(replace(plan, background=0.0), n), 1.0, lambda score: score > cut) > 0


def _cut(plan: Plan, n: int) -> float:
    """The score above which a fail is claimed."""
    level = 1 - (1 - plan.confidence) / plan.family
    z = normal_quantile(level)
    if plan.family > 1:
        bare = Design(n=n, won=0.0 if plan.paired else None, limit=plan.limit)
        z = max(z, exact_cut(bare, 1 - level))
    return z


def enough(plan: Plan) -> int | None:
    """The least number of prompts from which on both chances are as high as wanted.

    Both: all numbers of a model that loses nothing pass (`enough_to_pass`), and one at twice the
    limit fails (`enough_to_fail`). From which on: for all larger numbers too, looked at up to a
    quarter or half as many again. Above 600 every second, third and so on is tried: chances in
    between may fall short by the depth of a tooth, a point or two.

    Returns:
        whole independent prompts; None if `MOST` are not enough.

    Raises:
        ValueError: the limit, background, confidence or power is no probability, or nothing is
            asked.
    """
    passing = enough_to_pass(plan)
    failing = None if passing is None else enough_to_fail(plan)
    return None if passing is None or failing is None else max(passing, failing)


def enough_to_pass(plan: Plan, most: int = MOST) -> int | None:
    """The least number of prompts with which a model that loses nothing passes; see `enough`.

    Args:
        most: whoever asks has no more; None if these are not enough.
    """
    _refuse_nonsense(plan)
    return _enough_to_pass(replace(plan, family=1), most)


@lru_cache(maxsize=1024)
def _enough_to_pass(plan: Plan, most: int) -> int | None:
    if plan.limit <= (0.0 if plan.paired else plan.background):
        return None
    return _from_which_on(lambda n: pass_chance(plan, n) >= plan.power, most)


def enough_to_fail(plan: Plan, most: int = MOST) -> int | None:
    """The least number of prompts with which one that loses twice the limit fails.

    Args:
        most: as of `enough_to_pass`.
    """
    _refuse_nonsense(plan)
    return _enough_to_fail(replace(plan, asked=1), most)


@lru_cache(maxsize=1024)
def _enough_to_fail(plan: Plan, most: int) -> int | None:
    if plan.limit == 0:
        return None
    return _from_which_on(lambda n: fail_chance(plan, n) >= plan.power, most)


def _refuse_nonsense(plan: Plan) -> None:
    if not all(0 <= x < 1 for x in (plan.limit, plan.background, plan.confidence, plan.power)):
        raise ValueError("limits, backgrounds, confidence and power lie between 0 and 1")
    if plan.asked < 1 or plan.family < 1:
        raise ValueError("at least one number is asked")


def _from_which_on(holds: Callable[[int], bool], most: int) -> int | None:
    """The least n that holds with all larger ones, as far as `_REACH`; None if above the most."""
    before, n = _FEWEST - 1, _FEWEST
    while not holds(n):
        before, n = n, math.ceil(n * _GROWTH)
        if before >= most:
            return None
    # That may have been the tip of a tooth, and is up to `_GROWTH` times too large.
    answer, seen = before + 1, before
    while answer <= most and (end := _end(answer)) > seen:
        step = max(1, answer // _EACH)
        wanted = reversed(range(seen + 1, end + step, step))
        failing = next((m for m in wanted if not holds(m)), None)
        answer = answer if failing is None else failing + step
        seen = end
    return answer if answer <= most else None


def _end(answer: int) -> int:
    return math.ceil(_REACH[answer > _FEW] * answer)


def _design(plan: Plan, n: int) -> Design:
    return Design(n=n, won=plan.background if plan.paired else None, limit=plan.limit)
