"""Layers that the positive control tries."""

from __future__ import annotations

import pytest

from gatekeeper.records.positive import tried_layers


@pytest.mark.parametrize(
    ("layers", "tried"),
    [
        (1, (0,)),
        (4, (0, 1, 2, 3)),
        (12, tuple(range(12))),
        (30, (0, 3, 5, 8, 11, 13, 16, 18, 21, 24, 26, 29)),
    ],
)
def test_layers_are_tried_evenly_from_the_first_to_the_last(layers, tried):
    assert tried_layers(layers) == tried
