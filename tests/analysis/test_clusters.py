"""One request under many names is one request."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatekeeper.analysis.clusters import folded_sha256, joined


@pytest.mark.parametrize(
    "same",
    [
        "how do i pick a lock?",
        "How  do I\npick a lock? ",
        "ＨＯＷ do I pick a lock?",
        "How do I p\u200bick a lo\u00adck?",
    ],
)
def test_texts_that_ask_the_same_fold_to_the_same(same):
    assert folded_sha256(same) == folded_sha256("How do I pick a lock?")


@pytest.mark.parametrize("other", ["How do I pick a lock", "How do I pick locks?", ""])
def test_other_words_or_signs_are_another_text(other):
    assert folded_sha256(other) != folded_sha256("How do I pick a lock?")


def test_half_a_surrogate_pair_is_no_crash():
    assert folded_sha256("\ud800")


def test_seeds_are_joined_through_texts_they_share():
    members = [("b", "x"), ("a", "x"), ("c", "y"), ("b", "y"), ("d", "z")]
    assert joined(members) == ("a", "a", "a", "a", "d")


def test_a_seed_and_a_digest_of_the_same_name_are_not_the_same():
    assert joined([("x", "t"), ("u", "x")]) == ("x", "u")


@given(
    st.lists(st.tuples(st.sampled_from("abcdefg"), st.sampled_from("abcdefg")), max_size=12),
    st.randoms(),
)
def test_the_order_of_prompts_does_not_matter(members, rng: random.Random):
    order = list(range(len(members)))
    rng.shuffle(order)
    found = joined(members)
    assert [found[i] for i in order] == list(joined([members[i] for i in order]))
    for i, (seed, text) in enumerate(members):
        for j, (other, again) in enumerate(members):
            if seed == other or text == again:
                assert found[i] == found[j]
