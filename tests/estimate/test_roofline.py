"""The roofline: counts by hand, and laws that hold whatever the sizes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatekeeper.estimate.hardware import DEVICES, Device
from gatekeeper.estimate.roofline import (
    Format,
    Forward,
    Memory,
    Reach,
    Shape,
    devices_needed,
    memory,
    operations,
    reading,
    replies,
    seconds,
    shares,
    traffic,
)

#: One layer, 4 experts of 10 parameters, 2 work on a token.
SHAPE = Shape(
    layers=1,
    dense=100,
    head=50,
    embedding=50,
    expert=10,
    moe=((4, 2),),
    cached=8,
    attended=6,
    vocabulary=5,
)
KIND = Format(weight=2.0, cache=2.0)
SLOW = Device(name="slow", flops=1000.0, bandwidth=1e12, memory=1e9)
NARROW = Device(name="narrow", flops=1e12, bandwidth=1000.0, memory=1e9)
ALL = Reach(efficiency=1.0)

forwards = st.builds(
    Forward,
    rows=st.integers(1, 500),
    tokens=st.integers(1, 50),
    context=st.integers(50, 100),
)


def test_parameters_are_counted_once():
    assert SHAPE.parameters == 100 + 50 + 50 + 4 * 10
    assert SHAPE.active == 100 + 50 + 2 * 10


def test_operations_by_hand():
    # 3 rows x 2 tokens through 120 parameters, the head for one token a row, and attention: the
    # first new token sees 2 and the second 3, so 2.5 on average.
    forward = Forward(rows=3, tokens=2, context=3)
    assert operations(SHAPE, forward) == 2 * (6 * 120 + 3 * 50 + 6 * 2.5 * 6)


def test_a_gradient_costs_as_much_again():
    forward = Forward(rows=3, tokens=2, context=3)
    twice = Forward(rows=3, tokens=2, context=3, passes=2)
    assert operations(SHAPE, twice) == 2 * operations(SHAPE, forward)
    assert traffic(SHAPE, twice, KIND) == 2 * traffic(SHAPE, forward, KIND)


def test_compressed_keys_are_expanded_in_every_step():
    forward = Forward(rows=1, tokens=1, context=10)
    more = Shape(**{f: getattr(SHAPE, f) for f in SHAPE.__dataclass_fields__} | {"expanded": 7})
    assert operations(more, forward) - operations(SHAPE, forward) == 2 * 9 * 7


def test_traffic_by_hand():
    # One token touches 2 of 4 experts; the cache is read for 5 tokens.
    found = traffic(SHAPE, Forward(rows=1, tokens=1, context=5), KIND)
    assert found == pytest.approx(2 * (100 + 50 + 2 * 10) + 2 * 5 * 8)


def test_many_tokens_touch_every_expert():
    found = traffic(SHAPE, Forward(rows=200, tokens=1, context=0), KIND)
    assert found == pytest.approx(2 * (100 + 50 + 4 * 10))


def test_the_nearer_ceiling_counts():
    forward = Forward(rows=2, tokens=3, context=3)
    assert seconds(SHAPE, [(forward, 1)], SLOW, KIND, ALL) == operations(SHAPE, forward) / 1000
    assert seconds(SHAPE, [(forward, 1)], NARROW, KIND, ALL) == traffic(SHAPE, forward, KIND) / 1000


def test_starting_kernels_takes_its_time_however_little_there_is_to_do():
    fast = Device(name="fast", flops=1e18, bandwidth=1e18, memory=1e9)
    forward = Forward(rows=1, tokens=1, context=1)
    assert seconds(SHAPE, [(forward, 5)], fast, KIND, Reach(efficiency=1.0, host=0.1)) == 0.5


@given(forwards, st.floats(0.1, 1.0))
def test_half_the_efficiency_takes_twice_as_long(forward, efficiency):
    whole = seconds(SHAPE, [(forward, 3)], SLOW, KIND, Reach(efficiency=efficiency))
    assert seconds(SHAPE, [(forward, 3)], SLOW, KIND, Reach(efficiency=efficiency / 2)) == (
        pytest.approx(2 * whole)
    )


@given(forwards)
def test_a_row_costs_no_more_in_company(forward):
    alone = Forward(rows=1, tokens=forward.tokens, context=forward.context)
    for device in (SLOW, NARROW):
        together = seconds(SHAPE, [(forward, 1)], device, KIND, ALL)
        apart = seconds(SHAPE, [(alone, int(forward.rows))], device, KIND, ALL)
        assert together <= apart * (1 + 1e-9)


@given(st.lists(st.integers(1, 40), min_size=1, max_size=60), st.integers(1, 16))
def test_every_row_is_prefilled_once(lengths, size):
    found = list(replies(lengths, size, (1.0, 0.5)))
    assert sum(f.rows for f, _ in found if f.tokens == f.context) >= len(lengths)
    read = list(reading(lengths, size))
    assert sum(f.rows * n for f, n in read) == len(lengths)
    assert all(f.tokens <= max(lengths) for f, _ in read)


def test_steps_that_no_row_reaches_cost_nothing():
    assert len(list(replies([5], 4, (1.0, 0.0, 0.0)))) == 2


def test_survival_is_the_share_of_longer_replies():
    assert shares([1, 2, 4, 4], 4) == (0.75, 0.5, 0.5)
    assert shares([], 3) == (1.0, 1.0)


def test_memory_by_hand():
    found = memory(SHAPE, KIND, batch_rows=3, context=7)
    assert found == Memory(weights=480, cache=3 * 7 * 8 * 2, logits=3 * 5 * 4)
    assert found.total == 480 + 336 + 60


def test_devices_leave_room_for_activations():
    needed = Memory(weights=89e9, cache=0, logits=0)
    device = Device(name="d", flops=1, bandwidth=1, memory=100e9)
    assert devices_needed(needed, device) == 1
    assert devices_needed(Memory(weights=91e9, cache=0, logits=0), device) == 2


def test_published_rates_are_told_once_and_are_of_the_right_size():
    assert {name: d.name for name, d in DEVICES.items()} == {name: name for name in DEVICES}
    for device in DEVICES.values():
        # Operations per byte at the ridge: between 100 and 500 on all of today's GPUs.
        assert 100 < device.flops / device.bandwidth < 500
        assert 40e9 <= device.memory <= 300e9
