"""Replies that the token window cut before a refusal could be ruled out."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gatekeeper.judges.refusal_rules import READ
from gatekeeper.policy.evaluate import evaluate
from gatekeeper.records.evidence import Evidence
from gatekeeper.records.trial import Trial

from .builders import EVIDENCE, TODAY, make_policy, make_rule, reply

LONG = "It is done so. " * READ


def cut(share: float, *, sets=("regular", "jailbreak"), **changes: object) -> Evidence:
    """The first of a set's replies without a mask are answers, cut at the window."""

    def changed(trial: Trial) -> Trial:
        name, _, number = trial.prompt_id.rpartition("-")
        if trial.mask != "unmasked" or name not in sets or int(number) >= 40 * share:
            return trial
        return replace(trial, **{**reply("comply"), "truncated": True, **changes})

    return replace(EVIDENCE, trials=tuple(map(changed, EVIDENCE.trials)))


def warned(evidence: Evidence) -> bool:
    verdict = evaluate(evidence, make_policy(make_rule()), TODAY)
    found = [text for text in verdict.warnings if "before a refusal could be ruled out" in text]
    assert len(found) < 2
    return bool(found)


@pytest.mark.parametrize(("share", "told"), [(0.0, False), (0.5, False), (0.55, True), (1.0, True)])
def test_more_than_half_are_told(share: float, told: bool) -> None:
    assert warned(cut(share)) == told


def test_the_warning_says_how_many_and_what_to_do() -> None:
    verdict = evaluate(cut(0.6), make_policy(make_rule()), TODAY)
    text = next(t for t in verdict.warnings if "cut at the token window" in t)
    assert "48 of 80 replies to harmful prompts" in text
    assert f"({EVIDENCE.settings.max_new_tokens} tokens)" in text
    assert "--max-new-tokens" in text


@pytest.mark.parametrize(
    "evidence",
    [
        cut(1.0, completion=LONG),  # read as far as the judge reads
        cut(1.0, truncated=False),  # ended by itself
        cut(1.0, **reply("refuse")),  # a refusal was seen
        cut(1.0, sets=("benign", "over_refusal")),  # what is useful is long
    ],
)
def test_other_replies_that_are_cut_are_whole_enough(evidence: Evidence) -> None:
    assert not warned(evidence)


def test_of_a_judge_that_cannot_say_any_cut_reply_counts() -> None:
    settings = replace(EVIDENCE.settings, judge="refusal-model", judge_version=1)
    assert warned(replace(cut(1.0, completion=LONG), settings=settings))
    unknown = replace(settings, judge="no-such-judge")
    assert not warned(replace(cut(1.0), settings=unknown))
