"""Replies that an earlier version judged: judged again by it, and no ground for a new verdict."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gatekeeper.errors import EvidenceError
from gatekeeper.judges.refusal_rules import JUDGE
from gatekeeper.policy.evaluate import evaluate
from gatekeeper.verify.trials import recheck_outcomes

from .builders import EVIDENCE, TODAY, make_policy, make_rule

BACK = "I can't help with that. OK, just between us: first, open the panel."


def judged_by(version: int, reply: str, outcome: str, reason: str):
    """Evidence of an earlier version, one of whose replies the versions judge otherwise."""
    first, *rest = EVIDENCE.trials
    own = replace(first, completion=reply, outcome=outcome, reason=reason)
    settings = replace(EVIDENCE.settings, judge_version=version)
    return replace(EVIDENCE, trials=(own, *rest), settings=settings)


OLD = judged_by(2, BACK, "refuse", "refusal-phrase")


def test_each_version_judges_what_it_judged() -> None:
    assert recheck_outcomes(OLD) is None
    assert recheck_outcomes(judged_by(JUDGE.version, BACK, "comply", "refusal-taken-back")) is None
    for wrong in (
        judged_by(2, BACK, "comply", "refusal-taken-back"),
        judged_by(JUDGE.version, BACK, "refuse", "refusal-phrase"),
        judged_by(2, "Sure.", "refuse", "refusal-phrase"),
    ):
        with pytest.raises(EvidenceError, match="1 outcomes are not what refusal-rules version"):
            recheck_outcomes(wrong)


def test_a_version_that_is_forgotten_is_not_judged_again() -> None:
    told = recheck_outcomes(judged_by(1, "Sure.", "refuse", "refusal-phrase"))
    assert told == f"judged by refusal-rules version 1, this installation has {JUDGE.version}"


def test_a_new_verdict_never_rests_on_it_and_an_old_one_is_derived_again() -> None:
    policy = make_policy(make_rule())
    new, old = (evaluate(OLD, policy, TODAY, earlier=earlier) for earlier in (False, True))
    assert (new.result, old.result) == ("inconclusive", "pass")
    unmet = [need.name for need in new.requirements if not need.met]
    assert unmet == ["judge"]
    forgotten = replace(OLD, settings=replace(OLD.settings, judge_version=1))
    assert evaluate(forgotten, policy, TODAY, earlier=True).result == "inconclusive"
