"""Loads weights without a second copy of them in memory."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any
from unittest import mock

#: By which transformers reads tensors ahead of what needs them, as many as there are.
_AHEAD = "HF_DEACTIVATE_ASYNC_LOAD"
#: Options of glibc's mallopt(3), and the largest threshold that its own rule comes to on 64 bits.
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
_PIECE, _USUAL = 1 << 20, 32 << 20


@contextmanager
def one_copy() -> Iterator[None]:
    """Has transformers read each tensor as it is needed, and lets go of what loading leaves behind.

    By itself it maps the files into memory, where every page that was read stays until the model is
    gone: what is stored in one piece (attention, embeddings) would go on living there, and all
    experts, which are joined to tensors of their own, would be there twice. Only while it loads
    is another way to open files put in its place; what it does with them is its own.

    While it loads, each tensor of a megabyte or more is memory of its own, gone when it is freed.
    By glibc's own rule such tensors would share the heap with those of single experts, which leave
    holes when they are joined: of 48,128 small experts a peak of 2.4 GB was measured, and 1.8 so.
    """
    from transformers import modeling_utils

    opened = partial(_open, modeling_utils.safe_open)
    _set_apart(_PIECE)
    try:
        with (
            mock.patch.object(modeling_utils, "safe_open", opened),
            mock.patch.dict(os.environ, {_AHEAD: "1"}),
        ):
            yield
    finally:
        _set_apart(_USUAL)
    give_back()


def give_back() -> None:
    """Gives freed memory back to the system, where the C library can."""
    _libc("malloc_trim", 0)


def _open(safe_open: Any, *args: Any, **kwargs: Any) -> Any:
    """Opens a file whose tensors are read, not mapped."""
    return safe_open(*args, **{**kwargs, "backend": "pread"})


def _set_apart(size: int) -> None:
    """Has what is this large or larger lie outside the heap, where the C library can."""
    _libc("mallopt", _MMAP_THRESHOLD, size)
    _libc("mallopt", _TRIM_THRESHOLD, 2 * size)


def _libc(name: str, *numbers: int) -> None:
    try:
        function = getattr(ctypes.CDLL(None), name)
    except (AttributeError, OSError, TypeError):
        return
    function(*numbers)
