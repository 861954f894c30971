"""A family nobody knows: its router may choose nothing, a column behind those of the experts."""

from __future__ import annotations

import torch
from torch import nn
from transformers import DynamicCache, PreTrainedConfig, PreTrainedModel
from transformers.modeling_outputs import CausalLMOutputWithPast

LAYERS, EXPERTS, HIDDEN, TOP_K, VOCABULARY = 2, 6, 16, 2, 128


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
    def __init__(self, index):
        super().__init__()
        self.index, self.gate, self.experts = index, Gate(), Experts()

    def forward(self, hidden, cache, valid):
        keys, _ = cache.update(hidden[:, None], hidden[:, None], self.index)
        mean = (keys[:, 0] * valid).cumsum(dim=1) / valid.cumsum(dim=1).clamp(min=1)
        hidden = hidden + mean[:, -hidden.shape[1] :]
        flat = hidden.reshape(-1, HIDDEN)
        _, weights, chosen = self.gate(flat)
        return hidden + self.experts(flat, chosen, weights).view(hidden.shape)


class ToynullConfig(PreTrainedConfig):
    model_type = "toynull"

    def __init__(self, **settings):
        self.num_hidden_layers, self.hidden_size = LAYERS, HIDDEN
        self.num_experts, self.num_experts_per_tok = EXPERTS, TOP_K
        self.vocab_size, self.max_position_embeddings = VOCABULARY, 512
        super().__init__(**{"pad_token_id": 0, "eos_token_id": 2} | settings)


class ToynullForCausalLM(PreTrainedModel):
    """Embedding, two mixtures behind a causal mean in the place of attention, a head."""

    config_class = ToynullConfig

    def __init__(self, config):
        super().__init__(config)
        self.embed = nn.Embedding(VOCABULARY, HIDDEN)
        self.layers = nn.ModuleList([Block(i) for i in range(LAYERS)])
        self.lm_head = nn.Linear(HIDDEN, VOCABULARY, bias=False)
        self.post_init()

    def _init_weights(self, module):
        """As its modules were made."""

    def get_input_embeddings(self):
        return self.embed

    def get_output_embeddings(self):
        return self.lm_head

    def forward(
        self, input_ids, attention_mask=None, past_key_values=None, logits_to_keep=0, **_rest
    ):
        cache = DynamicCache() if past_key_values is None else past_key_values
        if attention_mask is None:
            attention_mask = torch.ones_like(input_ids)
        hidden, valid = self.embed(input_ids), attention_mask[..., None].float()
        for layer in self.layers:
            hidden = layer(hidden, cache, valid=valid)
        logits = self.lm_head(hidden[:, -logits_to_keep:])
        return CausalLMOutputWithPast(logits=logits, past_key_values=cache)
