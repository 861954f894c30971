"""Working memory by hand, and what it grows with."""

from __future__ import annotations

from dataclasses import fields, replace
from functools import partial

import pytest

from gatekeeper.estimate.roofline import Shape
from gatekeeper.estimate.working_memory import forward_bytes, working_memory

#: Two layers of 4 experts, top-2, hidden 8, experts 16 wide.
SHAPE = Shape(
    layers=2, dense=512, head=800, embedding=800, expert=384, moe=((4, 2),) * 2,
    cached=16, attended=16, vocabulary=100, joined=2 / 3,
)  # fmt: skip
#: Of a token and layer: 2 · 512 / (2 · 8) + 4 · 8 + 3 · 2 · (8 + 16).
LAYER = 64 + 32 + 144
#: Of all weights in bfloat16: what torch keeps of a model so small.
RAN = 2 * (512 + 800 + 800 + 384 * 8)
#: Bytes of a mask, of a pair of tokens: true or false, and as a number.
MASK = 1 + 2


def test_by_hand():
    found = working_memory(SHAPE, 2.0, longest=10, new_tokens=4, rows=16, reading=8)
    assert found.loading == pytest.approx(2 / 3 * 384 * 4 * 2)
    assert found.capture == RAN + 2 * 14 * LAYER * 2 + 2 * 14**2 * MASK + 2 * 100 * 12
    assert found.attribution == RAN + 10 * 2 * LAYER * 2 + 10**2 * MASK + 100 * 12
    reads = 8 * 10 * LAYER * 2 + 8 * 10**2 * MASK + 8 * 1200
    assert found.sweep == RAN + reads + 16 * 14 * 16 * 2 + 16 * 1200
    assert found.most == found.self_test > found.sweep


def test_no_gradients_where_no_selector_takes_them():
    found = working_memory(SHAPE, 2.0, longest=10, new_tokens=4, attributes=False)
    assert found.attribution == 0


def test_the_self_test_hangs_on_no_prompt():
    short = working_memory(SHAPE, 2.0, longest=10, new_tokens=4)
    long = working_memory(SHAPE, 2.0, longest=1000, new_tokens=4)
    assert short.self_test == long.self_test
    assert long.attribution - RAN > 50 * (short.attribution - RAN)


def test_names_of_tensors_are_there_in_every_step():
    none = working_memory(SHAPE, 2.0, longest=10, new_tokens=4)
    many = working_memory(replace(SHAPE, stored=100_000), 2.0, longest=10, new_tokens=4)
    more = [getattr(many, f.name) - getattr(none, f.name) for f in fields(none)]
    assert more == [pytest.approx(230e6)] * 5


@pytest.mark.parametrize(
    ("scores", "element", "held", "returned", "kept", "masks"),
    [
        ("own", 2.0, 3 * 2, 2, 2, 5),
        ("own", 4.0, 3 * 4, 4, 4, 9),
        ("float32", 2.0, 2 + 4 + 4, 2, 4 + 2, 5),
        ("float32", 4.0, 4 + 4, 4, 4, 9),
        ("unfused", 2.0, 4 + 4 + 1, 0, 4, 3),
    ],
)
def test_scores_that_are_written_down_are_counted_by_hand(
    scores, element, held, returned, kept, masks
):
    shape = replace(SHAPE, heads=3, scores=scores)
    tokens, logits = 1000, 100 * 12
    attends = tokens * (64 + 32) * element + tokens**2 * (3 * held + masks)
    mixes = tokens * LAYER * element + tokens**2 * (3 * returned + masks)
    assert forward_bytes(shape, element, 5, tokens) == 5 * (max(attends, mixes) + logits)
    found = working_memory(shape, element, longest=tokens, new_tokens=4)
    layers = 2 * (tokens * LAYER * element + tokens**2 * 3 * kept)
    assert found.attribution == RAN * element / 2 + layers + tokens**2 * (3 * held + masks) + logits


def test_unlike_widths_cost_nothing_on_a_gpu():
    shape = replace(SHAPE, heads=3)
    unlike = replace(shape, scores="unfused")
    told = partial(working_memory, element=2.0, longest=1000, new_tokens=4)
    gpu = told(unlike, processor=False)
    assert gpu == told(shape, processor=False)
    assert told(unlike).sweep > told(shape).sweep > gpu.sweep == told(shape).sweep - RAN
    always = replace(shape, scores="own")
    assert told(always, processor=False).sweep == told(always).sweep - RAN
