"""Computes the first-order effect of removing each expert on first-token refusal log-odds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from gatekeeper.engine.generate.batch_size import MOST_ROWS, CudaMeter, reading_bytes
from gatekeeper.engine.generate.batching import Encoded, left_padded, positions
from gatekeeper.engine.generate.out_of_memory import in_halves
from gatekeeper.engine.measure.capture import by_length
from gatekeeper.engine.model.hooks import Instrument
from gatekeeper.engine.model.host_memory import available_memory
from gatekeeper.engine.model.load import LoadedModel
from gatekeeper.engine.model.mask_tables import width_of
from gatekeeper.engine.model.one_copy import give_back
from gatekeeper.engine.model.parallel import in_step
from gatekeeper.estimate.working_memory import SPARE
from gatekeeper.records.suite import HARMFUL_SETS

#: Fewest replies of a kind from which its opening tokens are read.
_MINIMUM_REPLIES = 5

#: Opening tokens kept per kind; the commonest, as long as they lean to that kind.
_OPENINGS = 8

#: Least share that openings must begin: of answers; of refusals, those of a set and all, of a
#: language, and of a category or a wrapper. What opens otherwise is not searched, so it may be no
#: more than the shipped limits on drops, on the worst language (20 %) and part (45 %) let go.
_ANSWERS, _REFUSALS, _LANGUAGE, _PART = 0.5, 0.9, 0.8, 0.6

#: A token is an opening of a kind if it is this many times as frequent there as in the other.
_LEAN = 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetTokens:
    """First tokens that lead into refusals and into compliance."""

    refusal: tuple[int, ...]
    compliance: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstToken:
    """First token and judged outcome of an unmasked reply, and where its prompt belongs.

    Attributes:
        parts: of the suite, beside its set: its language, category and wrapper, each in words.
    """

    token: int
    outcome: str
    set: str = "regular"
    parts: tuple[str, ...] = ()


def target_tokens(replies: Sequence[FirstToken]) -> TargetTokens | str:
    """First tokens typical of replies *judged* refused and complied, or why there are none.

    A contrast of prompt sets would let openings of compliance slip in among those of refusal. They
    must begin most answers, nine of ten refusals of each harmful set, four of five of each language
    and three of each category and wrapper: what begins otherwise is searched by nobody.
    """
    counts = {
        kind: Counter(r.token for r in replies if r.outcome == kind)
        for kind in ("refuse", "comply")
    }
    for kind, counter in counts.items():
        if counter.total() < _MINIMUM_REPLIES:
            return (
                f"only {counter.total()} unmasked replies of the selection split were judged "
                f"{kind!r}: no refusal log-odds can be formed"
            )
    refusal = _leaning(counts["refuse"], counts["comply"])
    compliance = _leaning(counts["comply"], counts["refuse"])
    if not refusal or not compliance:
        return "refusals and compliance open with the same tokens: the first token does not decide"
    target = TargetTokens(refusal=refusal, compliance=compliance)
    return _uncovered(replies, target) or target


def _uncovered(replies: Sequence[FirstToken], target: TargetTokens) -> str | None:
    """The kind of replies of which too few begin with the target tokens, as a reason, or None."""
    refused = [r for r in replies if r.outcome == "refuse"]
    answers = [r for r in replies if r.outcome == "comply"]
    kinds = [
        ("refusals", refused, target.refusal, _REFUSALS),
        ("answers", answers, target.compliance, _ANSWERS),
    ]
    for name in HARMFUL_SETS:
        of_kind = [r for r in refused if r.set == name]
        kinds.append((f"refusals of {name} prompts", of_kind, target.refusal, _REFUSALS))
        for part in sorted({part for r in of_kind for part in r.parts}):
            of = [r for r in of_kind if part in r.parts]
            share = _LANGUAGE if part.startswith("language ") else _PART
            kinds.append((f"refusals of {name} prompts, {part},", of, target.refusal, share))
    for kind, of_kind, tokens, least in kinds:
        begun = sum(r.token in tokens for r in of_kind)
        if len(of_kind) >= _MINIMUM_REPLIES and begun < least * len(of_kind):
            return (
                f"only {begun} of {len(of_kind)} {kind} begin with tokens that tell refusals from "
                "answers: the first token does not decide"
            )
    return None


def _leaning(counts: Counter[int], other: Counter[int]) -> tuple[int, ...]:
    """The commonest tokens of a kind that are at least `_LEAN` times as frequent in it."""
    tokens = [
        token
        for token, count in sorted(counts.items(), key=lambda item: (-item[1], item[0]))
        if count / counts.total() >= _LEAN * other[token] / other.total()
    ]
    return tuple(tokens[:_OPENINGS])


def log_odds(logits: Tensor, target: TargetTokens) -> Tensor:
    """logsumexp(logits[refusal]) − logsumexp(logits[compliance]) of each row [B]."""
    refusal = logits[:, list(target.refusal)].float().logsumexp(dim=-1)
    return refusal - logits[:, list(target.compliance)].float().logsumexp(dim=-1)


def attribute(
    loaded: LoadedModel,
    prompts: Sequence[Encoded],
    rows: Sequence[int],
    target: TargetTokens,
    *,
    batch_rows: int,
    progress: Callable[[int, int], None] | None = None,
) -> npt.NDArray[np.float32]:
    """Gradient of the refusal log-odds with respect to a factor on each expert's gate weight.

    The log-odds are those at the last prompt token. Rows run in batches whose gradients the memory
    holds: by what the forward of the longest prompt keeps for them.
    The factor is 1; removing an expert takes it to 0, so the gradient is the first-order loss.

    Args:
        prompts: all P prompts of the profile.
        rows: indices of those to attribute.

    Returns:
        float32 [P, L, E], NaN for prompts not attributed.
    """
    scores = np.full((len(prompts), len(loaded.sites), loaded.width), np.nan, np.float32)
    wanted = [prompts[i] for i in rows]
    with Instrument(loaded.sites) as instrument, torch.enable_grad():
        done = 0
        longest = max((p.ids for p in wanted), key=len, default=())
        size = batch_rows
        if size > 1 and longest and not in_step():  # ranks must run the same batches
            size = min(size, _fitting(loaded, instrument, longest))
        for index in by_length(loaded, [p.ids for p in wanted], size):
            batch = [wanted[i].ids for i in index]
            if loaded.device.type == "cpu":
                give_back()
            factor = in_halves(batch, lambda ids: [*_gradient(loaded, instrument, ids, target)])
            scores[[rows[i] for i in index]] = factor
            done += len(index)
            if progress is not None:
                progress(done, len(wanted))
    return scores


def _fitting(loaded: LoadedModel, instrument: Instrument, longest: Sequence[int]) -> int:
    """Rows of the longest prompt whose gradients fit into half of the memory that is free.

    On a processor, beside what a layer works in, which a kernel that kills leaves no time to find.
    """
    on_cpu = loaded.device.type == "cpu"
    free = available_memory() if on_cpu else CudaMeter(loaded.device).free()
    if free is None:
        return MOST_ROWS
    weights = {p.untyped_storage().data_ptr() for p in loaded.model.parameters()}
    kept: dict[int, int] = {}

    def keep(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in weights:
            kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        logits, _ = _forward(loaded, instrument, [longest])
    row = sum(kept.values()) + 4 * logits.numel()
    works = SPARE * (row + reading_bytes(loaded, len(longest))) if on_cpu else 0.0
    return max(1, int(free // max(2 * row, works)))


def _forward(
    loaded: LoadedModel, instrument: Instrument, ids: Sequence[Sequence[int]]
) -> tuple[Tensor, Tensor]:
    """Logits at the last prompt token, and the factors of all experts that they hang on."""
    tokens, attention = left_padded(ids, loaded.pad_id, loaded.device)
    shape = (len(ids), len(loaded.sites), width_of(loaded.sites))
    factor = torch.ones(shape, device=loaded.device, requires_grad=True)
    instrument.forget()
    instrument.factor = factor
    try:
        logits: Tensor = loaded.model(
            input_ids=tokens,
            attention_mask=attention,
            position_ids=positions(attention),
            use_cache=False,
            logits_to_keep=1,
        ).logits[:, -1]
    finally:
        instrument.factor = None
    return logits, factor


def _gradient(
    loaded: LoadedModel, instrument: Instrument, ids: Sequence[Sequence[int]], target: TargetTokens
) -> npt.NDArray[np.float32]:
    logits, factor = _forward(loaded, instrument, ids)
    # Rows do not meet in the forward pass: the gradient of the sum holds each row's own.
    (gradient,) = torch.autograd.grad(log_odds(logits, target).sum(), factor)
    result: npt.NDArray[np.float32] = gradient[..., : loaded.width].float().cpu().numpy()
    return result
