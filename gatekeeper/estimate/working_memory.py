"""The memory that an audit works in beside the weights, before one of them is read; torch-free.

Counted are tensors that a forward makes per token and layer, and per pair of tokens where attention
writes every score down; a reading pass holds those of one layer at once, one with gradients those
of all. Checked against measured peaks by `benchmarks.memory`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from gatekeeper.estimate.roofline import Shape

#: The largest batch of the self-test: rows and tokens of each (`engine.self_test`), and its window.
SELF_TEST = (16, 24)
_WINDOW = 7
#: Bytes of a stored tensor's name and header, which are read by us, by transformers, and to be
#: compared: of 145,000 tensors 0.16, 0.18 and 0.10 GB were measured, the last not beside all else.
_NAME = 2_300
#: Bytes that torch keeps of a model on a processor once it ran, as long as it is there: measured
#: after the self-test of models of 0.35 to 4 GB in bfloat16; of smaller ones no more than they are.
_RAN = 250e6
#: Working memory that is asked for, over what is counted.
SPARE = 1.25
#: Bytes of a logit: in float32, and what is made of it.
_LOGIT = 12
#: Bytes of a number in float32.
_FLOAT = 4.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Working:
    """Bytes beside the weights, by what needs them; never all at once."""

    loading: float
    self_test: float
    capture: float
    attribution: float
    sweep: float

    @property
    def fixed(self) -> float:
        """What is needed however short the prompts are."""
        return max(self.loading, self.self_test)

    @property
    def most(self) -> float:
        """What is needed at once."""
        steps = (self.loading, self.self_test, self.capture, self.attribution, self.sweep)
        return max(steps)


def kept_once_run(weights: float) -> float:
    """Bytes that torch keeps of a model on a processor once it ran.

    Args:
        weights: bytes of the model.
    """
    return min(_RAN, weights)


def working_memory(
    shape: Shape,
    element: float,
    *,
    longest: int,
    new_tokens: int,
    rows: int = 1,
    reading: int | None = None,
    attributes: bool = True,
    processor: bool = True,
) -> Working:
    """Working memory of each step of an audit.

    Args:
        element: bytes of an activation, and of a weight that is being loaded.
        longest: tokens of the longest prompt; `new_tokens` come behind it.
        rows: side by side, in the sweep.
        reading: of them, how many read their prompts side by side; None for all.
        attributes: whether gradients are taken: of one row at least, as many as there is room for.
        processor: whether the model runs on one, which has no fused attention for keys and values
            of unlike widths.
    """
    if shape.scores == "unfused" and not processor:
        shape = replace(shape, scores="")
    context = longest + new_tokens
    few = max(1, rows // 8)
    tests, tokens = SELF_TEST
    read = rows if reading is None else min(rows, reading)
    names = shape.stored * _NAME
    ran = names + (kept_once_run(shape.parameters * element) if processor else 0.0)
    return Working(
        loading=names
        + shape.joined * shape.expert * max((e for e, _ in shape.moe), default=0) * element,
        self_test=ran
        + forward_bytes(shape, element, tests, tokens)
        + _cache(shape, element, tests * (tokens + _WINDOW)),
        capture=ran + forward_bytes(shape, element, few, context),
        attribution=ran + _gradients(shape, element, longest) if attributes else 0.0,
        sweep=ran
        + forward_bytes(shape, element, read, longest)
        + _cache(shape, element, rows * context)
        + rows * shape.vocabulary * _LOGIT,
    )


def forward_bytes(shape: Shape, element: float, rows: int, tokens: int) -> float:
    """Of a forward that reads so many tokens a row: a layer's, where it holds most, and logits.

    That is in attention, where its scores are there, or in the experts, which come when attention
    has let go of all but what it returns.
    """
    dense, experts = _layer(shape)
    scores = _scores(shape, element)
    attends = tokens * dense * element + tokens**2 * scores.held
    mixes = tokens * (dense + experts) * element + tokens**2 * scores.returned
    return rows * (max(attends, mixes) + shape.vocabulary * _LOGIT)


def _layer(shape: Shape) -> tuple[float, float]:
    """Elements per token that a layer makes, outside of its experts and in them: what enters and
    leaves each of its products.
    """
    hidden = shape.head / shape.vocabulary
    width = shape.expert / (3 * hidden)
    chosen = max((top_k for _, top_k in shape.moe), default=0)
    return 2 * shape.dense / (shape.layers * hidden) + 4 * hidden, 3 * chosen * (hidden + width)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Scores:
    """Bytes per pair of tokens of a row, over all heads: at once in a layer, what it returns beside
    its output, and what it keeps for gradients.
    """

    held: float
    returned: float
    kept: float


def _scores(shape: Shape, element: float) -> _Scores:
    """What attention writes down of pairs of tokens, with the masks that all its heads share.

    Three copies in the model's own format; or a product, what enters a softmax in float32 and what
    leaves it, where the product is none already. Torch's unfused attention works in float32 and
    marks what is masked.
    """
    narrow = element if element < _FLOAT else 0.0
    held, returned, kept = {
        "own": (3 * element, element, element),
        "float32": (2 * _FLOAT + narrow, element, _FLOAT + narrow),
        "unfused": (2 * _FLOAT + 1, 0.0, _FLOAT),
    }.get(shape.scores, (0.0, 0.0, 0.0))
    masks = 1 + element * (1 if shape.scores in {"", "unfused"} else 2)
    return _Scores(
        held=shape.heads * held + masks,
        returned=shape.heads * returned + masks,
        kept=shape.heads * kept,
    )


def _gradients(shape: Shape, element: float, tokens: int) -> float:
    """Of one row."""
    scores, layer = _scores(shape, element), sum(_layer(shape))
    kept = shape.layers * (tokens * layer * element + tokens**2 * scores.kept)
    return kept + tokens**2 * scores.held + shape.vocabulary * _LOGIT


def _cache(shape: Shape, element: float, tokens: int) -> float:
    return tokens * shape.cached * element
