"""Cases small enough to reckon by hand."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from itertools import product
from typing import Any

import pytest

from gatekeeper.policy.diff.compare import compare
from gatekeeper.records.finding import Subject
from gatekeeper.records.policy import EvidenceNeeds, Policy, Rule, SearchNeeds, SettingsNeeds
from tests.policy.builders import EVIDENCE, make_policy, make_rule, make_waiver

TODAY = date(2026, 12, 1)
_NEEDS = EvidenceNeeds(selectors=("attribution",), ks=(2, 4), random_masks=20, prompts={})
_LIMITS = list(product((5.0, 10.0), ("interval", "estimate")))


def rate(side: str, limit: float, bound: str, **changes: Any) -> Rule:
    natural = {"maximum": "upper", "minimum": "lower"}[side]
    rule = make_rule(
        metric="refusal-rate",
        subjects=(Subject(set="regular", mask="none"),),
        unit="%",
        maximum=limit if side == "maximum" else None,
        minimum=limit if side == "minimum" else None,
        bound="estimate" if bound == "estimate" else natural,
    )
    return replace(rule, **changes)


def policy(*rules: Rule, **needs: Any) -> Policy:
    return make_policy(*rules, needs=replace(_NEEDS, **needs))


def relation(old: Policy, new: Policy) -> str:
    return compare(old, new, TODAY).relation


@pytest.mark.parametrize("side", ["maximum", "minimum"])
@pytest.mark.parametrize(("old", "new"), list(product(_LIMITS, _LIMITS)))
def test_one_limit(side: str, old: tuple[float, str], new: tuple[float, str]) -> None:
    sign = 1 if side == "maximum" else -1

    def implies(one: tuple[float, str], other: tuple[float, str]) -> bool:
        firm = one[1] == "interval" or other[1] == "estimate"
        return firm and sign * one[0] <= sign * other[0]

    there, back = implies(new, old), implies(old, new)
    wanted = {(True, True): "same", (True, False): "stricter", (False, True): "looser"}
    pair = (policy(rate(side, *limit)) for limit in (old, new))
    assert relation(*pair) == wanted.get((there, back), "incomparable")


@pytest.mark.parametrize("bound", ["interval", "estimate"])
def test_a_limit_that_another_holds_already_changes_nothing(bound: str) -> None:
    first = rate("maximum", 5.0, "interval", id="first")
    second = rate("maximum", 10.0, bound, id="second")
    assert relation(policy(first, second), policy(first)) == "same"
    assert relation(policy(first, second), policy(second)) == "looser"


def test_nothing_passes_rules_that_contradict_each_other() -> None:
    apart = rate("maximum", 5.0, "interval"), rate("minimum", 10.0, "interval", id="other")
    found = compare(policy(apart[0]), policy(*apart), TODAY)
    assert found.relation == "stricter"
    other = rate("maximum", 4.0, "interval"), rate("minimum", 50.0, "interval", id="other")
    assert relation(policy(*apart), policy(*other)) == "same"


def test_the_limit_of_all_there_is_still_takes_a_number() -> None:
    whole = rate("maximum", 100.0, "interval", id="whole")
    other = rate("maximum", 5.0, "interval", subjects=(Subject(set="benign", mask="none"),))
    found = compare(policy(whole, other), policy(other), TODAY)
    assert found.relation == "looser"
    assert found.looser is not None
    assert found.looser.witness is not None
    ((_, number),) = found.looser.witness.numbers
    assert number.missing is not None


def test_warnings_alone_must_have_measured_something() -> None:
    sets = [
        replace(
            rate("maximum", 5.0, "interval", severity="warn", id=name),
            subjects=(Subject(set=name, mask="none"),),
        )
        for name in ("regular", "benign")
    ]
    blocked = compare(policy(sets[0]), policy(sets[1]), TODAY)
    assert blocked.relation == "incomparable"
    assert blocked.looser is not None
    assert blocked.looser.context.fail_on == "block"
    both = compare(policy(sets[0]), policy(*sets), TODAY)
    # Either number is enough for a verdict; where warnings count, both are held.
    assert both.relation == "incomparable"


def test_severity() -> None:
    block, warn = (rate("maximum", 5.0, "interval", severity=s) for s in ("block", "warn"))
    other = rate("minimum", 1.0, "interval", id="other", subjects=(Subject(set="benign"),))
    assert relation(policy(block, other), policy(warn, other)) == "looser"
    assert relation(policy(warn, other), policy(block, other)) == "stricter"
    higher = replace(warn, maximum=10.0)
    assert relation(policy(warn, other), policy(higher, other)) == "looser"
    assert relation(policy(block, other), policy(higher, other)) == "looser"


_MORE: list[tuple[dict[str, Any], dict[str, Any], str]] = [
    ({"random_masks": 20}, {"random_masks": 99}, "stricter"),
    ({"random_masks": 20}, {"random_masks": 0}, "looser"),
    ({"prompts": {"regular": 100}}, {"prompts": {"regular": 200}}, "stricter"),
    ({"prompts": {"regular": 100}}, {"prompts": {"benign": 100}}, "incomparable"),
    ({"measured": 0.95}, {"measured": 0.9}, "looser"),
    ({"positive_control": None}, {"positive_control": 30.0}, "stricter"),
    ({"suite_id": "core"}, {"suite_id": "own"}, "incomparable"),
    ({"suite_id": "core"}, {"suite_id": None}, "looser"),
    ({"ks": (2, 4)}, {"ks": (2, 4, 8)}, "stricter"),
    ({"selectors": ("attribution",)}, {"selectors": ("attribution", "greedy")}, "stricter"),
    *(
        ({"settings": SettingsNeeds(**a)}, {"settings": SettingsNeeds(**b)}, wanted)
        for a, b, wanted in (
            ({"truncated": 0.1}, {"truncated": 0.2}, "looser"),
            ({"truncated": 0.1}, {"truncated": 0.05}, "stricter"),
            ({"dtypes": ("float32",)}, {"dtypes": ("float32", "bfloat16")}, "looser"),
            ({"window": 128}, {"window": 256}, "incomparable"),
            ({"derived_seed": True}, {"derived_seed": True, "nonce": True}, "incomparable"),
            ({"seed": 1}, {}, "looser"),
        )
    ),
    *(
        ({"search": SearchNeeds(**a)}, {"search": SearchNeeds(**b)}, wanted)
        for a, b, wanted in (
            ({"resamples": 200}, {"resamples": 1000}, "stricter"),
            ({"size": 4}, {"size": 8}, "stricter"),
            ({"size": 4}, {"size_is_largest_k": True}, "incomparable"),
            ({"full_budget": True}, {"full_budget": False}, "looser"),
            ({"cross_fit": True}, {"cross_fit": False}, "incomparable"),
            ({"windows": ("prompt",)}, {"windows": ("prompt", "reply")}, "looser"),
        )
    ),
]


@pytest.mark.parametrize(("old", "new", "wanted"), _MORE)
def test_needs(old: dict[str, Any], new: dict[str, Any], wanted: str) -> None:
    rule = rate("maximum", 5.0, "interval")
    before, after = policy(rule, **old), policy(rule, **new)
    assert relation(before, after) == wanted
    back = {"stricter": "looser", "looser": "stricter"}
    assert relation(after, before) == back.get(wanted, wanted)


def test_a_waiver_counts_for_its_checkpoint_and_until_its_day() -> None:
    rule = rate("maximum", 5.0, "interval", id="drop")
    plain = policy(rule)

    def waived(days: int, ceiling: float | None = None) -> Policy:
        expires = TODAY + timedelta(days=days)
        return replace(plain, waivers=(make_waiver(EVIDENCE, expires=expires, not_above=ceiling),))

    assert relation(plain, waived(10)) == "looser"
    assert relation(waived(10), plain) == "stricter"
    assert relation(plain, waived(-1)) == "same"
    assert relation(waived(10), waived(20)) == "looser"
    assert relation(waived(20), waived(10)) == "stricter"
    assert relation(waived(10, 20.0), waived(10)) == "looser"
    assert relation(waived(10, 20.0), waived(20, 15.0)) == "incomparable"
    assert relation(waived(10, 3.0), plain) == "same"


def test_how_long_a_waiver_may_run() -> None:
    waived = (make_waiver(EVIDENCE, expires=TODAY + timedelta(days=100)),)
    any_time, short = (
        replace(
            policy(rate("maximum", 5.0, "interval", id="drop")),
            waivers=waived,
            longest_waiver=longest,
        )
        for longest in (None, 30)
    )
    assert relation(any_time, short) == "stricter"
    # It counts from the day on which it has 30 days left.
    plain = replace(any_time, waivers=())
    assert relation(plain, short) == "looser"
    found = compare(plain, short, TODAY).looser
    assert found is not None
    assert found.context.today == TODAY + timedelta(days=70)


def test_shares_of_the_experts() -> None:
    def at(**sizes: Any) -> Policy:
        rule = make_rule(subjects=(Subject(k=sizes["k"], set="regular"),), shares=sizes["shares"])
        ks = () if sizes["k"] is None else (sizes["k"],)
        return policy(rule, ks=ks, shares=sizes["shares"])

    share, more = at(k=None, shares=(0.002,)), at(k=None, shares=(0.002, 0.004))
    assert relation(share, share) == "same"
    assert relation(share, more) == "stricter"
    found = compare(share, at(k=12, shares=()), TODAY)
    assert found.relation == "incomparable"
    # Of 6,144 experts 0.2 % are 12: they differ on other models only.
    assert found.looser is not None
    assert found.looser.experts == 64
