"""How long an audit takes and what memory it needs, before a weight is downloaded.

The roofline of Williams, Waterman and Patterson (2009): a forward pass takes as long as its
arithmetic or its memory traffic, whichever is longer, at the device's peak rates. What a real
device reaches of that is an efficiency, measured by a short calibration or assumed, and told.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from gatekeeper.estimate.hardware import Device
from gatekeeper.records.model import MoeSite

#: Share of a GPU's memory that weights and cache may fill; the rest is for activations and for what
#: its driver and allocator hold.
USABLE = 0.9


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """Sizes of a model that its cost hangs on, in parameters and elements.

    Attributes:
        layers: decoder layers.
        dense: parameters that work on every token: attention, routers, shared experts, dense MLPs.
        head: of the output head; `embedding`: of an input embedding that is not the head too.
        expert: of one routed expert.
        moe: (experts, top-k) of each MoE layer.
        cached: elements that the cache keeps per token, over all layers.
        attended: multiply-adds of attention per pair of tokens, over all layers: heads times the
            widths of a key and of a value.
        vocabulary: rows of the head.
        expanded: multiply-adds per cached token and forward, over all layers: where keys and values
            are kept compressed and expanded again each time.
        stored: tensors of the weights.
        joined: share of a layer's experts that is there twice while loading joins them.
        heads: of attention in a layer.
        scores: the format in which attention writes a score of every pair of tokens down
            (`Family.scores`); `unfused` where a processor alone does so; empty: never.
    """

    layers: int
    dense: int
    head: int
    embedding: int
    expert: int
    moe: tuple[tuple[int, int], ...]
    cached: int
    attended: int
    vocabulary: int
    expanded: int = 0
    stored: int = 0
    joined: float = 0.0
    heads: int = 0
    scores: str = ""

    @property
    def parameters(self) -> int:
        """All parameters."""
        routed = self.expert * sum(experts for experts, _ in self.moe)
        return self.dense + self.head + self.embedding + routed

    @property
    def sites(self) -> tuple[MoeSite, ...]:
        """The MoE layers, numbered from 0: all that a config tells of them."""
        return tuple(
            MoeSite(layer=i, path="", experts=experts, top_k=top_k, shared=0)
            for i, (experts, top_k) in enumerate(self.moe)
        )

    @property
    def active(self) -> int:
        """Parameters that work on one token, without the embedding, which is looked up."""
        routed = sum(layers * top_k for (_, top_k), layers in _alike(self.moe))
        return self.dense + self.head + self.expert * routed


@lru_cache(maxsize=64)
def _alike(moe: tuple[tuple[int, int], ...]) -> tuple[tuple[tuple[int, int], int], ...]:
    """Each (experts, top-k) with how many layers have it: an estimate asks for every forward."""
    return tuple(Counter(moe).items())


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """Bytes of an element of the weights, and of the cache and activations."""

    weight: float
    cache: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Forward:
    """One forward pass.

    Attributes:
        rows: sequences side by side; `tokens`: new ones in each; `context`: tokens that each of
            them may look at in the end.
        kept: tokens per row whose logits are made.
        passes: how often over: 2 with the gradient of activations, which costs as much again.
    """

    rows: float
    tokens: int
    context: int
    kept: int = 1
    passes: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """How much of its peak rates a device reaches.

    Attributes:
        efficiency: share of the roofline that is reached, in (0, 1].
        host: least seconds per layer and pass: what it takes to start its kernels.
    """

    efficiency: float
    host: float = 0.0


def operations(shape: Shape, forward: Forward) -> float:
    """Floating-point operations: two per multiply-add."""
    tokens = forward.rows * forward.tokens
    matrices = tokens * (shape.active - shape.head) + forward.rows * forward.kept * shape.head
    # A new token looks at those before it: on average the context less half of the new ones.
    attention = tokens * (forward.context - (forward.tokens - 1) / 2) * shape.attended
    again = forward.rows * (forward.context - forward.tokens) * shape.expanded
    return 2 * forward.passes * (matrices + attention + again)


def traffic(shape: Shape, forward: Forward, kind: Format) -> float:
    """Bytes from memory: weights that are touched once, the cache read and written.

    Of E experts, tokens that choose k each at random touch E (1 − (1 − k/E)^tokens). Activations
    are taken to stay in the chip.
    """
    tokens = forward.rows * forward.tokens
    touched: float = sum(
        layers * e * (1 - (1 - k / e) ** tokens) for (e, k), layers in _alike(shape.moe)
    )
    weights: float = shape.dense + shape.head + shape.expert * touched
    cache = forward.rows * forward.context * shape.cached
    return forward.passes * (weights * kind.weight + cache * kind.cache)


def seconds(
    shape: Shape,
    forwards: Sequence[tuple[Forward, int]],
    device: Device,
    kind: Format,
    reach: Reach,
) -> float:
    """Time of (forward, how many of them)."""
    total = 0.0
    for forward, count in forwards:
        ideal = max(
            operations(shape, forward) / device.flops,
            traffic(shape, forward, kind) / device.bandwidth,
        )
        least = forward.passes * shape.layers * reach.host
        total += count * max(ideal / reach.efficiency, least)
    return total


def replies(
    lengths: Sequence[int], batch_rows: int, alive: Sequence[float]
) -> Iterator[tuple[Forward, int]]:
    """Forwards of greedy replies to prompts of these lengths: in batches, longest first.

    Args:
        alive: share of rows still running at each step after the first token; a step that none
            reaches costs nothing.
    """
    ordered = sorted(lengths, reverse=True)
    for start in range(0, len(ordered), batch_rows):
        rows = ordered[start : start + batch_rows]
        longest = rows[0]
        yield Forward(rows=len(rows), tokens=longest, context=longest), 1
        for step, share in enumerate(alive, start=1):
            if share > 0:
                running = max(len(rows) * share, 1.0)
                yield Forward(rows=running, tokens=1, context=longest + step), 1


def reading(
    lengths: Sequence[int], batch_rows: int, *, kept: int = 1, passes: int = 1, times: int = 1
) -> Iterator[tuple[Forward, int]]:
    """Forwards that read whole sequences of these lengths, each batch so many `times`."""
    ordered = sorted(lengths, reverse=True)
    for start in range(0, len(ordered), batch_rows):
        rows = ordered[start : start + batch_rows]
        yield (
            Forward(rows=len(rows), tokens=rows[0], context=rows[0], kept=kept, passes=passes),
            times,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """Bytes that are needed at once.

    Attributes:
        working: beside the weights, the cache and the logits (`working_memory`).
        beside: what the process takes whatever the model.
    """

    weights: float
    cache: float
    logits: float
    working: float = 0.0
    beside: float = 0.0

    @property
    def total(self) -> float:
        """All bytes together."""
        return self.weights + self.cache + self.logits + self.working + self.beside


def memory(shape: Shape, kind: Format, *, batch_rows: int, context: int) -> Memory:
    """Weights, the cache of a full batch of the longest prompt, and its logits in float32.

    Args:
        context: tokens of the longest prompt and its reply.
    """
    return Memory(
        weights=shape.parameters * kind.weight,
        cache=batch_rows * context * shape.cached * kind.cache,
        logits=batch_rows * shape.vocabulary * 4,
    )


def devices_needed(needed: Memory, device: Device) -> int:
    """Fewest devices that hold it."""
    return max(1, math.ceil(needed.total / (USABLE * device.memory)))


def shares(lengths: Sequence[int], window: int) -> tuple[float, ...]:
    """Share of replies of these lengths that are still running at each step after the first."""
    if not lengths:
        return (1.0,) * (window - 1)
    return tuple(sum(n > step for n in lengths) / len(lengths) for step in range(1, window))
