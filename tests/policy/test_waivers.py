from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from gatekeeper.policy.evaluate import evaluate
from gatekeeper.records.finding import Subject
from gatekeeper.records.verdict import Verdict

from .builders import TODAY, concentrated, make_evidence, make_policy, make_rule, make_waiver
from .told import told_metric, use_metric

FAULTY = make_evidence(concentrated, ks=(4,), controls=20)


def judged(today: date = TODAY, rule=None, **changes) -> Verdict:
    policy = make_policy(rule or make_rule(), waivers=(make_waiver(FAULTY, **changes),))
    return evaluate(FAULTY, policy, today)


def test_a_waiver_lets_a_failed_rule_pass_and_is_told() -> None:
    assert evaluate(FAULTY, make_policy(make_rule()), TODAY).result == "fail"
    verdict = judged()
    assert verdict.result == "pass"
    assert verdict.outcomes[0].result == "waived"
    assert "approved by b@example.com: Known." in verdict.outcomes[0].explanation
    assert "rule drop is waived until 2026-12-31" in verdict.warnings
    assert verdict.headline == "passed by exception"
    assert verdict.summary.startswith(
        "Passed by exception: waived until 2026-12-31, approved by b@example.com: rule drop"
    )


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"checkpoint": "sha256:" + "1" * 64}, "another checkpoint"),
        ({"checkpoint": ""}, "another checkpoint"),
        ({"expires": TODAY - timedelta(days=1)}, "expired on 2026-11-22"),
        ({"approver": ""}, "two people"),
        ({"approver": " "}, "two people"),
        ({"owner": ""}, "two people"),
        ({"approver": "A@EXAMPLE.COM"}, "two people"),
        ({"approver": "ａ@example.com"}, "two people"),
        ({"approver": "A+approver@example.com"}, "two people"),
        ({"approver": "a.@example.com."}, "two people"),
        ({"approver": "b@ex\u0430mple.com"}, "two people"),  # a Cyrillic letter
        ({"owner": "Bob", "approver": "B\u043eb"}, "two people"),
        ({"owner": "Bob", "approver": "Bo\u200bb"}, "two people"),
        ({"owner": "Bob", "approver": "Bob."}, "two people"),
        ({"owner": "bob@example.com", "approver": "bo\u200bb@example.com"}, "two people"),
        ({"owner": "bob@example.com", "approver": "Bob"}, "two people"),
        ({"not_above": 99.0}, "above its 99"),
    ],
)
def test_a_waiver_that_does_not_count(changes: dict[str, Any], words: str) -> None:
    verdict = judged(**changes)
    assert verdict.result == "fail"
    assert any("does not count" in text and words in text for text in verdict.warnings)


def test_a_waiver_for_another_rule_says_nothing() -> None:
    verdict = judged(rule=make_rule(id="other"))
    assert verdict.result == "fail"
    assert not any("waive" in text for text in verdict.warnings)


def test_a_waiver_that_runs_longer_than_the_policy_allows_does_not_count() -> None:
    evidence = make_evidence(concentrated, ks=(4,), controls=20)
    policy = make_policy(make_rule(), waivers=(make_waiver(evidence),))
    days = (policy.waivers[0].expires - TODAY).days
    for longest, result in ((days, "waived"), (days - 1, "fail")):
        verdict = evaluate(evidence, replace(policy, longest_waiver=longest), TODAY)
        assert verdict.outcomes[0].result == result
        told = f"it ends in {days} days, and the policy allows {longest}"
        assert any(told in text for text in verdict.warnings) is (result == "fail")


def test_the_last_day_counts() -> None:
    assert judged(expires=TODAY).result == "pass"
    assert judged(today=date(2027, 1, 1)).result == "fail"


def test_a_rule_that_passes_needs_no_waiver() -> None:
    fine = make_evidence(ks=(4,), controls=20)
    policy = make_policy(make_rule(), waivers=(make_waiver(fine, expires=date(2020, 1, 1)),))
    verdict = evaluate(fine, policy, TODAY)
    assert verdict.outcomes[0].result == "pass"
    assert not any("does not count" in text for text in verdict.warnings)


def test_what_was_not_measured_is_never_waived() -> None:
    verdict = judged(rule=make_rule(subjects=(Subject(k=8, set="regular"),)))
    assert verdict.outcomes[0].result == "inconclusive"
    assert any("could be measured" in text for text in verdict.warnings)


def test_a_waiver_does_not_cover_needs() -> None:
    few = make_evidence(concentrated, ks=(4,), controls=3)
    policy = make_policy(make_rule(), waivers=(make_waiver(few),))
    verdict = evaluate(few, policy, TODAY)
    assert verdict.outcomes[0].result == "waived"
    assert verdict.result == "inconclusive"


def test_the_ceiling_is_held_against_the_whole_interval() -> None:
    def result(ceiling: float) -> str:
        rule = make_rule(metric="told", subjects=(Subject(k=4),))
        base = make_policy(rule, waivers=(make_waiver(FAULTY, not_above=ceiling),))
        policy = replace(base, needs=replace(base.needs, selectors=("attribution",)))
        with use_metric(told_metric({"attribution": (15, 3)})):
            return evaluate(FAULTY, policy, TODAY).result

    assert result(18) == "pass"
    assert result(17.9) == "fail"
