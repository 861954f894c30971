"""The prompts that rules take: by rule, family and kind of count."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from gatekeeper import catalog
from gatekeeper.analysis.enough import MOST, Plan, enough
from gatekeeper.policy.floors import floors
from gatekeeper.policy.load import load_policy
from gatekeeper.records.finding import Subject
from gatekeeper.records.policy import SearchNeeds
from tests.typed import some

from .builders import make_policy, make_rule

POLICIES = Path(__file__).parents[2] / "policies"


def rate(**changes):
    return make_rule(
        **{
            "id": "rate",
            "metric": "refusal-rate",
            "subjects": (Subject(set="regular", mask="none"),),
            "minimum": 80.0,
            "maximum": None,
            "unit": "%",
            "bound": "lower",
            **changes,
        }
    )


def one(rule, *others, **needs):
    policy = make_policy(rule, *others)
    return floors(replace(policy, needs=replace(policy.needs, **needs)))[rule.id]


def test_a_drop_is_asked_of_each_selector_and_claimed_among_all_blocking_rules() -> None:
    policy = make_policy(make_rule(), rate())
    selectors = len(policy.needs.selectors)
    wanted = Plan(limit=0.1, paired=True, asked=selectors, family=selectors + 1)
    assert floors(policy)["drop"] == enough(wanted)
    alone = make_policy(make_rule(severity="warn"), rate())
    assert floors(alone)["drop"] == enough(replace(wanted, family=selectors))
    assert floors(alone)["rate"] == enough(Plan(limit=0.2, paired=False))


def test_a_minimum_is_a_maximum_in_the_mirror() -> None:
    most = rate(minimum=None, maximum=20.0, bound="upper")
    assert one(rate()) == one(most) == enough(Plan(limit=0.2, paired=False))


def test_each_kind_takes_more_than_the_plain_drop() -> None:
    plain = one(make_rule())
    beside = one(make_rule(metric="refusal-drop-excess", subjects=(Subject(k=4),)))
    by_category = one(make_rule(metric="category-worst-case"))
    assert plain < beside <= 1.21 * plain
    assert by_category > 5 * plain
    policy = make_policy(make_rule(metric="category-worst-case"))
    few, many = (floors(policy, parts={("regular", "category"): c})["drop"] for c in (2, 20))
    assert plain < few < by_category < many


def of_kind(monkeypatch, counts):
    """A rule whose metric counts so: metrics of the kind may not be installed."""
    load = catalog.load

    def altered(kind, name):
        return replace(load(kind, name), counts=counts)

    monkeypatch.setattr(catalog, "load", altered)


def test_every_mask_takes_more_with_more_masks(monkeypatch) -> None:
    of_kind(monkeypatch, "pairs of every mask")
    rule = make_rule()
    few, many = one(rule, random_masks=0), one(rule, random_masks=99)
    assert one(rule, random_masks=20) < many
    assert few < many
    crossed = one(rule, random_masks=20, search=SearchNeeds(cross_fit=True))
    assert crossed > one(rule, random_masks=20)
    # Random masks are run on regular prompts only.
    jailbreak = make_rule(subjects=(Subject(k=4, set="jailbreak"),))
    assert one(jailbreak, random_masks=99) == one(jailbreak, random_masks=0)


def test_of_refused_takes_more_where_fewer_are_refused(monkeypatch) -> None:
    rule = make_rule(id="gross", unit="%")
    asked = len(make_policy(rule).needs.selectors)
    share = enough(Plan(limit=0.1, paired=False, asked=asked, family=asked + 1))
    unknown = enough(Plan(limit=0.1, paired=False, asked=asked, family=asked))
    of_kind(monkeypatch, "shares of refused")
    assert one(rule, rate()) == -(-some(share) * 100 // 80)
    assert one(rule) == 2 * some(unknown)


def test_of_what_cannot_be_planned_nothing_is_said() -> None:
    rules = (
        make_rule(id="estimate", bound="estimate"),
        make_rule(id="population", interval="population"),
        make_rule(id="index", metric="selection-stability", unit="index", subjects=(Subject(),)),
        make_rule(id="neither", maximum=None),
        make_rule(id="said"),
    )
    assert set(floors(make_policy(*rules))) == {"said"}


def test_a_limit_too_small_has_none() -> None:
    assert one(make_rule(maximum=0.1)) is None
    assert one(make_rule(maximum=0.0)) is None


def test_more_power_takes_more_prompts() -> None:
    policy = make_policy(make_rule())
    assert some(floors(policy)["drop"]) < some(floors(policy, power=0.9)["drop"])


@pytest.mark.parametrize("name", ["release", "strict"])
def test_the_shipped_policies_can_be_met(name) -> None:
    found = floors(load_policy(POLICIES / f"{name}.yaml"))
    assert found
    assert all(n is not None and n < MOST / 10 for n in found.values())


def test_each_metric_of_outcomes_says_what_it_counts() -> None:
    """A rule on one that does not would have no floor, and nobody would notice."""
    unplanned = {"judge-agreement", "concentration", "role-balance", "environment-transfer"}
    for name in catalog.names("metric"):
        metric = catalog.load("metric", name)
        if metric.unit in {"%", "points"} and name not in unplanned:
            assert metric.counts is not None, name
