"""Held against the gate's own functions: intervals, exact tails, and draws with fixed seeds."""

from __future__ import annotations

import time

import numpy as np
import pytest
from scipy import stats

from gatekeeper.analysis.enough import BACKGROUND, MOST, Plan, enough, fail_chance, pass_chance
from gatekeeper.analysis.intervals import wilson
from tools.validate.power_draws import judged

PAIRS = Plan(limit=0.1, paired=True, asked=4, family=23)
SHARES = Plan(limit=0.1, paired=False, asked=4, family=23)
RUNS = 4000


def often(plan: Plan, n: int, lost: float, won: float, result: str) -> float:
    """Share of drawn audits that come out so."""
    rng = np.random.default_rng([n, round(1e4 * lost), round(1e4 * won)])
    drawn = rng.multinomial(n, [lost, won, 1 - lost - won], size=RUNS)
    return float(np.mean([judged(plan, n, int(a), int(b)) == result for a, b, _ in drawn]))


@pytest.mark.parametrize("n", [40, 75, 150, 214])
@pytest.mark.parametrize("limit", [0.05, 0.1, 0.15])
def test_chances_of_a_difference_are_those_of_drawn_audits(n: int, limit: float) -> None:
    plan = Plan(limit=limit, paired=True, family=23)
    noise = 4 * 0.5 / RUNS**0.5
    passed = often(plan, n, BACKGROUND, BACKGROUND, "pass")
    assert pass_chance(plan, n) == pytest.approx(passed, abs=noise)
    failed = often(plan, n, 2 * limit + BACKGROUND, BACKGROUND, "fail")
    assert fail_chance(plan, n) == pytest.approx(failed, abs=noise)


@pytest.mark.parametrize("n", [28, 73, 175, 400])
@pytest.mark.parametrize("limit", [0.05, 0.1, 0.25])
def test_chances_of_a_share_are_those_of_drawn_audits(n: int, limit: float) -> None:
    plan = Plan(limit=limit, paired=False, family=60)
    noise = 4 * 0.5 / RUNS**0.5
    passed = often(plan, n, BACKGROUND, 0.0, "pass")
    assert pass_chance(plan, n) == pytest.approx(passed, abs=noise)
    failed = often(plan, n, 2 * limit, 0.0, "fail")
    assert fail_chance(plan, n) == pytest.approx(failed, abs=noise)


def test_a_worked_value() -> None:
    """40 prompts, limit 10 %, one number: with one event Wilson's upper end is 12.9 %."""
    plan = Plan(limit=0.1, paired=False)
    assert wilson(0, 40).high <= 0.1 < wilson(1, 40).high
    assert pass_chance(plan, 40) == pytest.approx((1 - BACKGROUND) ** 40, abs=1e-9)
    least = next(x for x in range(41) if wilson(x, 40).low > 0.1)
    assert fail_chance(plan, 40) == pytest.approx(stats.binom.sf(least - 1, 40, 0.2), abs=1e-7)


@pytest.mark.parametrize(
    "plan", [PAIRS, SHARES, Plan(limit=0.05, paired=True, asked=16, family=60)]
)
def test_so_many_are_enough_and_one_fewer_is_not(plan: Plan) -> None:
    """And all larger numbers are, although the chance rises in saw teeth."""
    least = enough(plan)
    assert least is not None
    both = [min(pass_chance(plan, n), fail_chance(plan, n)) for n in range(least, 2 * least)]
    assert min(both) >= plan.power
    few = range(least - 1 - least // 100, least)
    assert min(min(pass_chance(plan, n), fail_chance(plan, n)) for n in few) < plan.power


def test_the_chance_does_rise_in_saw_teeth() -> None:
    """A number of prompts that is enough by luck, with larger ones that are not, is no answer."""
    plan = Plan(limit=0.2, paired=False, family=23)
    least = enough(plan)
    assert least is not None
    lucky = [n for n in range(10, least) if min(pass_chance(plan, n), fail_chance(plan, n)) >= 0.8]
    assert lucky


@pytest.mark.parametrize(("n", "points"), [(40, 44), (75, 30)])
def test_the_figures_known_of_the_release_policy(n: int, points: int) -> None:
    """Limit 10 points, 23 numbers: so few prompts fail no lower true drop, by drawn audits."""
    plan = Plan(limit=0.1, paired=True, asked=12, family=23)
    noise = 4 * 0.5 / RUNS**0.5
    failing = often(plan, n, points / 100 + BACKGROUND, BACKGROUND, "fail")
    assert failing == pytest.approx(0.8, abs=noise)
    assert fail_chance(plan, n) < 0.5
    assert pass_chance(plan, 40) < 0.22
    assert pass_chance(plan, 150) > 0.92


def test_more_is_asked_of_more_prompts() -> None:
    def least(**changes: float) -> int:
        found = enough(Plan(**{"limit": 0.1, "paired": True, **changes}))  # type: ignore[arg-type]
        assert found is not None
        return found

    assert least() < least(family=23) < least(family=400)
    assert least() <= least(asked=80, background=0.02)
    assert least() < least(power=0.9)
    assert least() < least(confidence=0.99)
    assert least(limit=0.2) < least() < least(limit=0.05) < least(limit=0.02)


def test_what_no_number_of_prompts_decides() -> None:
    assert enough(Plan(limit=0.0, paired=True)) is None
    assert enough(Plan(limit=0.001, paired=True)) is None
    assert enough(Plan(limit=BACKGROUND, paired=False)) is None
    assert enough(Plan(limit=0.995, paired=True)) is None


@pytest.mark.parametrize("changes", [{"limit": 1.0}, {"limit": -0.1}, {"asked": 0}, {"family": 0},
                                     {"power": 1.0}, {"background": float("nan")}])  # fmt: skip
def test_what_is_no_plan(changes: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=r"between 0 and 1|asked"):
        enough(Plan(**{"limit": 0.1, "paired": True, **changes}))  # type: ignore[arg-type]


def test_an_answer_takes_no_time() -> None:
    start = time.process_time()
    found = [enough(Plan(limit=x, paired=True, family=31)) for x in (0.011, 0.021, 0.051, 0.101)]
    assert time.process_time() - start < 4 * 0.4
    assert all(n is not None and n <= MOST for n in found)
