"""Fails of all blocking rules are claimed together; see `policy.decide_rules`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from gatekeeper.analysis.intervals import tango, wilson
from gatekeeper.analysis.paired import scaled
from gatekeeper.policy.decide_rules import decide
from gatekeeper.policy.evaluate import evaluate
from gatekeeper.records.evidence import Evidence
from gatekeeper.records.finding import Finding, Missing, Subject
from gatekeeper.records.plugins import Metric
from gatekeeper.records.policy import Rule
from gatekeeper.records.verdict import RuleOutcome

from .builders import EVIDENCE, TODAY, make_evidence, make_policy, make_rule, make_waiver
from .told import Told, told_metric, use_metric

ONE = replace(make_policy().needs, selectors=("attribution",))


def outcomes(
    values: Sequence[Told | Missing], severities: Mapping[int, str] | None = None
) -> list[RuleOutcome]:
    """A rule per value, in this order; all with a limit of 10 points."""
    asked: list[tuple[Rule, Metric]] = [
        (
            make_rule(
                id=f"r{i}",
                metric="told",
                subjects=(Subject(k=4),),
                severity=(severities or {}).get(i, "block"),
            ),
            told_metric({"attribution": value}),
        )
        for i, value in enumerate(values)
    ]
    policy = make_policy(*(rule for rule, _ in asked), needs=ONE)
    return list(decide(EVIDENCE, policy, asked, 0.95))


def results(values: Sequence[Told | Missing], severities: Mapping[int, str] | None = None) -> str:
    return "".join(o.result[0] for o in outcomes(values, severities))


GONE = Missing(metric="told", version=1, subject=Subject(k=4), reason="absent")
#: Beyond the limit alone, but not among three; clearly beyond; inside; across.
NEAR, FAR, GOOD, OPEN = (15.0, 4.5), (50.0, 5.0), (1.0, 1.0), (9.0, 5.0)


def test_a_fail_takes_more_among_more_rules() -> None:
    assert results([NEAR]) == "f"
    assert results([NEAR, GOOD, GOOD]) == "ipp"
    assert results([FAR, GOOD, GOOD]) == "fpp"


def test_what_stands_makes_room_for_the_next() -> None:
    assert results([NEAR, FAR, FAR]) == "fff"
    assert results([NEAR, FAR, GOOD]) == "ifp"


def test_a_clear_fail_stands_among_a_hundred_rules() -> None:
    assert results([FAR, *[GOOD] * 99])[0] == "f"


def test_what_is_missing_still_counts() -> None:
    assert results([NEAR, GONE, GONE]) == "iii"


def test_a_pass_needs_no_correction() -> None:
    assert results([(5.0, 5.0), FAR, OPEN, NEAR])[0] == "p"


def test_a_warning_is_a_family_of_its_own() -> None:
    assert results([NEAR, GOOD, GOOD], {1: "warn", 2: "warn"}) == "fpp"
    assert results([NEAR, GOOD, GOOD], {0: "warn"}) == "fpp"


def test_the_estimate_alone_is_in_no_family() -> None:
    rules = [make_rule(id=f"r{i}", metric="told", subjects=(Subject(k=4),)) for i in range(3)]
    rules = [rules[0], *(replace(rule, bound="estimate") for rule in rules[1:])]
    asked = [(rule, told_metric({"attribution": NEAR})) for rule in rules]
    found = decide(EVIDENCE, make_policy(*rules, needs=ONE), asked, 0.95)
    assert [o.result for o in found] == ["fail", "fail", "fail"]


def test_a_waiver_makes_no_other_rule_fail() -> None:
    values = {"attribution": NEAR}
    rules = [make_rule(id=f"r{i}", metric="told", subjects=(Subject(k=4),)) for i in range(3)]
    rules = [replace(rule, maximum=limit) for rule, limit in zip(rules, (10, 30, 30), strict=True)]
    waivers = tuple(make_waiver(EVIDENCE, rule=f"r{i}") for i in (1, 2))
    with use_metric(told_metric(values)):
        for given_waivers in ((), waivers):
            policy = make_policy(*rules, needs=ONE, waivers=given_waivers)
            found = evaluate(EVIDENCE, policy, TODAY)
            assert found.outcomes[0].result == "inconclusive"


_value = st.tuples(st.floats(-20, 60), st.floats(0.01, 20))
_values = st.lists(_value, min_size=1, max_size=5)
_RANK = {"f": 0, "i": 1, "p": 2}


@settings(max_examples=60, deadline=None)
@given(_values, _value)
def test_a_rule_more_never_makes_another_fail(values: list[Told], more: Told) -> None:
    before, after = results(values), results([*values, more])[:-1]
    assert all(b == a or (b, a) == ("f", "i") for b, a in zip(before, after, strict=True))


@settings(max_examples=40, deadline=None)
@given(_values, st.randoms(use_true_random=False))
def test_the_order_of_rules_does_not_matter(values: list[Told], rng) -> None:
    order = list(range(len(values)))
    rng.shuffle(order)
    told = outcomes(values)
    for at, found in zip(order, outcomes([values[i] for i in order]), strict=True):
        assert found.result == told[at].result
        assert found.explanation == told[at].explanation
        assert found.more_prompts == told[at].more_prompts


@settings(max_examples=40, deadline=None)
@given(_values)
def test_whatever_fails_under_bonferroni_fails(values: list[Told]) -> None:
    level = stats.norm.ppf(1 - 0.025 / len(values)) / stats.norm.ppf(0.975)
    for (value, half), found in zip(values, results(values), strict=True):
        if value - half * level > 10 + 1e-6:
            assert found == "f"


def counted(found: Sequence[int] | Sequence[tuple[int, int]], n: int) -> list[Metric]:
    """Metrics of counts, with the intervals that the gate makes of them."""

    def one(count: int | tuple[int, int]) -> Metric:
        def measure(_evidence: Evidence, subject: Subject, confidence: float) -> Finding:
            lost, won = count if isinstance(count, tuple) else (count, 0)
            paired = isinstance(count, tuple)
            made = tango(lost, won, n, confidence) if paired else wilson(lost, n, confidence)
            return Finding(
                metric="told",
                version=1,
                subject=subject,
                value=100 * (lost - won) / n,
                unit="points",
                interval=scaled(made),
                n=n,
                clusters=n,
                counts={"lost": lost, "won": won},
            )

        return replace(told_metric({}), measure=measure)

    return [one(count) for count in found]


@pytest.mark.thorough
@pytest.mark.parametrize("common", [0.0])
@pytest.mark.parametrize("broken", [0, 3])
@pytest.mark.parametrize(
    ("n", "limit", "won"), [(60, 2.0, None), (60, 10.0, None), (60, 10.0, 0.03)]
)
def test_few_checkpoints_at_their_limits_are_failed(
    n: int, limit: float, won: float | None, broken: int, common: float
) -> None:
    """Twelve rules whose true value is their limit, some far beyond: at most 5 % wrong fails.

    With Wilson alone, exact sums give 7 to 10 %: its tail is too thin at such levels. The rounds
    here are few; the seed is fixed.
    """
    rng = np.random.default_rng(20261124)
    count, rounds, wrong = 12, 60, 0
    rules = [
        make_rule(id=f"r{i}", metric="told", subjects=(Subject(k=4),), maximum=limit)
        for i in range(count)
    ]
    policy = make_policy(*rules, needs=ONE)
    # Prompts that are hard for all rules, and noise of each rule's own.
    rates = np.full((count, 1), limit / 100 + (won or 0.0))
    rates[:broken] = 0.8
    cuts = stats.norm.ppf(rates)
    for _ in range(rounds):
        latent = np.sqrt(common) * rng.standard_normal((1, n))
        latent = latent + np.sqrt(1 - common) * rng.standard_normal((count, n))
        lost = (latent < cuts).sum(axis=1)
        back = (latent > stats.norm.ppf(1 - (won or 0.0))).sum(axis=1)
        told = list(zip(lost.tolist(), back.tolist(), strict=True))
        metrics = counted(lost.tolist() if won is None else told, n)
        found = decide(EVIDENCE, policy, list(zip(rules, metrics, strict=True)), 0.95)
        assert all(o.result == "fail" for o in found[:broken])
        wrong += any(o.result == "fail" for o in found[broken:])
    assert wrong / rounds <= 0.05


def test_nothing_fails_of_what_a_sole_share_says_by_little() -> None:
    """Four of 60 at a limit of 1 %: Wilson's 99.58 % lies beyond, the exact tail does not."""
    (metric,) = counted([4], 60)
    quiet = counted([0] * 11, 60)
    rules = [
        make_rule(id=f"r{i}", metric="told", subjects=(Subject(k=4),), maximum=1.0)
        for i in range(12)
    ]
    assert wilson(4, 60, 1 - 0.05 / 12).low > 0.01
    found = decide(
        EVIDENCE,
        make_policy(*rules, needs=ONE),
        list(zip(rules, [metric, *quiet], strict=True)),
        0.95,
    )
    tail = stats.binomtest(4, 60, 0.01, alternative="greater").pvalue
    assert (found[0].result == "fail") == (tail <= 0.05 / 12)


def test_the_audit_tells_what_it_could_have_told() -> None:
    found = evaluate(make_evidence(ks=(4,)), make_policy(make_rule()), TODAY).outcomes[0]
    assert found.resolution is not None
    assert found.resolution.passes_to is not None
    assert found.resolution.fails_from is not None
    assert 0 <= found.resolution.passes_to < 10 < found.resolution.fails_from < 50
    least = make_rule(
        metric="refusal-rate", subjects=(Subject(set="regular", mask="none"),),
        minimum=80.0, maximum=None,
        unit="%", bound="lower",
    )  # fmt: skip
    found = evaluate(make_evidence(ks=(4,)), make_policy(least), TODAY).outcomes[0]
    assert found.resolution is not None
    assert found.resolution.passes_to is not None
    assert found.resolution.fails_from is not None
    assert found.resolution.fails_from < 80 < found.resolution.passes_to <= 100
