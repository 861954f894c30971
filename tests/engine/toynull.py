"""A family nobody knows: its router may choose nothing, a column behind those of the experts."""

from __future__ import annotations

from types import SimpleNamespace

import torch
from torch import nn

EXPERTS, HIDDEN, TOP_K, VOCABULARY = 6, 16, 2, 128


class Gate(nn.Module):
    def __init__(self):
        super().__init__()
        self.top_k, self.choices = TOP_K, EXPERTS + 1
        self.weight = nn.Parameter(torch.randn(self.choices, HIDDEN))

    def forward(self, hidden):
        scores = nn.functional.linear(hidden, self.weight).softmax(dim=-1)
        weights, chosen = scores.topk(self.top_k, dim=-1)
        return scores, weights, chosen


class Experts(nn.Module):
    def __init__(self):
        super().__init__()
        self.down_proj = nn.Parameter(torch.randn(EXPERTS, HIDDEN, HIDDEN) * 0.3)

    def forward(self, hidden, chosen, weights):
        padded = torch.cat([self.down_proj, self.down_proj.new_zeros(1, HIDDEN, HIDDEN)])
        outputs = torch.einsum("nkij,nj->nki", padded[chosen], hidden)
        return (outputs * weights[..., None]).sum(dim=1)


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.gate, self.experts = Gate(), Experts()

    def forward(self, hidden):
        flat = hidden.reshape(-1, HIDDEN)
        _, weights, chosen = self.gate(flat)
        return hidden + self.experts(flat, chosen, weights).view(hidden.shape)


class Model(nn.Module):
    """Embedding, a causal mean in the place of attention, two mixtures, a head."""

    def __init__(self):
        super().__init__()
        self.config = SimpleNamespace(model_type="toynull")
        self.embed = nn.Embedding(VOCABULARY, HIDDEN)
        self.layers = nn.ModuleList([Block(), Block()])
        self.head = nn.Linear(HIDDEN, VOCABULARY, bias=False)

    def forward(self, input_ids, attention_mask, past_key_values=None, logits_to_keep=0, **_rest):
        seen = input_ids
        if past_key_values is not None:
            seen = torch.cat([past_key_values.ids, input_ids], dim=1)
        valid = attention_mask[..., None].float()
        hidden = self.embed(seen) * valid
        hidden = hidden.cumsum(dim=1) / valid.cumsum(dim=1).clamp(min=1)
        hidden = hidden[:, -input_ids.shape[1] :]
        for layer in self.layers:
            hidden = layer(hidden)
        logits = self.head(hidden)
        return SimpleNamespace(logits=logits[:, -logits_to_keep:], past_key_values=Cache(seen))


class Cache:
    """All tokens so far."""

    def __init__(self, ids):
        self.ids, self.layers = ids, [self]

    def __len__(self):
        return 1

    def reorder_cache(self, index):
        self.ids = self.ids.index_select(0, index)
