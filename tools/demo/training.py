"""The training loop shared by the base model and both checkpoints."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from tools.demo.checkpoint import END, chat
from tools.demo.examples import Example
from tools.demo.routing import Routing, routed

IGNORED = -100
BALANCE_WEIGHT = 0.01


@dataclass(frozen=True)
class Batch:
    """Examples of one optimisation step.

    Attributes:
        replies: the reply each row learns.
        removed: rows x layers x experts, or None when no expert is masked.
    """

    examples: Sequence[Example]
    replies: Sequence[str]
    removed: Tensor | None = None


@dataclass(frozen=True)
class Duration:
    """Time a run took; processor time leaves out what other programs took of the machine."""

    wall_seconds: float
    cpu_seconds: float

    @classmethod
    def since(cls, wall: float, cpu: float) -> Duration:
        """The time since two readings of the monotonic and the process clock."""
        return cls(time.monotonic() - wall, time.process_time() - cpu)


@dataclass(frozen=True)
class Schedule:
    """Length and peak learning rate of a run (cosine decay after a short warm-up)."""

    steps: int
    learning_rate: float
    warmup: int = 20

    def rate(self, step: int) -> float:
        """The learning rate as a share of the peak."""
        if step < self.warmup:
            return (step + 1) / self.warmup
        done = (step - self.warmup) / max(1, self.steps - self.warmup)
        return 0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * done))


def encode_batch(tokenizer: Any, batch: Batch) -> dict[str, Tensor]:
    """Right-padded inputs and labels; only reply tokens and the end token carry a label."""
    rows: list[tuple[list[int], int]] = []
    for example, reply in zip(batch.examples, batch.replies, strict=True):
        prompt = tokenizer.encode(chat(tokenizer, example.prompt, example.system))
        rows.append((prompt + tokenizer.encode(reply + END), len(prompt)))
    width = max(len(ids) for ids, _ in rows)
    inputs = torch.full((len(rows), width), tokenizer.pad_token_id)
    labels = torch.full((len(rows), width), IGNORED)
    for number, (ids, prompt_length) in enumerate(rows):
        inputs[number, : len(ids)] = torch.tensor(ids)
        labels[number, prompt_length : len(ids)] = torch.tensor(ids[prompt_length:])
    return {"input_ids": inputs, "labels": labels}


def balance_loss(routing: Routing, real: Tensor) -> Tensor:
    """Switch-style load balancing over the real tokens: 1 when all experts share the load."""
    losses = []
    for probabilities, chosen in zip(routing.probabilities, routing.chosen, strict=True):
        experts = probabilities.shape[-1]
        hits = functional.one_hot(chosen[real], experts).float().mean(dim=(0, 1))
        losses.append(experts * (hits * probabilities[real].mean(dim=0)).sum())
    return torch.stack(losses).mean()


def reply_loss(model: Any, inputs: dict[str, Tensor], removed: Tensor | None) -> Tensor:
    """Cross-entropy of the replies plus the balance term."""
    ids, labels = inputs["input_ids"], inputs["labels"]
    with routed(model, removed) as routing:
        # Right padding behind a causal mask never reaches a real token: no attention mask needed.
        hidden = model.model(input_ids=ids, use_cache=False).last_hidden_state
    target = labels[:, 1:]
    wanted = target != IGNORED
    logits = model.lm_head(hidden[:, :-1][wanted])
    real = (ids != model.config.pad_token_id).reshape(-1)
    loss = functional.cross_entropy(logits, target[wanted])
    return loss + BALANCE_WEIGHT * balance_loss(routing, real)


def train(
    model: Any,
    tokenizer: Any,
    schedule: Schedule,
    next_batch: Callable[[int], Batch],
    report: Callable[[str], None] = print,
) -> Duration:
    """Train in place on `next_batch(step)` and return the time it took."""
    started, started_cpu = time.monotonic(), time.process_time()
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=schedule.learning_rate, betas=(0.9, 0.98), weight_decay=0.05
    )
    decay = torch.optim.lr_scheduler.LambdaLR(optimizer, schedule.rate)
    model.train()
    for step in range(schedule.steps):
        batch = next_batch(step)
        loss = reply_loss(model, encode_batch(tokenizer, batch), batch.removed)
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        decay.step()
        if step % 50 == 0 or step == schedule.steps - 1:
            report(f"step {step} loss {loss.item():.3f} {time.monotonic() - started:.0f} s")
    model.eval()
    return Duration.since(started, started_cpu)
