"""Tells what transformers keeps to itself while it loads: how far it is, and lack of memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path
from typing import Any
from unittest import mock

from torch import Tensor

from gatekeeper.checkpoint.safetensors_header import weight_files
from gatekeeper.engine.model.foreign_errors import lacks_memory

#: Takes the units done, and of how many.
Progress = Callable[[int, int], None]


@contextmanager
def telling(progress: Progress | None, path: Path) -> Iterator[None]:
    """Has transformers tell bytes as they are read, and raise at once where memory is lost.

    Of an error while it joins experts it only writes a report, goes on to read all the others, and
    then blames the weights.

    Args:
        path: of the checkpoint.
    """
    from transformers import core_model_loading as core

    files = [name for name in weight_files(path) if name.endswith(".safetensors")]
    done, total = 0, sum((path / name).stat().st_size for name in files)

    def read(original: Callable[..., Tensor], tensor: Any, *rest: Any, **named: Any) -> Tensor:
        nonlocal done
        found = tensor[...]  # as it is stored
        done += found.numel() * found.element_size()
        if progress is not None:
            progress(min(done, total), total)
        return original(found, *rest, **named)

    with (
        mock.patch.object(core, "_materialize_copy", partial(read, core._materialize_copy)),
        mock.patch.object(
            core, "log_conversion_errors", partial(_memory_first, core.log_conversion_errors)
        ),
    ):
        yield


@contextmanager
def _memory_first(
    logging: Callable[..., AbstractContextManager[None]], *args: Any, **named: Any
) -> Iterator[None]:
    """What transformers logs errors with, from which lack of memory gets out."""
    lost: list[BaseException] = []
    try:
        with logging(*args, **named):
            try:
                yield
            except Exception as error:
                lost += [error] if lacks_memory(error) else []
                raise
    except BaseException:
        if lost:
            raise lost[0] from None
        raise
