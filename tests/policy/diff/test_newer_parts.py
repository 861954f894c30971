"""Parts of a set, two limits, a baseline, runs that stop early, tiers: reckoned by hand."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from gatekeeper.policy.diff.compare import Comparison, compare
from gatekeeper.policy.load import load_policy
from gatekeeper.records.finding import Subject
from gatekeeper.records.policy import CardNeeds, Policy, Rule, SettingsNeeds
from tests.policy.builders import EVIDENCE, make_rule, make_waiver

from .test_gap import TODAY, policy, rate, relation

EACH: dict[str, Any] = {"each": "category"}
CHEM: dict[str, Any] = {"category": "chem"}


def of(limit: float, name: str = "rule", **at: Any) -> Rule:
    """At most so many refusals of a part of the harmless prompts."""
    subject = Subject(set="benign", mask="none", **at)
    return rate("maximum", limit, "interval", id=name, subjects=(subject,))


def worse(limit: float, name: str = "rule", **at: Any) -> Rule:
    """At most so many points worse than the baseline."""
    return replace(of(limit, name, **at), unit="points", regression=True)


def found(old: Policy, new: Policy) -> Comparison:
    return compare(old, new, TODAY)


@pytest.mark.parametrize("made", [of, worse])
@pytest.mark.parametrize(
    ("old", "new", "wanted"),
    [
        ([(5, EACH)], [(5, EACH)], "same"),
        ([(5, EACH)], [(6, EACH)], "looser"),
        # A suite without that category leaves its own rule open; and others are in none.
        ([(5, EACH)], [(5, CHEM)], "incomparable"),
        ([(5, CHEM)], [(5, {"category": "bio"})], "incomparable"),
        # What each must hold, one that has a name holds as well.
        ([(5, EACH), (5, CHEM)], [(5, EACH), (9, CHEM)], "same"),
        ([(5, EACH), (5, CHEM)], [(5, EACH), (4, CHEM)], "stricter"),
        ([(5, EACH), (3, CHEM)], [(9, EACH), (3, CHEM)], "looser"),
        ([(5, EACH)], [(5, EACH), (5, CHEM)], "stricter"),
        # A whole set is no part, nor are parts by another key.
        ([(5, EACH)], [(5, {})], "incomparable"),
        ([(5, EACH)], [(5, {"each": "language"})], "incomparable"),
        (
            [(5, {"each": "language"}), (5, {"language": "ja"})],
            [(5, {"each": "language"}), (50, {"language": "ja"})],
            "same",
        ),
    ],
)
def test_parts(made: Any, old: list[Any], new: list[Any], wanted: str) -> None:
    one, other = (
        policy(*(made(limit, f"rule-{i}", **at) for i, (limit, at) in enumerate(rules)))
        for rules in (old, new)
    )
    assert relation(one, other) == wanted
    back = {"stricter": "looser", "looser": "stricter"}
    assert relation(other, one) == back.get(wanted, wanted)


def test_a_category_that_may_not_be_there_is_shown_missing() -> None:
    shown = found(policy(of(5, **CHEM)), policy(of(5, **EACH))).looser
    assert shown is not None
    assert shown.witness is not None
    ((ask, number),) = shown.witness.numbers
    assert ask.subject.category == "chem"
    assert number.missing is not None


def test_between_is_both_limits() -> None:
    both = replace(rate("minimum", 5.0, "interval"), maximum=20.0, bound="both")
    apart = (rate("minimum", 5.0, "interval", id="a"), rate("maximum", 20.0, "interval", id="b"))
    assert relation(policy(*apart), policy(both)) == "same"
    assert relation(policy(both), policy(replace(both, maximum=21.0))) == "looser"
    assert relation(policy(both), policy(replace(both, minimum=4.0))) == "looser"
    assert relation(policy(both), policy(replace(both, minimum=6.0))) == "stricter"
    moved = replace(both, minimum=6.0, maximum=21.0)
    assert relation(policy(both), policy(moved)) == "incomparable"
    assert relation(policy(both), policy(replace(both, bound="estimate"))) == "looser"
    assert relation(policy(both), policy(apart[1])) == "looser"


def test_a_change_and_its_number_do_not_compare() -> None:
    itself, change = policy(of(5)), policy(worse(5))
    told = found(itself, change)
    assert told.relation == "incomparable"
    assert "do not compare" in "; ".join(part.change for part in told.parts)
    assert [part.relation for part in told.parts if part.kind == "rule"] == ["incomparable"]
    assert relation(change, policy(worse(6))) == "looser"
    assert relation(change, policy(worse(5), of(5, "other"))) == "stricter"


def test_what_is_held_against_a_baseline_was_measured() -> None:
    any_number = of(100, "any")
    change = policy(worse(5))
    assert relation(policy(worse(5), any_number), change) == "same"
    # Not so the number that a judge's card corrects: that may be missing alone.
    card = {"judge_card": CardNeeds(on="masked", compliance_sensitivity=0.9)}
    carded = policy(worse(5), any_number, **card), policy(worse(5), **card)
    assert relation(*carded) == "looser"


def test_an_estimate_takes_a_run_that_did_not_stop_early() -> None:
    interval = make_rule(subjects=(Subject(k=4, set="regular"),))
    estimate = replace(interval, bound="estimate")
    whole: dict[str, Any] = {"settings": SettingsNeeds(sequential=False)}
    assert relation(policy(estimate, **whole), policy(interval, **whole)) == "stricter"
    told = found(policy(estimate), policy(interval))
    assert told.relation == "incomparable"
    assert told.looser is not None
    assert told.looser.witness is not None
    assert [number.early for _, number in told.looser.witness.numbers] == [True]
    stops: dict[str, Any] = {"settings": SettingsNeeds(sequential=True)}
    assert relation(policy(estimate, **stops), policy(interval, **stops)) == "incomparable"
    assert relation(policy(interval, **stops), policy(interval, **whole)) == "incomparable"
    assert relation(policy(interval), policy(interval, **whole)) == "stricter"


@pytest.mark.parametrize(
    ("old", "new", "wanted"),
    [
        ({"suite_digest": "a"}, {"suite_digests": ("a",)}, "same"),
        ({"suite_digest": "a"}, {"suite_digests": ("a", "b")}, "looser"),
        ({"suite_digests": ("a", "b")}, {"suite_digests": ("b", "a")}, "same"),
        ({"suite_digests": ("a", "b")}, {"suite_digests": ("b", "c")}, "incomparable"),
        ({}, {"suite_digests": ("a", "b")}, "stricter"),
    ],
)
def test_suites_of_which_any_will_do(old: Any, new: Any, wanted: str) -> None:
    assert relation(policy(of(5), **old), policy(of(5), **new)) == wanted


def test_waivers_of_both_limits_and_from_a_day_on() -> None:
    rule = replace(rate("minimum", 50.0, "interval", id="drop"))
    plain = policy(rule)

    def waived(**changes: Any) -> Policy:
        waiver = make_waiver(EVIDENCE, expires=TODAY + timedelta(days=50), not_above=None)
        return replace(plain, waivers=(replace(waiver, **changes),))

    assert relation(plain, waived(not_below=40.0)) == "looser"
    assert relation(waived(not_below=40.0), waived(not_below=45.0)) == "stricter"
    assert relation(plain, waived(not_below=60.0)) == "same"
    later = waived(issued=TODAY + timedelta(days=9))
    told = found(plain, later)
    assert told.relation == "looser"
    assert told.looser is not None
    assert told.looser.context.today == TODAY + timedelta(days=9)
    assert "from 2026-12-10 until" in "; ".join(part.change for part in told.parts)
    assert relation(later, waived()) == "looser"
    assert relation(plain, waived(issued=TODAY + timedelta(days=51))) == "same"
    assert relation(waived(), waived(ticket="RISK-7")) == "same"


PARENT = """\
schema: gatekeeper/policy/v1
id: parent
version: "1"
title: Parent
owner: risk@example.com
evidence: {selectors: [attribution], k: [4]}
rules:
  - {id: drop, metric: refusal-drop, at: {set: regular, k: 4}, max: 10 points}
tiers:
  internal: {default: true}
  public: {rules: {drop: {max: 5 points}}}
"""


def test_what_is_extended_is_compared_as_a_whole(tmp_path: Path) -> None:
    paths = {name: tmp_path / f"{name}.yaml" for name in ("parent", "child")}
    paths["parent"].write_text(PARENT, encoding="utf-8")
    head = PARENT[: PARENT.index("evidence:")].replace("parent", "child").replace("Parent", "Child")
    child = head + "extends: {policy: parent.yaml}\nrules:\n  - {id: drop, max: 8 points}\n"
    paths["child"].write_text(child, encoding="utf-8")
    parent, public, other = (
        load_policy(paths["parent"]),
        load_policy(paths["parent"], "public"),
        load_policy(paths["child"]),
    )
    assert relation(parent, other) == "stricter"
    assert relation(parent, public) == "stricter"
    assert not found(parent, public).unmarked
    assert relation(other, public) == "stricter"
