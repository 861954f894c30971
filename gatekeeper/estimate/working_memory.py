"""The memory that an audit works in beside the weights, before one of them is read; torch-free.

Counted are tensors that a forward makes per token and layer; a reading pass holds those of one
layer at once, one with gradients those of all. Checked against measured peaks by
`benchmarks.memory`.
"""

from __future__ import annotations

from dataclasses import dataclass

from gatekeeper.estimate.roofline import Shape

#: The largest batch of the self-test: rows and tokens of each (`engine.self_test`), and its window.
SELF_TEST = (16, 24)
_WINDOW = 7
#: Bytes of a stored tensor's name and header, which are read by us, by transformers, and to be
#: compared: of 145,000 tensors 0.16, 0.18 and 0.10 GB were measured, the last not beside all else.
_NAME = 2_300
#: Working memory that is asked for, over what is counted.
SPARE = 1.25
#: Bytes of a logit: in float32, and what is made of it.
_LOGIT = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Working:
    """Bytes beside the weights, by what needs them; never all at once."""

    loading: float
    self_test: float
    capture: float
    attribution: float
    sweep: float

    @property
    def most(self) -> float:
        """What is needed at once."""
        steps = (self.loading, self.self_test, self.capture, self.attribution, self.sweep)
        return max(steps)


def working_memory(
    shape: Shape,
    element: float,
    *,
    longest: int,
    new_tokens: int,
    rows: int = 1,
    reading: int | None = None,
    attributes: bool = True,
) -> Working:
    """Working memory of each step of an audit.

    Args:
        element: bytes of an activation, and of a weight that is being loaded.
        longest: tokens of the longest prompt; `new_tokens` come behind it.
        rows: side by side, in the sweep.
        reading: of them, how many read their prompts side by side; None for all.
        attributes: whether gradients are taken: of one row at least, as many as there is room for.
    """
    context = longest + new_tokens
    few = max(1, rows // 8)
    tests, tokens = SELF_TEST
    read = rows if reading is None else min(rows, reading)
    names = shape.stored * _NAME
    return Working(
        loading=names
        + shape.joined * shape.expert * max((e for e, _ in shape.moe), default=0) * element,
        self_test=names
        + _forward(shape, element, tests, tokens)
        + _cache(shape, element, tests * (tokens + _WINDOW)),
        capture=names + _forward(shape, element, few, context),
        attribution=names + _gradients(shape, element, longest) if attributes else 0.0,
        sweep=names
        + _forward(shape, element, read, longest)
        + _cache(shape, element, rows * context)
        + rows * shape.vocabulary * _LOGIT,
    )


def _layer(shape: Shape) -> float:
    """Elements per token that a layer makes: what enters and leaves each of its products."""
    hidden = shape.head / shape.vocabulary
    width = shape.expert / (3 * hidden)
    chosen = max((top_k for _, top_k in shape.moe), default=0)
    plain = 2 * shape.dense / (shape.layers * hidden)
    return plain + 4 * hidden + 4 * chosen * (hidden + width)


def _forward(shape: Shape, element: float, rows: int, tokens: int) -> float:
    return rows * tokens * _layer(shape) * element + rows * shape.vocabulary * _LOGIT


def _gradients(shape: Shape, element: float, tokens: int) -> float:
    """Of one row."""
    layers = tokens * shape.layers * _layer(shape) * element
    return layers + shape.vocabulary * _LOGIT


def _cache(shape: Shape, element: float, tokens: int) -> float:
    return tokens * shape.cached * element
