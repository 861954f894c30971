"""Rules that choose experts to mask: attribution, frequency, frequency contrast, and controls."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from tools.demo.checkpoint import encode_prompts
from tools.demo.lexicon import load_lexicons
from tools.demo.routing import Expert, routed


@dataclass(frozen=True)
class FirstTokens:
    """First tokens of the replies that refuse and of those that comply."""

    refusal: Sequence[int]
    compliance: Sequence[int]


@dataclass(frozen=True)
class Frequency:
    """Share of tokens whose top-k holds an expert, layers x experts, on two token windows."""

    prompt: Tensor
    last: Tensor


def reply_openings(tokenizer: Any) -> FirstTokens:
    """The first tokens of all refusals and all answers of the lexicon."""
    lexicons = load_lexicons().values()
    refusals = {tokenizer.encode(text)[0] for lex in lexicons for text in lex.refusals}
    answers = {
        tokenizer.encode(text)[0] for lex in lexicons for text in (*lex.answers, lex.compliance)
    }
    # Answers may open with the phrase itself; an opening both share says nothing.
    return FirstTokens(sorted(refusals - answers), sorted(answers - refusals))


def attribution(
    model: Any, tokenizer: Any, prompts: Sequence[str], removed: Tensor | None = None
) -> Tensor:
    """First-order effect of each expert on the refusal log-odds, layers x experts.

    The gradient of logsumexp(refusal openings) - logsumexp(compliance openings) at the last
    prompt token with respect to a factor (of one) on the expert's gate weight, averaged over the
    prompts. A large positive score says: the refusal leans on this expert.
    """
    openings = reply_openings(tokenizer)
    inputs = encode_prompts(tokenizer, prompts)
    config = model.config
    factors = torch.ones(config.num_hidden_layers, config.num_experts, requires_grad=True)
    with routed(model, removed, factors):
        logits = model(**inputs, logits_to_keep=1, use_cache=False).logits[:, -1]
    refusal = logits[:, openings.refusal].logsumexp(dim=-1)
    compliance = logits[:, openings.compliance].logsumexp(dim=-1)
    (gradient,) = torch.autograd.grad((refusal - compliance).mean(), factors)
    return gradient.detach()


@torch.no_grad()
def frequency(model: Any, tokenizer: Any, prompts: Sequence[str]) -> Frequency:
    """Activation frequency of every expert over all prompt tokens and over the last one."""
    inputs = encode_prompts(tokenizer, prompts)
    with routed(model) as routing:
        model(**inputs, logits_to_keep=1, use_cache=False)
    rows = len(prompts)
    real = inputs["attention_mask"].bool()
    prompt, last = [], []
    for chosen in routing.chosen:
        hits = torch.nn.functional.one_hot(chosen, model.config.num_experts).sum(dim=1).float()
        hits = hits.reshape(rows, -1, model.config.num_experts)
        prompt.append(hits[real].mean(dim=0))
        last.append(hits[:, -1].mean(dim=0))
    return Frequency(torch.stack(prompt), torch.stack(last))


def top_experts(scores: Tensor, count: int) -> list[Expert]:
    """The `count` experts with the highest scores, best first."""
    experts = scores.shape[1]
    best = scores.flatten().argsort(descending=True, stable=True)[:count].tolist()
    return [(place // experts, place % experts) for place in best]


def random_experts(
    rng: random.Random, shape: tuple[int, int], count: int, spared: Sequence[Expert] = ()
) -> list[Expert]:
    """`count` experts at random, none of the spared ones."""
    layers, experts = shape
    free = [(la, ex) for la in range(layers) for ex in range(experts) if (la, ex) not in spared]
    return sorted(rng.sample(free, count))


def busy_matched(
    rng: random.Random, busy: Tensor, mask: Sequence[Expert], nearest: int = 6
) -> list[Expert]:
    """A control mask: for each expert another of its layer, among the nearest in frequency."""
    control: list[Expert] = []
    for layer, expert in mask:
        distance = (busy[layer] - busy[layer, expert]).abs()
        order: list[int] = distance.argsort(stable=True).tolist()
        free = [other for other in order if (layer, other) not in (*mask, *control)]
        control.append((layer, rng.choice(free[:nearest])))
    return control
