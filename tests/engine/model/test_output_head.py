"""The output head is not copied for every row of a batch."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from gatekeeper.engine.model.output_head import multiply_head_once


class _Model(nn.Module):
    def __init__(self, dtype):
        super().__init__()
        self.head = nn.Linear(16, 64, bias=False, dtype=dtype)
        self.given: list[tuple[int, ...]] = []
        self.head.register_forward_hook(
            lambda _module, args, _out: self.given.append(args[0].stride())
        )

    def get_output_embeddings(self):
        return self.head

    def forward(self, hidden):
        return self.head(hidden[:, -1:])


@pytest.mark.parametrize("rows", [1, 3])
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_it_gets_the_last_tokens_side_by_side(dtype, rows):
    model, hidden = _Model(dtype), torch.randn(rows, 5, 16, dtype=dtype)
    plain = model(hidden)
    multiply_head_once(model, dtype)
    assert torch.allclose(plain.float(), model(hidden).float(), atol=0.05)
    assert model.given == [(80, 16, 1), (16, 16, 1)]


def test_float32_stays_as_it_is():
    model = _Model(torch.float32)
    multiply_head_once(model, torch.float32)
    model(torch.randn(3, 5, 16))
    assert model.given == [(80, 16, 1)]
