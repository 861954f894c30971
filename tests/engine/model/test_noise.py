from __future__ import annotations

import pytest
import torch

from gatekeeper.engine.model.noise import combine, normal

N, CHANNELS = 4000, 128


def drawn(layer=3, seed=0):
    rows = torch.arange(N, dtype=torch.int64) + seed
    return normal(combine(rows, layer, torch.zeros_like(rows), rows), CHANNELS).double()


def test_moments_are_those_of_a_standard_normal():
    x = drawn()
    assert abs(float(x.mean())) < 4 / (N * CHANNELS) ** 0.5
    assert float(x.var()) == pytest.approx(1.0, abs=0.01)
    assert float((x**4).mean()) == pytest.approx(3.0, abs=0.05)


def test_rows_channels_and_layers_are_uncorrelated():
    x, bound = drawn(), 4 / (N * CHANNELS) ** 0.5
    assert abs(float((x[1:] * x[:-1]).mean())) < bound
    assert abs(float((x[:, 1:] * x[:, :-1]).mean())) < bound
    assert abs(float((x * drawn(layer=4)).mean())) < bound


def test_equal_keys_give_equal_rows_and_order_matters():
    assert torch.equal(drawn(), drawn())
    a, b = torch.tensor([1]), torch.tensor([2])
    assert not torch.equal(combine(a, b), combine(b, a))
    with pytest.raises(TypeError):
        combine(1, 2)
