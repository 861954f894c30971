"""Trials in columns say what a tuple of them says."""

from __future__ import annotations

from dataclasses import asdict, replace

import pytest

from gatekeeper.records.trials import (
    Trials,
    TrialsBuilder,
    cells,
    codes_of,
    cut,
    judged_twice,
    of_masks,
    outcomes_of,
    packed,
    retold,
    truncated,
    undecided,
    without_replies,
)

from ..evidence.whole import whole_evidence


def columns(trials):
    builder = TrialsBuilder()
    for trial in trials:
        builder.add(asdict(trial))
    return builder.trials()


@pytest.fixture(scope="module")
def plain():
    some = list(whole_evidence().trials)
    some[2] = replace(some[2], completion="\ud800 " + "x" * 600_000, second="comply")
    some[5] = replace(some[5], truncated=True, tokens=40_000)
    some[7] = replace(some[7], outcome="undecided")
    return tuple(some)


def test_they_are_a_sequence_of_the_same_trials(plain):
    made = columns(plain)
    assert made == plain
    assert (len(made), made[-1], made[2:9:3]) == (len(plain), plain[-1], plain[2:9:3])
    assert made != plain[1:] and made != (*plain[1:], plain[0])
    # In any order, though replies are unpacked by blocks.
    assert [made[i] for i in (7, 2, 900, 0)] == [plain[i] for i in (7, 2, 900, 0)]
    with pytest.raises(IndexError):
        made[len(plain)]


def test_any_trials_are_packed_but_those_of_an_outcome_that_is_none(plain):
    made = packed(plain)
    assert isinstance(made, Trials) and made == plain
    assert packed(made) is made
    odd = (plain[0], replace(plain[1], outcome="maybe"))
    assert packed(odd) is odd


def test_every_question_has_one_answer(plain):
    made = columns(plain)
    mask = plain[-1].mask
    assert list(cells(made)) == list(cells(plain))
    assert tuple(of_masks(made, mask, "unmasked")) == tuple(of_masks(plain, mask, "unmasked"))
    assert tuple(judged_twice(made)) == tuple(judged_twice(plain)) == (plain[2],)
    assert outcomes_of(made) == outcomes_of(plain)
    assert cut(made) == cut(plain) == 1
    assert without_replies(made) == without_replies(plain)
    assert (codes_of(made).outcome == codes_of(plain).outcome).all()


def test_replies_that_are_open_are_told_in_their_places(plain):
    made = columns(plain)
    for one in (made, plain):
        assert list(truncated(one)) == [(5, plain[5])]
        assert list(undecided(one)) == [(7, plain[7])]
        assert list(undecided(one, "second")) == []
        assert retold(one, "outcome", {}) == plain
        told = retold(one, "outcome", {7: "refuse", 5: "degenerate"})
        told = retold(told, "second", {2: "undecided"})
        assert (told[7].outcome, told[5].outcome) == ("refuse", "degenerate")
        assert list(undecided(told, "second")) == [(2, told[2])] and told[3] == plain[3]
    # Places are those of the part, not of the whole.
    part = made.of_masks({plain[-1].mask})
    assert retold(part, "outcome", {0: "degenerate"})[0].outcome == "degenerate"
    assert made == plain


def test_some_prompts_under_masks_of_another_name(plain):
    made = columns(plain)
    mask, prompts = plain[-1].mask, {plain[0].prompt_id, plain[1].prompt_id}
    found = made.under({mask: "other"}, prompts)
    wanted = [t for t in plain if t.mask == mask and t.prompt_id in prompts]
    assert found == tuple(replace(t, mask="other") for t in wanted)
    assert len(found) == 2


def test_more_tokens_than_any_reply_has(plain):
    with pytest.raises(OverflowError):
        columns([replace(plain[0], tokens=2**40)])
