from __future__ import annotations

import pytest

from gatekeeper.policy.recheck import same_data

DATA = {"result": "pass", "n": 120, "value": 2.5, "list": [1, None, True, "x"], "in": {"a": 0.1}}


def test_the_last_bits_of_a_number_are_no_alteration():
    near = {**DATA, "value": 2.5 + 1e-12, "in": {"a": 0.1 - 1e-15}}
    assert same_data(DATA, near)
    assert same_data({"limit": 10}, {"limit": 10.0})  # canonical JSON writes 10.0 as 10


@pytest.mark.parametrize(
    "altered",
    [
        {"result": "fail"},
        {"n": 121},
        {"value": 2.501},
        {"value": None},
        {"list": [1, None, True]},
        {"list": [1, None, 1, "x"]},
        {"list": [1, None, True, "y"]},
        {"in": {"a": 0.1, "b": 0}},
        {"in": {}},
        {"more": 1},
    ],
)
def test_anything_else_is(altered):
    assert not same_data(DATA, {**DATA, **altered})
    assert not same_data({**DATA, **altered}, DATA)
