"""Measures, on the loaded model, how many rows the memory holds side by side.

On CUDA the longest prompt is answered under a mask in two small batches, and the peaks of allocated
memory tell what a row takes from first to last token, and what a batch takes whatever its rows. On
a processor nothing tells a peak: there the cache of one forward is weighed, and what a forward
works in follows from the config, as `estimate` has it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

import torch

from gatekeeper.checkpoint.open import Checkpoint
from gatekeeper.engine.generate.batching import Encoded
from gatekeeper.engine.generate.decode import decode
from gatekeeper.engine.generate.out_of_memory import TOO_SMALL
from gatekeeper.engine.model.hooks import Instrument
from gatekeeper.engine.model.host_memory import available_memory
from gatekeeper.engine.model.load import LoadedModel
from gatekeeper.engine.model.parallel import in_step
from gatekeeper.engine.model.weights_room import BESIDE
from gatekeeper.errors import AuditError, CheckpointError
from gatekeeper.estimate.model_size import shape_of
from gatekeeper.estimate.roofline import Shape
from gatekeeper.estimate.working_memory import SPARE, forward_bytes, kept_once_run
from gatekeeper.evidence.trial_store import TrialStore
from gatekeeper.records.trial import bare_mask

#: Rows where the memory need not be asked, and most rows on a processor: more gain nothing there.
USUAL_ROWS = 128
#: Most rows on CUDA: beyond, a decoding step is bound by arithmetic and not by reading weights.
MOST_ROWS = 1024
#: Share of the free memory that batches may fill.
_FILLED = 0.8
#: Rows of the two batches that are measured.
_SMALL, _LARGE = 4, 8
#: Under which a store keeps the number.
_NAME = "batch rows"
#: Hidden states that a forward holds at once per token, with what experts make in between.
_STATES = 16
#: Whole prompts with their replies are read in batches so many times smaller.
WHOLE = 8


class Meter(Protocol):
    """Measures a device's memory, in bytes."""

    def free(self) -> int:
        """Bytes that could still be allocated."""

    def peak(self, run: Callable[[], object]) -> int:
        """The most bytes that `run` held at once beside what was there before."""


class CudaMeter:
    """Memory of a CUDA device, as torch's allocator counts it."""

    def __init__(self, device: torch.device) -> None:
        self._device = device

    def free(self) -> int:
        """Bytes free on the device, and those that the allocator holds without use."""
        torch.cuda.empty_cache()
        free, _ = torch.cuda.mem_get_info(self._device)
        held = torch.cuda.memory_reserved(self._device) - torch.cuda.memory_allocated(self._device)
        return int(free) + int(held)

    def peak(self, run: Callable[[], object]) -> int:
        """The highest mark of allocated bytes."""
        torch.cuda.reset_peak_memory_stats(self._device)
        before = torch.cuda.memory_allocated(self._device)
        run()
        return int(torch.cuda.max_memory_allocated(self._device)) - before


def rows_within(free: int, row: float, batch: float, most: int) -> int:
    """The largest power of two of rows, at most `most`, that fill four fifths of what is free.

    Args:
        free: bytes.
        row, batch: bytes that each row takes, and the batch whatever its rows.
    """
    rows = 1
    while 2 * rows <= most and batch + 2 * rows * row <= _FILLED * free:
        rows *= 2
    return rows


def measured_rows(
    loaded: LoadedModel, prompt: Sequence[int], new_tokens: int, meter: Meter, most: int = MOST_ROWS
) -> int:
    """Rows of the longest prompt that a device holds, by the peaks of two small batches."""
    endless = replace(loaded, end_ids=frozenset())
    mask = bare_mask([(loaded.sites[0].layer, 0)])

    def answer(rows: int) -> None:
        with Instrument(loaded.sites) as instrument:
            decode(
                endless,
                instrument,
                [prompt] * rows,
                [mask] * rows,
                new_tokens=new_tokens,
                share_prefix=False,
            )

    try:
        answer(1)  # what is allocated once, on first use, is no row's
        small, large = meter.peak(lambda: answer(_SMALL)), meter.peak(lambda: answer(_LARGE))
    except torch.cuda.OutOfMemoryError:
        return 1
    row = max(large - small, 0) / (_LARGE - _SMALL)
    # Should more rows have taken no more, nothing is known of a row but what the peak says.
    row = row or large / _LARGE
    return rows_within(meter.free(), row, max(small - _SMALL * row, 0), most)


@torch.inference_mode()
def weighed_rows(
    loaded: LoadedModel, prompt: Sequence[int], new_tokens: int, free: int | None
) -> int:
    """Rows of the longest prompt that a processor's memory holds, by the cache of one forward.

    Args:
        free: bytes, or None if the system does not tell: then the usual number.

    Raises:
        AuditError: it does not hold one.
    """
    if free is None:
        return USUAL_ROWS
    reads = reading_bytes(loaded, len(prompt))
    whole = reading_bytes(
        loaded, len(prompt) + new_tokens
    )  # prompts with their replies: fewer rows
    if (needed := SPARE * max(reads, whole)) > free:
        raise AuditError(
            f"a row of the longest prompt ({len(prompt)} tokens, {new_tokens} more of reply) works "
            f"in {needed / 1e9:,.1f} GB, and {free / 1e9:,.1f} GB are free beside the "
            "model",
            remedy=TOO_SMALL,
        )
    ids = torch.tensor([list(prompt)], device=loaded.device)
    out: Any = loaded.model(input_ids=ids, use_cache=True, logits_to_keep=1)
    tokens = len(prompt) + new_tokens
    # Twice: a layer's cache is copied whenever it grows.
    cache = 2 * _bytes(out.past_key_values) * tokens / len(prompt)
    # A kernel that kills tells nobody: the same spare as `estimate` asks for, in each row too.
    row = SPARE * (cache + max(reads, whole / WHOLE))
    kept = kept_once_run(_weights(loaded))
    return rows_within(free, row, kept, USUAL_ROWS)


def rows_now(loaded: LoadedModel, tokens: int, rows: int) -> int:
    """How many of these rows a processor's memory holds now: all, or a power of two.

    Others may have taken memory since the number was found, or an audit that was begun with more
    goes on: a kernel that kills tells nobody.

    Args:
        tokens: of the longest prompt with its reply.
    """
    if rows == 1 or loaded.device.type != "cpu" or in_step():
        return rows
    shape, free = _shape(loaded), available_memory()
    cache = 2 * tokens * shape.cached * loaded.dtype.itemsize if shape is not None else 0
    row = SPARE * (cache + reading_bytes(loaded, tokens))
    if free is None or rows * row <= free:
        return rows
    return rows_within(free, row, 0, rows)


def _shape(loaded: LoadedModel) -> Shape | None:
    """A model's sizes by its config; None where that does not tell them."""
    config = loaded.model.config.to_dict()  # type: ignore[operator, union-attr]
    told = Checkpoint(path=Path(), revision=None, config=config, tensors={})
    try:
        return shape_of(told, loaded.recipe.description if loaded.recipe else None)
    except CheckpointError:
        return None


def reading_bytes(loaded: LoadedModel, tokens: int) -> float:
    """Bytes that a forward of one row works in beside its cache, by the model's config."""
    shape = _shape(loaded)
    if shape is None:
        hidden: int = loaded.model.get_input_embeddings().weight.shape[1]  # type: ignore[operator]
        return _STATES * hidden * tokens * loaded.dtype.itemsize
    return forward_bytes(shape, loaded.dtype.itemsize, 1, tokens)


def _weights(loaded: LoadedModel) -> int:
    return sum(p.numel() * p.element_size() for p in loaded.model.parameters())


def _bytes(held: Any, depth: int = 4) -> int:
    """Bytes of the tensors in a cache of whatever kind."""
    if isinstance(held, torch.Tensor):
        return held.numel() * held.element_size()
    if depth == 0 or isinstance(held, (str, int, float, torch.dtype, torch.device, type(None))):
        return 0
    if isinstance(held, dict):
        return sum(_bytes(item, depth - 1) for item in held.values())
    if isinstance(held, (list, tuple)):
        return sum(_bytes(item, depth - 1) for item in held)
    return sum(_bytes(item, depth - 1) for item in getattr(held, "__dict__", {}).values())


def fitting_rows(
    loaded: LoadedModel,
    prompts: Sequence[Encoded],
    new_tokens: int,
    store: TrialStore | None,
    replicas: int = 1,
) -> int:
    """How many rows to run side by side; a resumed audit goes on with the number it began with.

    The usual number for a model that lies on several devices: no single one of them tells. Memory
    and disk are one.

    Args:
        replicas: how many will share a processor's memory, this one the first.
    """
    stored = store.blob(_NAME) if store is not None else None
    if stored is not None:
        return int(stored)
    longest = max((prompt.ids for prompt in prompts), key=len)
    places = set(getattr(loaded.model, "hf_device_map", {}).values())
    if in_step() or (len(places) > 1 and not places <= {"cpu", "disk"}):
        rows = USUAL_ROWS
    elif loaded.device.type == "cuda":
        rows = measured_rows(loaded, longest, new_tokens, CudaMeter(loaded.device))
    else:
        free = available_memory()
        if free is not None and replicas > 1:  # the others are still to come
            free = (free - (replicas - 1) * (_weights(loaded) + BESIDE)) // replicas
        rows = weighed_rows(loaded, longest, new_tokens, free)
    if store is not None:
        store.put_blob(_NAME, str(rows).encode())
    return rows
