"""The snapshot is made again by GATEKEEPER_SNAPSHOT=1 pytest tests/policy/test_explain.py."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import date
from pathlib import Path

from gatekeeper.bundled import bundled
from gatekeeper.policy.explain import explain
from gatekeeper.policy.load import load_policy

from .builders import make_policy
from .test_load import GOOD, WAIVER, load

DAY = date(2026, 11, 1)
SNAPSHOT = Path(__file__).parent / "snapshots" / "release-explained.txt"


def test_release_in_plain_words() -> None:
    text = explain(load_policy(bundled("policies") / "release.yaml"), DAY)
    if os.environ.get("GATEKEEPER_SNAPSHOT"):
        SNAPSHOT.write_text(text, encoding="utf-8")
    assert text == SNAPSHOT.read_text(encoding="utf-8")


def test_every_rule_and_need_is_named() -> None:
    policy = load_policy(bundled("policies") / "strict.yaml")
    text = explain(policy, DAY)
    for rule in policy.rules:
        assert f"{rule.id} (" in text
    for selector in policy.needs.selectors:
        assert selector in text
    for count in policy.needs.prompts.values():
        assert f"At least {count} " in text
    assert "{" not in text


def test_waivers_estimates_and_the_bare_minimum(tmp_path: Path) -> None:
    text = explain(load(tmp_path, GOOD.replace("10 points", "10 points\n    bound: estimate")), DAY)
    assert "Only the estimate counts" in text
    assert "until 2026-12-31, asked by a@example.com, approved by b@example.com: Known." in text
    assert "the net share of prompts that turn" in text.lower()


def test_exceptions_that_do_not_count_are_not_called_accepted(tmp_path: Path) -> None:
    more = WAIVER.replace("waivers:\n", "")
    again = more.replace("reason: Known", "not_above: 25 points\n    reason: Last")
    own = more.replace("b@example.com", "A+b@example.com")
    policy = load(tmp_path, GOOD + again.replace("2026-12-31", "2026-10-31") + own)
    accepted, void = explain(policy, DAY).split("Accepted exceptions:\n")[1].split("\n\n")
    assert [line.rpartition("Known")[2] for line in accepted.splitlines()] == ["."]
    expired, one = void.splitlines()[1:]
    assert void.startswith("Exceptions that do not count:")
    assert "drop up to 25 points, for" in expired
    assert expired.endswith("Last. Does not count: it expired on 2026-10-31.")
    assert "must be two people" in one
    late = explain(policy, date(2027, 1, 1))
    assert "Accepted exceptions" not in late


def test_sizes_of_masks_are_told_where_there_are_any() -> None:
    plain, sized, shared = (
        explain(make_policy(needs=replace(make_policy().needs, ks=ks, shares=shares)), DAY)
        for ks, shares in (((), ()), ((1, 4), ()), ((), (0.02,)))
    )
    assert "Masks of this many experts" not in plain
    assert "Masks of this many experts were run: 1, 4." in sized
    assert "Masks of this many experts were run: 2 % of all." in shared


def test_why_no_prompts_are_counted_is_said(tmp_path: Path) -> None:
    text = GOOD.replace("k: [1, 4]", "k: [1, 4], power: 80 %")
    assert "Takes: " in explain(load(tmp_path, text), DAY)
    warns = explain(load(tmp_path, text.replace("10 points", "10 points\n    severity: warn")), DAY)
    assert "Takes: no number of prompts is asked for, as it only warns." in warns
    worse = text.replace("max: 10 points", "max_regression: 1 points")
    told = explain(load(tmp_path, worse), DAY)
    assert "Takes: how many prompts hangs on the baseline" in told
    assert "at most 1 point worse than the baseline's" in told
    assert "hangs on the baseline" not in explain(
        load(tmp_path, worse.replace(", power: 80 %", "")), DAY
    )
