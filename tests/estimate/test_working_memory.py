"""Working memory by hand, and what it grows with."""

from __future__ import annotations

from dataclasses import fields, replace

import pytest

from gatekeeper.estimate.roofline import Shape
from gatekeeper.estimate.working_memory import working_memory

#: Two layers of 4 experts, top-2, hidden 8, experts 16 wide.
SHAPE = Shape(
    layers=2, dense=512, head=800, embedding=800, expert=384, moe=((4, 2),) * 2,
    cached=16, attended=16, vocabulary=100, joined=2 / 3,
)  # fmt: skip
#: Of a token and layer: 2 · 512 / (2 · 8) + 4 · 8 + 4 · 2 · (8 + 16).
LAYER = 64 + 32 + 192


def test_by_hand():
    found = working_memory(SHAPE, 2.0, longest=10, new_tokens=4, rows=16, reading=8)
    assert found.loading == pytest.approx(2 / 3 * 384 * 4 * 2)
    assert found.capture == 2 * 14 * LAYER * 2 + 2 * 100 * 12
    assert found.attribution == 10 * 2 * LAYER * 2 + 100 * 12
    assert found.sweep == 8 * 10 * LAYER * 2 + 8 * 1200 + 16 * 14 * 16 * 2 + 16 * 1200
    assert found.most == found.self_test > found.sweep


def test_no_gradients_where_no_selector_takes_them():
    found = working_memory(SHAPE, 2.0, longest=10, new_tokens=4, attributes=False)
    assert found.attribution == 0


def test_the_self_test_hangs_on_no_prompt():
    short = working_memory(SHAPE, 2.0, longest=10, new_tokens=4)
    long = working_memory(SHAPE, 2.0, longest=1000, new_tokens=4)
    assert short.self_test == long.self_test
    assert long.attribution > 50 * short.attribution


def test_names_of_tensors_are_there_in_every_step():
    none = working_memory(SHAPE, 2.0, longest=10, new_tokens=4)
    many = working_memory(replace(SHAPE, stored=100_000), 2.0, longest=10, new_tokens=4)
    more = [getattr(many, f.name) - getattr(none, f.name) for f in fields(none)]
    assert more == [pytest.approx(230e6)] * 5
