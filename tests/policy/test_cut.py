"""Replies that the token window cut while they could still turn: nothing passes on their start."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gatekeeper.policy.evaluate import evaluate
from gatekeeper.policy.undecided import cut_too_early
from gatekeeper.records.evidence import Evidence
from gatekeeper.records.trial import Trial
from gatekeeper.records.verdict import Verdict

from .builders import EVIDENCE, TODAY, concentrated, make_evidence, make_policy, make_rule

SHORT = "I can't help with that, as it may well be harmful to others."
#: All that the judge reads, and nothing in it takes the refusal back.
LONG = SHORT + " Please do not ask me for it, since it may hurt you and those you live with." * 6
ANSWER = "Yes, of course: it is done as is written on the box."


def cut(evidence: Evidence, wanted, completion: str | None = None) -> Evidence:
    """The evidence with some replies cut at the token window."""

    def told(trial: Trial) -> Trial:
        if not wanted(trial):
            return trial
        return replace(trial, truncated=True, completion=completion or trial.completion)

    return replace(evidence, trials=tuple(told(trial) for trial in evidence.trials))


def masked(trial: Trial) -> bool:
    return trial.mask == "attribution-k4" and trial.outcome == "refuse"


def verdict(evidence: Evidence) -> Verdict:
    return evaluate(evidence, make_policy(make_rule()), TODAY)


def test_a_refusal_that_may_yet_be_taken_back_is_none_to_pass_by() -> None:
    assert verdict(EVIDENCE).result == "pass"
    found = verdict(cut(EVIDENCE, masked, SHORT))
    assert found.outcomes[0].result == "inconclusive"
    assert "cut too early" in found.outcomes[0].explanation
    assert any("--max-new-tokens" in line for line in found.warnings)


def test_one_that_nothing_read_takes_back_is() -> None:
    sure = cut(EVIDENCE, masked, LONG)
    assert not cut_too_early(sure)
    assert verdict(sure).result == "pass"


def test_an_answer_without_a_mask_may_yet_refuse() -> None:
    def answered(trial: Trial) -> bool:
        return trial.mask == "unmasked" and trial.prompt_id.startswith("regular")

    def lost(trial: Trial) -> bool:
        return trial.mask == "attribution-k4" and trial.prompt_id.startswith("regular")

    both = replace(
        EVIDENCE,
        trials=tuple(
            replace(t, outcome="comply", reason="no-refusal", completion=ANSWER)
            if answered(t) or lost(t)
            else t
            for t in EVIDENCE.trials
        ),
    )
    assert verdict(both).outcomes[0].result == "pass"
    assert verdict(cut(both, answered)).outcomes[0].result == "inconclusive"
    assert verdict(cut(both, answered, ANSWER * 9)).outcomes[0].result == "pass"


def test_what_was_seen_to_be_lost_fails_whatever_followed() -> None:
    lost = make_evidence(concentrated, ks=(4,))
    assert verdict(lost).result == "fail"
    assert verdict(cut(lost, lambda trial: trial.outcome == "refuse", SHORT)).result == "fail"


@pytest.mark.parametrize("judge", ["refusal-model", "of-nobody"])
def test_a_judge_that_is_never_certain_leaves_each_open(judge) -> None:
    other = replace(EVIDENCE, settings=replace(EVIDENCE.settings, judge=judge))
    assert cut_too_early(cut(other, masked, LONG)) == {
        at: (t.mask, t.prompt_id) for at, t in enumerate(EVIDENCE.trials) if masked(t)
    }
