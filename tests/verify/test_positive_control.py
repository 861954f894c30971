"""The positive control of a bundle follows from its table and from the split."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import pytest

from gatekeeper.errors import EvidenceError
from gatekeeper.metrics import measure_all
from gatekeeper.records.positive import Candidate, PositiveControl
from gatekeeper.records.trial import POSITIVE
from gatekeeper.verify.made import recheck_made
from gatekeeper.verify.positive_control import recheck_positive
from gatekeeper.verify.verify import recheck
from tests.policy.builders import make_evidence
from tests.policy.shown import DIRECTION, shown


@cache
def given():
    return shown(make_evidence(controls=3))


def with_direction(**changes):
    one = replace(DIRECTION, **changes)
    return replace(given(), positive_control=PositiveControl(directions=(one,)))


def test_what_an_audit_writes_is_accepted():
    found = recheck(given())
    assert found.masks == len(given().masks)
    assert found.judged == len(given().trials)


def test_bundles_without_one_are_accepted():
    old = make_evidence(controls=3)
    recheck_positive(old)
    recheck_positive(replace(old, positive_control="not asked for"))


@pytest.mark.parametrize(
    ("evidence", "words"),
    [
        (lambda: with_direction(layer=0), "layer of the positive control does not follow"),
        (
            lambda: with_direction(candidates=DIRECTION.candidates[::-1]),
            "layers that this model does not have, or one twice",
        ),
        (
            lambda: with_direction(candidates=(*DIRECTION.candidates[:1],) * 2, layer=0),
            "layers that this model does not have, or one twice",
        ),
        (
            lambda: with_direction(
                candidates=(Candidate(layer=2, lost=6, broken=0, newly_refused=0),), layer=2
            ),
            "layers that this model does not have",
        ),
        (
            lambda: with_direction(
                candidates=(Candidate(layer=1, lost=7, broken=0, newly_refused=0),)
            ),
            "lost more replies than there were",
        ),
        (
            lambda: with_direction(
                candidates=(Candidate(layer=1, lost=6, broken=7, newly_refused=0),)
            ),
            "lost more replies than there were",
        ),
        (
            lambda: with_direction(refused=("regular-0", *DIRECTION.refused[1:])),
            "not made of prompts that select",
        ),
        (lambda: with_direction(refused=DIRECTION.answered), "not made of prompts that select"),
        (lambda: with_direction(refused=DIRECTION.refused[:5]), "not made of prompts that select"),
        (lambda: with_direction(answered=DIRECTION.answered[:1] * 6), "not made of prompts"),
        (
            lambda: replace(
                given(), positive_control=PositiveControl(directions=(DIRECTION,) * 2)
            ),
            "not the one arm",
        ),
        (
            lambda: replace(
                given(), settings=replace(given().settings, positive_control=False)
            ),
            "not the one arm",
        ),
        (lambda: replace(given(), positive_control="not asked for"), "no record of it"),
        (lambda: replace(given(), positive_control=None), "no record of it"),
        (
            lambda: replace(
                given(), masks=tuple(m for m in given().masks if m.arm != POSITIVE.arm)
            ),
            "not the one arm",
        ),
    ],
)  # fmt: skip
def test_anything_else_is_refused(evidence, words):
    with pytest.raises(EvidenceError, match=words):
        recheck_positive(evidence())


def test_it_is_run_on_all_prompts_that_measure():
    recheck_made(given())
    left = (t for t in given().trials if (t.mask, t.prompt_id) != (POSITIVE.name, "benign-3"))
    with pytest.raises(EvidenceError, match="positive-control was not run on 1 of the prompts"):
        recheck_made(replace(given(), trials=tuple(left)))


def test_its_replies_are_judged_again_like_all_others():
    wrong = tuple(
        replace(t, outcome="comply", reason="no-refusal")
        if (t.mask, t.outcome) == (POSITIVE.name, "refuse")
        else t
        for t in given().trials
    )
    assert wrong != given().trials
    made = replace(given(), trials=wrong)
    with pytest.raises(EvidenceError, match="the first under mask positive-control"):
        recheck(replace(made, findings=measure_all(made)))
