"""Does work in halves where the device's memory does not hold all of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import torch

from gatekeeper.engine.model.foreign_errors import lacks_memory
from gatekeeper.engine.model.parallel import in_step
from gatekeeper.errors import AuditError

#: What to do where a single row is too large.
TOO_SMALL = "use a larger machine or GPU, shorter prompts or a smaller --max-new-tokens"

_Row = TypeVar("_Row")
_Result = TypeVar("_Result")


def in_halves(
    rows: Sequence[_Row], run: Callable[[Sequence[_Row]], list[_Result]]
) -> list[_Result]:
    """The results of `run` for the rows, in their order, made in halves where memory is short.

    Raises:
        AuditError: the memory does not hold a single row.
    """
    try:
        return run(rows)
    except RuntimeError as error:  # as torch.cuda.OutOfMemoryError is
        _pass_on_others(error)
        if len(rows) == 1:
            raise _too_small() from error
        _refuse_alone(error)
    torch.cuda.empty_cache()
    half = len(rows) // 2
    return [*in_halves(rows[:half], run), *in_halves(rows[half:], run)]


def kept_in_halves(
    rows: Sequence[_Row],
    size: int,
    run: Callable[[Sequence[_Row], int, Callable[[int, _Result], None]], object],
) -> list[_Result]:
    """The rows' results, in their order; what a broken run has finished is kept.

    Args:
        size: rows side by side.
        run: (rows, rows side by side, keep) calls keep(place, result) as a row is finished. After
            it ran out of memory it is called for the others, half as many side by side.

    Raises:
        AuditError: the memory does not hold a single row.
    """
    done: dict[int, _Result] = {}
    while len(done) < len(rows):
        waiting = [i for i in range(len(rows)) if i not in done]
        size = min(size, len(waiting))

        def keep(place: int, result: _Result, waiting: list[int] = waiting) -> None:
            done[waiting[place]] = result

        try:
            run([rows[i] for i in waiting], size, keep)
        except RuntimeError as error:
            _pass_on_others(error)
            if size == 1:
                raise _too_small() from error
            _refuse_alone(error)
            size //= 2
        else:
            continue
        torch.cuda.empty_cache()
    return [done[i] for i in range(len(rows))]


def _pass_on_others(error: RuntimeError) -> None:
    """Raises again what is no matter of memory."""
    if not lacks_memory(error):
        raise error


def _refuse_alone(error: BaseException) -> None:
    """Refuses to halve rows where other ranks would go on with all of them.

    Raises:
        AuditError: there are others.
    """
    if in_step():
        raise AuditError(
            "a rank's memory does not hold a batch beside its part of the model",
            remedy="use a smaller --batch-rows, or more devices",
        ) from error


def _too_small() -> AuditError:
    return AuditError(
        "the device's memory does not hold a single row beside the model",
        remedy=TOO_SMALL,
    )
