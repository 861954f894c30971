"""The positive control of a bundle follows from its table and from the split."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import pytest

from gatekeeper.errors import EvidenceError
from gatekeeper.metrics import measure_all
from gatekeeper.records.positive import Candidate, PositiveControl
from gatekeeper.records.trial import AGAIN, POSITIVE, UNMASKED, Trial
from gatekeeper.verify.made import recheck_made
from gatekeeper.verify.positive_control import recheck_positive, recheck_replies
from gatekeeper.verify.verify import recheck
from tests.policy.builders import make_evidence, reply
from tests.policy.shown import DIRECTION, shown


@cache
def given():
    return shown(make_evidence(controls=3))


def with_direction(**changes):
    one = replace(DIRECTION, **changes)
    return replace(given(), positive_control=PositiveControl(directions=(one,)))


def tried(layer=1, **changes):
    return Candidate(layer=layer, **{"lost": 6, "broken": 0, "newly_refused": 0, **changes})


def few(lost):
    return tried(layer=0, lost=lost, broken=1), tried(lost=lost)


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
            "other layers than it does of such a model",
        ),
        (
            lambda: with_direction(candidates=(*DIRECTION.candidates[:1],) * 2, layer=0),
            "other layers than it does of such a model",
        ),
        (
            lambda: with_direction(
                candidates=(Candidate(layer=2, lost=6, broken=0, newly_refused=0),), layer=2
            ),
            "other layers than it does of such a model",
        ),
        (
            lambda: with_direction(candidates=(DIRECTION.candidates[0], tried(lost=7))),
            "lost more replies than there were",
        ),
        (
            lambda: with_direction(
                candidates=(tried(layer=0, lost=0, broken=12), tried(broken=7))
            ),
            "lost more replies than there were",
        ),
        (
            lambda: with_direction(refused=("regular-0", *DIRECTION.refused[1:])),
            "not made of prompts that select",
        ),
        (lambda: with_direction(refused=DIRECTION.answered), "not made of prompts that select"),
        (lambda: with_direction(refused=DIRECTION.refused[:5]), "on other prompts than it has"),
        (lambda: with_direction(answered=DIRECTION.answered[:1] * 6), "not made of prompts"),
        (lambda: with_direction(refused=DIRECTION.refused[:4]), "not made of prompts"),
        (lambda: with_direction(regular=5, candidates=few(lost=5)), "on other prompts than it has"),
        (lambda: with_direction(benign=5), "on other prompts than it has"),
        (
            lambda: with_direction(candidates=DIRECTION.candidates[1:]),
            "other layers than it does of such a model",
        ),
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


@pytest.fixture(scope="module")
def crossed():
    """What selects in one fold measures in the other: all its prompts are of the first fold."""
    made = given()
    ids = (*DIRECTION.refused, *DIRECTION.answered)
    prompts = tuple(p for p in made.suite.prompts if p.id in ids)
    trials = [
        Trial(
            mask=UNMASKED.name,
            prompt_id=p.id,
            tokens=8,
            truncated=False,
            **reply("refuse" if p.set == "regular" else "comply"),
        )
        for p in prompts
    ]
    arms = [replace(POSITIVE, name=f"{POSITIVE.name}-fold-{n}", fold=n) for n in (1, 2)]
    return replace(
        made,
        settings=replace(made.settings, cross_fit=True),
        suite=replace(made.suite, prompts=tuple(replace(p, split="fold-1") for p in prompts)),
        masks=(UNMASKED, AGAIN, *arms),
        trials=tuple(replace(t, mask=m.name) for m in (UNMASKED, AGAIN) for t in trials),
        positive_control=PositiveControl(directions=(replace(DIRECTION, fold=1),)),
    )


def replied(evidence, outcome, count, masks=(UNMASKED, AGAIN)):
    """The first refused prompts of the direction were replied to otherwise."""
    ids, names = set(DIRECTION.refused[:count]), {m.name for m in masks}
    return replace(
        evidence,
        trials=tuple(
            replace(t, **reply(outcome)) if t.prompt_id in ids and t.mask in names else t
            for t in evidence.trials
        ),
    )


def test_a_direction_is_of_prompts_that_were_refused_where_they_measure(crossed):
    recheck_replies(crossed)
    recheck_replies(replied(crossed, "comply", 2))  # as two runs may differ
    recheck_replies(replied(crossed, "comply", 3, masks=[UNMASKED]))  # as they do
    with pytest.raises(EvidenceError, match="refused and answered"):
        recheck_replies(replied(crossed, "comply", 3))


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
