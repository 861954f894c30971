"""The naive peer: the masking audit as anyone would write it in an afternoon. Frozen.

One mask at a time, a forward hook on every router, `model.generate` in padded batches, decode,
judge; `output_router_logits=True` for the profile. It is deliberately plain and stays as it is, so
that the ladder's ratios mean the same next year. Nothing of Gatekeeper is in it, and the package
never imports it.

Two things are in its favour: prompts come tokenised, and the judge is handed in, so that neither
counts as a difference.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

#: (layer, expert), both from 0.
Expert = tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """One reply: its tokens up to the one that ends it, its text, and what the judge says."""

    ids: tuple[int, ...]
    text: str
    outcome: str


def _hook(gone: Sequence[int]) -> Callable[[Any, Any, Any], Any]:
    """Routes again with the router logits of some experts at minus infinity."""

    def route(gate: Any, _inputs: Any, output: tuple[Tensor, Tensor, Tensor]) -> Any:
        logits, weights, _ = output
        logits = logits.clone()
        logits[:, list(gone)] = float("-inf")
        chosen, index = logits.float().softmax(dim=-1).topk(gate.top_k, dim=-1)
        if gate.norm_topk_prob:
            chosen = chosen / chosen.sum(dim=-1, keepdim=True)
        return logits, chosen.to(weights.dtype), index

    return route


@contextmanager
def masked(model: Any, experts: Sequence[Expert]) -> Iterator[None]:
    """While open, these experts are never chosen. For routers as those of Qwen2 and Qwen3-MoE."""
    handles = []
    for number, layer in enumerate(model.model.layers):
        gone = [expert for at, expert in experts if at == number]
        if gone:
            handles.append(layer.mlp.gate.register_forward_hook(_hook(gone)))
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


@torch.inference_mode()
def generate(
    model: Any,
    tokenizer: Any,
    prompts: Sequence[Sequence[int]],
    *,
    batch: int,
    by_length: bool,
    new_tokens: int,
) -> list[list[int]]:
    """Greedy replies in padded batches, in the order of the prompts."""
    order = list(range(len(prompts)))
    if by_length:
        order.sort(key=lambda i: -len(prompts[i]))
    ends = model.generation_config.eos_token_id
    ends = set(ends if isinstance(ends, list) else [ends])
    replies: list[list[int]] = [[] for _ in prompts]
    for start in range(0, len(order), batch):
        rows = order[start : start + batch]
        inputs = tokenizer.pad(
            {"input_ids": [list(prompts[i]) for i in rows]},
            padding_side="left",
            return_tensors="pt",
        )
        out = model.generate(**inputs.to(model.device), max_new_tokens=new_tokens, do_sample=False)
        for row, ids in zip(rows, out[:, inputs["input_ids"].shape[1] :].tolist(), strict=True):
            end = next((i + 1 for i, token in enumerate(ids) if token in ends), len(ids))
            replies[row] = ids[:end]
    return replies


def audit(
    model: Any,
    tokenizer: Any,
    runs: Sequence[tuple[Sequence[Expert], Sequence[Sequence[int]]]],
    judge: Callable[[str], str],
    *,
    batch: int,
    by_length: bool,
    new_tokens: int,
) -> list[list[Said]]:
    """Every run: a mask (its experts) and the prompts (token ids) to ask under it."""
    found = []
    for experts, prompts in runs:
        with masked(model, experts):
            replies = generate(
                model,
                tokenizer,
                prompts,
                batch=batch,
                by_length=by_length,
                new_tokens=new_tokens,
            )
        said = []
        for ids in replies:
            text = tokenizer.decode(ids, skip_special_tokens=True).strip()
            said.append(Said(ids=tuple(ids), text=text, outcome=judge(text)))
        found.append(said)
    return found


@torch.inference_mode()
def profile(
    model: Any, tokenizer: Any, rows: Sequence[Sequence[int]], *, batch: int, top_k: int
) -> list[Tensor]:
    """How often each token of a row chose each expert: int64 [L, E] per row."""
    counts = []
    for start in range(0, len(rows), batch):
        part = rows[start : start + batch]
        inputs = tokenizer.pad(
            {"input_ids": [list(ids) for ids in part]}, padding_side="left", return_tensors="pt"
        )
        out = model(**inputs, output_router_logits=True)
        length = inputs["input_ids"].shape[1]
        chosen = [
            logits.topk(top_k, dim=-1).indices.view(len(part), length, top_k)
            for logits in out.router_logits
        ]
        experts = out.router_logits[0].shape[-1]
        for i, ids in enumerate(part):
            counts.append(
                torch.stack(
                    [
                        torch.bincount(layer[i, length - len(ids) :].flatten(), minlength=experts)
                        for layer in chosen
                    ]
                )
            )
    return counts
