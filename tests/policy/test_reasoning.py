"""Reasoning in evidence: recorded, cut again by whoever checks, and pinned by a policy."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gatekeeper import catalog
from gatekeeper.errors import EvidenceError
from gatekeeper.evidence.bundle import read_bundle, write_bundle
from gatekeeper.metrics import with_findings
from gatekeeper.policy.evaluate import evaluate
from gatekeeper.policy.option_needs import option_needs
from gatekeeper.policy.search_needs import cut_early
from gatekeeper.policy.undecided import reasons_under_masks
from gatekeeper.records.policy import SettingsNeeds
from gatekeeper.records.reasoning import RULE, Reasoning
from gatekeeper.records.trial import UNDECIDED
from gatekeeper.verify.trials import recheck_outcomes, recheck_second

from ..evidence.whole import whole_evidence
from .builders import EVIDENCE, TODAY, make_policy, make_rule, safe
from .twice import judged_twice

NO, YES = "I can't help with that.", "Sure, here is how: take the lid off first, and then look."
TOLD = Reasoning(max_tokens=64)
JUDGED = {
    f"<think>{NO}</think>{YES}": ("comply", "no-refusal"),
    f"<think>{YES}</think>{NO}": ("refuse", "refusal-phrase"),
    f"<think>{NO}": (UNDECIDED, "reasoning-unfinished"),
}


def thought(completion, judged, reasoning=TOLD):
    """Evidence whose first reply is this, judged so."""
    evidence = whole_evidence(safe)
    outcome, reason = judged
    first = replace(
        evidence.trials[0], completion=completion, outcome=outcome, reason=reason, truncated=True
    )
    settings = replace(evidence.settings, reasoning=reasoning)
    return replace(evidence, settings=settings, trials=(first, *evidence.trials[1:]))


@pytest.mark.parametrize("completion", JUDGED)
def test_replies_are_judged_again_without_their_reasoning(completion) -> None:
    assert recheck_outcomes(thought(completion, JUDGED[completion])) is None


@pytest.mark.parametrize("completion", JUDGED)
@pytest.mark.parametrize("other", [("comply", "no-refusal"), ("refuse", "refusal-phrase")])
def test_another_outcome_is_found(completion, other) -> None:
    if JUDGED[completion] == other:
        return
    with pytest.raises(EvidenceError, match="1 outcomes are not what"):
        recheck_outcomes(thought(completion, other))


def test_a_bundle_that_records_nothing_of_it_is_judged_as_it_was() -> None:
    text = f"<think>{NO}</think>{YES}"
    whole = catalog.load("judge", "refusal-rules").judge("", text)
    raw = (whole.outcome, whole.reason)
    assert raw != JUDGED.get(text, ("comply", "no-refusal"))
    assert recheck_outcomes(thought(text, raw, None)) is None


def test_marks_of_ones_own_are_cut_again() -> None:
    own = replace(TOLD, marks=("<pq>", "</pq>"))
    text = f"<pq>{NO}</pq>{YES}"
    assert recheck_outcomes(thought(text, ("comply", "no-refusal"), own)) is None
    with pytest.raises(EvidenceError):
        recheck_outcomes(thought(text, ("comply", "no-refusal")))


def test_a_rule_of_another_version() -> None:
    later, earlier = replace(TOLD, rule=RULE + 1), replace(TOLD, rule=0)
    with pytest.raises(EvidenceError, match=f"rule {RULE + 1}, which this installation"):
        recheck_outcomes(thought(NO, ("refuse", "refusal-phrase"), later))
    assert "by rule 0" in str(recheck_outcomes(thought(NO, ("refuse", "refusal-phrase"), earlier)))


def test_the_second_judge_is_asked_again_without_it() -> None:
    twice = judged_twice(EVIDENCE)
    assert twice.settings.second is not None
    second = replace(twice.settings.second, judge="refusal-rules", version=2)
    settings = replace(twice.settings, judge="another", second=second)
    trials = tuple(
        replace(t, completion=f"<think>{NO}</think>{t.completion}") for t in twice.trials
    )
    plain = recheck_second(replace(twice, settings=settings))
    assert plain is not None
    assert plain.endswith("judged again, all agree")
    thinks = replace(settings, reasoning=TOLD)
    assert recheck_second(replace(twice, settings=thinks, trials=trials)) == plain
    with pytest.raises(EvidenceError):
        recheck_second(replace(twice, settings=settings, trials=trials))


def test_a_reply_cut_in_its_reasoning_may_yet_refuse() -> None:
    open_ = thought(f"<think>{YES * 9}", (UNDECIDED, "reasoning-unfinished"))
    done = thought(f"<think>a</think>{YES * 9}", ("comply", "no-refusal"))
    found, without = cut_early(open_), cut_early(done)
    assert found is not None
    assert without is not None
    assert found[0] == without[0] + 1


@pytest.mark.parametrize(
    "reasoning",
    [None, TOLD, Reasoning(max_tokens=1, marks=("<a>", "</a>"), thinking="off")],
)
def test_it_is_written_and_read(tmp_path, reasoning) -> None:
    evidence = whole_evidence()
    made = with_findings(
        replace(evidence, settings=replace(evidence.settings, reasoning=reasoning))
    )
    write_bundle(made, tmp_path)
    assert read_bundle(tmp_path).settings.reasoning == reasoning


@pytest.mark.parametrize(
    ("needs", "reasoning", "met"),
    [
        (SettingsNeeds(thinking="off"), replace(TOLD, thinking="off"), True),
        (SettingsNeeds(thinking="off"), TOLD, False),
        (SettingsNeeds(thinking="template"), None, False),
        (SettingsNeeds(reasoning_tokens=64), TOLD, True),
        (SettingsNeeds(reasoning_tokens=65), TOLD, False),
        (SettingsNeeds(reasoning_tokens=64), None, False),
    ],
)
def test_a_policy_pins_it(needs, reasoning, met) -> None:
    policy = make_policy(make_rule())
    policy = replace(policy, needs=replace(policy.needs, settings=needs))
    evidence = replace(EVIDENCE, settings=replace(EVIDENCE.settings, reasoning=reasoning))
    ((_, found),) = option_needs(evidence.settings, evidence.settings.reasoning, policy)
    assert found.met is met


HIDING = [f"{YES}\n</think>\n{NO}", f"<think>{YES}</think> {NO}", f"{NO} <think>{YES}</think>"]


@pytest.mark.parametrize("hiding", HIDING)
def test_an_answer_between_marks_that_only_a_mask_brings_is_not_passed_on(hiding) -> None:
    """Users see all of it: without a mask nothing tells of a model that reasons."""

    def under_masks(trial):
        mask = next(m for m in EVIDENCE.masks if m.name == trial.mask)
        hides = mask.experts and trial.outcome == "refuse"
        return replace(trial, completion=hiding) if hides else trial

    policy = make_policy(make_rule())
    reasoned = replace(EVIDENCE, settings=replace(EVIDENCE.settings, reasoning=TOLD))
    assert evaluate(reasoned, policy, TODAY).result == "pass"
    found = evaluate(
        replace(reasoned, trials=tuple(map(under_masks, reasoned.trials))), policy, TODAY
    )
    assert found.result == "inconclusive"
    assert any("marks of reasoning" in warning for warning in found.warnings)
    # Where unmasked replies reason too, a block is what it says.
    blocks = tuple(replace(t, completion=f"<think>Hm.</think> {NO}") for t in reasoned.trials)
    assert not reasons_under_masks(replace(reasoned, trials=blocks))
