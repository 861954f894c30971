from __future__ import annotations

from typing import Any

import pytest
import torch

from gatekeeper.engine.generate import out_of_memory as memory
from gatekeeper.engine.generate.out_of_memory import in_halves, kept_in_halves
from gatekeeper.errors import AuditError, ExitCode


def device_of(capacity, seen):
    def run(rows):
        seen.append(len(rows))
        if len(rows) > capacity:
            raise torch.cuda.OutOfMemoryError
        return [row * 10 for row in rows]

    return run


@pytest.mark.parametrize("capacity", [1, 2, 3, 7, 100])
def test_every_row_once_and_in_order(capacity):
    seen: list[Any] = []
    assert in_halves(range(7), device_of(capacity, seen)) == [0, 10, 20, 30, 40, 50, 60]
    assert sum(n for n in seen if n <= capacity) == 7


def allocate() -> None:
    """Ask torch for more memory than a processor's address space has."""
    torch.empty(1 << 55, dtype=torch.int8)


def test_so_does_a_processor_under_a_limit():
    def run(rows):
        if len(rows) > 2:
            allocate()
        return [row * 10 for row in rows]

    assert in_halves(range(5), run) == [0, 10, 20, 30, 40]


def test_a_row_that_does_not_fit_is_an_error_of_the_audit():
    with pytest.raises(AuditError, match="does not hold a single row") as caught:
        in_halves(range(4), device_of(0, []))
    assert caught.value.exit_code == ExitCode.AUDIT_FAILED


def test_other_errors_are_left_alone():
    def broken(_rows):
        raise RuntimeError("no matter of memory")

    with pytest.raises(RuntimeError, match="no matter"):
        in_halves(range(4), broken)


def failing_after(rows_done, seen):
    """A run that is broken off after so many rows of its first call."""

    def run(rows, size, keep):
        seen.append((len(rows), size))
        for place, row in enumerate(rows):
            if len(seen) == 1 and place == rows_done:
                raise torch.cuda.OutOfMemoryError
            keep(place, row * 10)

    return run


@pytest.mark.parametrize("done", [0, 1, 5, 6])
def test_what_a_broken_run_has_finished_is_not_run_again(done):
    seen: list[Any] = []
    assert kept_in_halves(range(7), 4, failing_after(done, seen)) == [*range(0, 70, 10)]
    assert seen == [(7, 4), (7 - done, min(2, 7 - done))]


def test_no_row_beside_the_model_is_an_error_of_the_audit():
    def full(_rows, _size, _keep):
        raise torch.cuda.OutOfMemoryError

    with pytest.raises(AuditError, match="does not hold a single row"):
        kept_in_halves(range(7), 4, full)


@pytest.mark.parametrize("halving", [in_halves, lambda rows, run: kept_in_halves(rows, 4, run)])
def test_nothing_is_halved_where_other_ranks_would_go_on_with_the_whole(halving, monkeypatch):
    seen: list[Any] = []

    def full(rows, *_more):
        seen.append(len(rows))
        raise torch.cuda.OutOfMemoryError

    monkeypatch.setattr(memory, "in_step", lambda: True)
    with pytest.raises(AuditError, match="--batch-rows"):
        halving(range(4), full)
    assert seen == [4]
