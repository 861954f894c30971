"""Answers come back as they were packed; what is broken is told, and never in the way."""

from __future__ import annotations

import pytest

from gatekeeper.history.packed import nothing, unpacked

MANY = {f"question {i}": [i, "a\nb", None] for i in range(1000)}


def test_many_come_back_and_newer_ones_over_them():
    first = unpacked(nothing().packed(MANY))
    assert dict(first) == MANY
    again = unpacked(first.packed({"question 3": "other", "one more": 1.5}))
    assert dict(again) == {**MANY, "question 3": "other", "one more": 1.5}


@pytest.mark.parametrize("data", [b"", b"x", b"[]\n", b"[3]\nabc", b"{}\n", b"[1e3]\nabc", b"\xff"])
def test_what_is_none_of_ours_holds_nothing(data):
    assert dict(unpacked(data)) == {}


def test_a_broken_part_is_told_and_packing_starts_anew():
    broken = unpacked(nothing().packed(MANY)[:-10])
    assert broken["question 0"] == MANY["question 0"]
    with pytest.raises(ValueError, match="broken"):
        broken["question 999"]
    assert dict(unpacked(broken.packed({"new": 1}))) == {"new": 1}
