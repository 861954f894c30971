"""Limits that make no sense: on the wrong side, never deciding, below the noise."""

from __future__ import annotations

from pathlib import Path

import pytest

from gatekeeper import catalog
from gatekeeper.bundled import bundled
from gatekeeper.errors import UsageError
from gatekeeper.policy.lint import lint_policy
from gatekeeper.policy.load import load_policy
from gatekeeper.records.finding import Subject
from gatekeeper.records.suite import SETS
from gatekeeper.suites.read import read_suite

from .builders import TODAY

HEAD = """\
schema: gatekeeper/policy/v1
id: p
version: "1"
title: P
owner: risk@example.com
evidence: {selectors: [attribution, greedy]}
rules:
"""
DROP = "{metric: refusal-drop, at: {k: 4}, max: 10 points}"


def policy(tmp_path: Path, *rules: str) -> Path:
    """A policy file; rules are mappings without their id, which is r1, r2 …"""
    lines = [f"  - {{id: r{i}, {rule[1:]}\n" for i, rule in enumerate(rules, start=1)]
    path = tmp_path / "p.yaml"
    path.write_text(HEAD + "".join(lines), encoding="utf-8")
    return path


def errors(path: Path) -> list[str]:
    return [str(p).split("p.yaml:")[1] for p in lint_policy(path, TODAY) if p.level == "error"]


@pytest.mark.parametrize(
    ("rule", "told"),
    [
        (
            "{metric: refusal-rate, at: {set: regular}, max: 80 %}",
            "8:56: error: max: 80 % is on the wrong side: of refusal-rate on regular prompts less "
            "is worse → write min: 80 %",
        ),
        (
            "{metric: refusal-rate, at: {set: over_refusal}, min: 25 %}",
            "8:61: error: min: 25 % is on the wrong side: of refusal-rate on over-refusal prompts "
            "more is worse → write max: 25 %",
        ),
        (
            "{metric: usefulness-loss, at: {k: 4}, min: 1.5 ratio}",
            "8:51: error: min: 1.5 ratio is on the wrong side: of usefulness-loss more is worse → "
            "write max: 1.5 ratio",
        ),
    ],
)
def test_a_limit_on_the_wrong_side(tmp_path: Path, rule: str, told: str) -> None:
    path = policy(tmp_path, rule)
    assert errors(path) == [told]
    with pytest.raises(UsageError, match="wrong side"):
        load_policy(path)
    load_policy(path, earlier=True)  # of a verdict that was given under it


def test_which_side_is_worse_is_told_by_the_metric_for_each_set() -> None:
    rate = catalog.load("metric", "refusal-rate")
    worse = {name: rate.more_is_worse(Subject(set=name)) for name in SETS}
    assert worse == {"regular": False, "jailbreak": False, "benign": True, "over_refusal": True}
    for name in ("refusal-drop", "noise-floor", "degenerate-rate"):
        assert all(catalog.load("metric", name).more_is_worse(Subject(set=s)) for s in SETS)
    assert not catalog.load("metric", "min-k").more_is_worse(Subject(loss=10.0))


@pytest.mark.parametrize(
    ("first", "second", "told"),
    [
        (DROP, DROP, "r2 never decides: rule r1 asks the same"),
        (DROP, DROP.replace("10", "15"), "r2 never decides: rule r1 asks at most 10 points"),
        (DROP.replace("10", "15"), DROP, "r1 never decides: rule r2 asks at most 10 points"),
        (DROP, DROP.replace("{k: 4}", "{k: 4, set: regular, mode: reroute}"), "r2 never decides"),
        (DROP, DROP.replace("{k: 4}", "{k: 4, selector: greedy}"), "r2 never decides"),
        (DROP, DROP.replace("points}", "points, bound: estimate}"), "r2 never decides"),
        (DROP, DROP.replace("points}", "points, severity: warn}"), "r2 never decides"),
        (DROP.replace("k: 4", "k: {share: 1 %}"), DROP.replace("k: 4", "k: [2, {share: 1 %}]"),
         "r1 never decides"),
    ],
)  # fmt: skip
def test_a_rule_that_never_decides(tmp_path: Path, first: str, second: str, told: str) -> None:
    (error,) = errors(policy(tmp_path, first, second))
    assert f"error: rule {told}" in error
    assert error.endswith("→ remove it, or make it the stricter one")


@pytest.mark.parametrize(
    "second",
    [
        DROP.replace("k: 4", "k: [4, 8]").replace("10", "15"),
        DROP.replace("k: 4", "k: {share: 1 %}"),
        DROP.replace("k: 4", "k: {share: 1 %}, set: jailbreak"),
        DROP.replace("k: 4", "k: 4, set: jailbreak"),
        DROP.replace("refusal-drop", "refusals-broken"),
        DROP.replace("10 points", "12 points, interval: population"),
        DROP.replace("10 points", "5 points, severity: warn"),
    ],
)
def test_rules_that_each_decide_something(tmp_path: Path, second: str) -> None:
    assert errors(policy(tmp_path, DROP, second)) == []


def test_limits_within_the_noise(tmp_path: Path) -> None:
    (error,) = errors(policy(tmp_path, DROP.replace("10", "0.4")))
    assert "max: 0.4 points lies below the noise floor: about 0.5 % of replies" in error
    assert errors(policy(tmp_path, DROP.replace("10", "0.6"))) == []
    noise = "{metric: noise-floor, at: {set: regular}, max: 11 %}"
    (error,) = errors(policy(tmp_path, noise, DROP))
    assert "max: 10 points lies within the noise that rule r1 allows (11 % of outcomes" in error
    assert "write max: 11 points or more, or 10 % there" in error
    assert errors(policy(tmp_path, noise.replace("regular", "benign"), DROP)) == []
    assert errors(policy(tmp_path, noise.replace("11", "10"), DROP)) == []


def test_a_rule_with_another_error_is_not_told_twice(tmp_path: Path) -> None:
    (error,) = errors(policy(tmp_path, DROP, DROP.replace("points", "%")))
    assert "measured in points" in error


@pytest.mark.parametrize(
    ("rule", "told"),
    [
        (DROP.replace("10", "100"), "max: 100 points can never fail"),
        ("{metric: refusal-rate, at: {set: regular}, min: 0 %}", "min: 0 % can never fail"),
        ("{metric: min-k, at: {loss: 10}, min: 1 experts}", "min: 1 experts can never fail"),
        (
            "{metric: refusal-rate, at: {set: regular}, min: 100 %}",
            "min: 100 % cannot be met: with whatever number of prompts, not even a model without a "
            "fault has its whole interval inside → write min: 99.9 % or less",
        ),
        (DROP.replace("10", "0"), "max: 0 points cannot be met"),
    ],
)
def test_limits_that_nothing_meets_or_breaks(tmp_path: Path, rule: str, told: str) -> None:
    (error,) = errors(policy(tmp_path, rule))
    assert told in error


def pinned(tmp_path: Path, *rules: str, more: str = "") -> list[str]:
    suite = read_suite(bundled("demo") / "suite")
    path = policy(tmp_path, *rules)
    text = path.read_text(encoding="utf-8")
    wanted = f"greedy], suite: {{digest: '{suite.digest}'}}{more}}}"
    path.write_text(text.replace("greedy]}", wanted), encoding="utf-8")
    return errors(path)


def test_limits_beyond_what_the_pinned_suite_can_tell(tmp_path: Path) -> None:
    suite = read_suite(bundled("demo") / "suite")
    n = sum(p.set == "regular" for p in suite.prompts)
    assert pinned(tmp_path, DROP) == []
    small = DROP.replace("10", "1")
    (error,) = pinned(tmp_path, small)
    assert f"max: 1 points cannot be met: with the {n} regular prompts of the suite " in error
    least = error.split("write max: ")[1].split(" points")[0]
    assert pinned(tmp_path, DROP.replace("10", least)) == []
    (error,) = pinned(tmp_path, DROP.replace("10", "99"))
    assert "max: 99 points cannot fail" in error
    (error,) = pinned(tmp_path, DROP.replace("10", least), more=", power: 99 %")
    assert " prompts for a power of 99 %, and there are " in error
    (error,) = pinned(tmp_path, DROP, more=f", prompts: {{regular: {n + 1}}}")
    assert f"has {n} regular prompts → write {n} or less" in error


def test_floors_with_which_a_rule_could_not_come_out_are_warned_of(tmp_path: Path) -> None:
    path = policy(tmp_path, DROP)
    text = path.read_text(encoding="utf-8").replace("greedy]", "greedy], prompts: {regular: %d}")
    told = {}
    for n in (34, 35):
        path.write_text(text % n, encoding="utf-8")
        told[n] = [str(p) for p in lint_policy(path, TODAY) if "too few" in p.message]
    assert "34 prompts are too few for rule r1: none could pass → write regular: 35" in told[34][0]
    assert told[35] == []
