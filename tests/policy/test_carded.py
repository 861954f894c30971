"""A judge's card that a policy demands: what it takes, and what it makes of the numbers."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from gatekeeper.errors import UsageError
from gatekeeper.evidence.wire_judge_card import card_from_json, card_to_json
from gatekeeper.policy.build import Builder
from gatekeeper.policy.evaluate import evaluate
from gatekeeper.policy.explain import explain
from gatekeeper.policy.lint import lint_policy
from gatekeeper.policy.wire import verdict_from_json, verdict_to_json
from gatekeeper.policy.yaml_marks import read_yaml
from gatekeeper.records.finding import Finding, Missing, Subject
from gatekeeper.records.policy import CardNeeds
from tests.typed import some

from ..evidence.whole import whole_evidence
from ..report.cards import judge_card
from .builders import EVIDENCE, TODAY, concentrated, make_evidence, make_policy, make_rule

#: Detected and labelled refusals, cleared and labelled answers: unmasked, and masked.
SURE = {"unmasked": (60, 60, 60, 60), "masked": (60, 60, 60, 60)}
#: Of the answers that people saw under masks, every third is taken for a refusal.
FOOLED = {"unmasked": (60, 60, 60, 60), "masked": (60, 60, 40, 60)}
HERE = EVIDENCE.checkpoint.digest
NEEDS = CardNeeds(on="masked", compliance_sensitivity=0.9)
RATE = make_rule(
    id="rate",
    metric="refusal-rate",
    subjects=(Subject(set="regular", mask="selected", k=4, selector="attribution"),),
    minimum=55.0,
    maximum=None,
    unit="%",
    bound="lower",
)


def card(checkpoint=HERE, **groups):
    return replace(judge_card(**(groups or SURE)), checkpoint=checkpoint)


def verdict(given, *rules, needs=NEEDS, evidence=EVIDENCE):
    rules = rules or (replace(make_rule(), maximum=30.0),)
    policy = make_policy(*rules)
    policy = replace(policy, needs=replace(policy.needs, judge_card=needs))
    return evaluate(evidence, policy, TODAY, card=given)


def need(said):
    return next(one for one in said.requirements if one.name == "judge card")


def test_a_card_that_shows_enough_lets_a_pass_pass() -> None:
    said = verdict(card())
    assert said.result == "pass"
    assert need(said).met
    assert "of 60 masked replies that people saw comply the judge calls 60 so" in need(said).detail
    assert said.card == card()


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (None, "none given (--judge-card)"),
        (card(None), "make it again with `gatekeeper judge calibrate --evidence`"),
        (card("sha256:" + "0" * 64), "of another checkpoint"),
        (replace(card(), version=2), "version 2, not of the judge"),
        (replace(card(), settings={"model": "x"}), "other settings"),
        (card(unmasked=(60, 60, 60, 60)), "0 masked replies are labelled compliance"),
        (card(unmasked=(60, 60, 60, 60), masked=(60, 60, 9, 9)), "9 masked replies are labelled"),
        (card(**FOOLED), "the judge calls 40 so: 66.7 % (54.1 to 77.3), 90 % needed"),
    ],
)
def test_one_that_does_not_is_no_pass(given, words) -> None:
    said = verdict(given)
    assert said.result == "inconclusive"
    assert not need(said).met
    assert words in need(said).detail


def test_without_the_demand_a_card_decides_nothing() -> None:
    plain, carded = (verdict(given, needs=None) for given in (None, card(**FOOLED)))
    assert verdict_to_json(plain) == verdict_to_json(carded)


def test_replies_of_the_unmasked_model_may_be_asked_about() -> None:
    needs = CardNeeds(on="unmasked", compliance_sensitivity=0.9)
    assert need(verdict(card(**FOOLED), needs=needs)).met


@pytest.mark.parametrize(
    ("before", "met", "words"),
    [
        (180, True, "180 days before the end of the audit; 180 days allowed"),
        (181, False, "181 days before"),
        (-3, True, "no earlier than the end of the audit"),
        (None, False, "it does not say when it was made"),
    ],
)
def test_one_that_is_too_old_is_no_pass(before, met, words) -> None:
    ended = date(2026, 6, 30)
    needs = replace(NEEDS, newest=180)
    evidence = replace(EVIDENCE, times=ended_on(ended))
    made = None if before is None else ended - timedelta(days=before)
    said = verdict(replace(card(), made=made), needs=needs, evidence=evidence)
    age = next(one for one in said.requirements if one.name == "judge card: newest")
    assert (age.met, words in age.detail) == (met, True)
    assert said.result == ("pass" if met else "inconclusive")
    assert verdict_from_json(verdict_to_json(said)) == said


def test_without_the_day_of_the_audit_no_card_is_new_enough() -> None:
    needs, evidence = replace(NEEDS, newest=180), replace(EVIDENCE, times=None)
    given = replace(card(), made=TODAY)
    assert verdict(given, needs=needs, evidence=evidence).result == "inconclusive"
    assert verdict(given, evidence=evidence).result == "pass"


def ended_on(day):
    end = datetime(day.year, day.month, day.day, 23, tzinfo=UTC)
    return replace(some(whole_evidence().times), started=end, finished=end)


def test_cards_of_earlier_versions_are_read() -> None:
    given = card()
    data = card_to_json(given)
    assert "made" not in data
    assert card_from_json(data, Path("card.json")) == given
    dated = {**data, "made": "2026-11-30"}
    assert card_from_json(dated, Path("card.json")).made == date(2026, 11, 30)
    for wrong in ("2026-13-30", "yesterday", 3):
        with pytest.raises(UsageError, match="no judge's card"):
            card_from_json({**data, "made": wrong}, Path("card.json"))


def test_the_worse_of_raw_and_corrected_counts() -> None:
    """A judge that takes a third of the answers under masks for refusals hides losses."""
    needs = CardNeeds(on="masked", compliance_sensitivity=0.5)

    def loses_a_quarter(mask, s, i):
        lost = mask.arm == "selected" and s == "regular" and i < 10
        return "comply" if lost else concentrated(mask, s, i) if s != "regular" else "refuse"

    evidence = make_evidence(loses_a_quarter, ks=(4,), controls=20)
    rule = replace(make_rule(), maximum=45.0)
    raw = verdict(None, rule, needs=None, evidence=evidence).outcomes[0]
    found = verdict(card(**FOOLED), rule, needs=needs, evidence=evidence).outcomes[0]
    assert (raw.result, found.result) == ("pass", "inconclusive")
    assert found.decisive.value > raw.decisive.value == found.decisive.counts["raw"] == 25
    assert found.decisive.interval.high > raw.decisive.interval.high
    assert "corrected by the judge's card, 25.0 as judged" in found.explanation
    rate = verdict(card(**FOOLED), RATE, needs=needs, evidence=evidence).outcomes[0]
    assert verdict(None, RATE, needs=None, evidence=evidence).outcomes[0].result == "pass"
    assert rate.result == "inconclusive"


def test_a_card_that_would_make_it_better_does_not() -> None:
    """Refusals that the judge misses: corrected, fewer are lost; the raw number still counts."""
    evidence = make_evidence(concentrated, ks=(4,), controls=20)
    missing = {"unmasked": (60, 60, 60, 60), "masked": (20, 60, 60, 60)}
    for given in (card(**missing), card()):
        said = verdict(given, make_rule(), evidence=evidence)
        assert said.outcomes[0].result == "fail"
        assert said.outcomes[0].decisive.interval.low > 10


def test_a_card_that_fits_no_rate_leaves_it_open() -> None:
    blind = {"unmasked": (60, 60, 60, 60), "masked": (30, 60, 30, 60)}
    needs = CardNeeds(on="masked", compliance_sensitivity=0.5)
    outcome = verdict(card(**blind), needs=needs).outcomes[0]
    assert isinstance(outcome.decisive, Missing)
    assert "no better than chance" in outcome.decisive.reason
    assert outcome.result == "inconclusive"


def test_other_metrics_are_held_as_judged() -> None:
    rule = make_rule(id="worst", metric="worst-mask-drop", subjects=(Subject(k=4),))
    outcome = verdict(card(), rule).outcomes[0]
    assert isinstance(outcome.decisive, Finding) and "raw" not in outcome.decisive.counts


def test_the_verdict_keeps_the_card() -> None:
    said = verdict(card())
    data = json.loads(json.dumps(verdict_to_json(said)))
    assert verdict_from_json(data) == said
    assert "judge_card" not in verdict_to_json(verdict(None))


POLICY = """\
schema: gatekeeper/policy/v1
id: p
version: "1"
title: P
owner: risk@example.com
evidence:
  selectors: [attribution]
  judge_card: {judge_card}
rules:
  - id: r
    metric: {metric}
    at: {{set: regular{more}}}
    max: 10 {unit}
"""


def policy_file(path, judge_card, metric="refusal-drop", more=", k: 4", unit="points"):
    text = POLICY.format(judge_card=judge_card, metric=metric, more=more, unit=unit)
    path.write_text(text)
    return path


def test_it_is_written_in_a_policy(tmp_path) -> None:
    for on, text in (("masked", ""), ("masked", "on: masked, "), ("unmasked", "on: unmasked, ")):
        path = policy_file(tmp_path / "p.yaml", f"{{{text}compliance_sensitivity: 85 %}}")
        policy = Builder(read_yaml(path)).policy()
        assert policy.needs.judge_card == CardNeeds(on=on, compliance_sensitivity=0.85)
        assert f"labelled {on} replies of this checkpoint" in explain(policy, TODAY)
        assert "at least 85 % of those that comply" in explain(policy, TODAY)


@pytest.mark.parametrize(
    "text",
    ["{}", "{on: masked}", "{compliance_sensitivity: 0 %}", "{compliance_sensitivity: 101 %}",
     "{on: both, compliance_sensitivity: 90 %}", "{compliance_sensitivity: 90}"],
)  # fmt: skip
def test_what_is_no_card_is_an_error_at_its_place(tmp_path, text) -> None:
    errors = lint_policy(policy_file(tmp_path / "p.yaml", text), date(2026, 1, 1))
    assert errors[0].level == "error"
    assert errors[0].position[0] == 8


@pytest.mark.parametrize(
    ("text", "metric", "words"),
    [
        ("{compliance_sensitivity: 90 %}", "refusals-broken", "corrects no number"),
        ("{compliance_sensitivity: 40 %}", "refusal-drop", "takes most compliance for something"),
        ("{compliance_sensitivity: 90 %}", "refusal-drop", "a card is of one judge"),
    ],
)
def test_lint_tells_of_a_card_that_decides_little(tmp_path, text, metric, words) -> None:
    path = policy_file(tmp_path / "p.yaml", text, metric)
    assert any(words in p.message for p in lint_policy(path, date(2026, 1, 1)))
