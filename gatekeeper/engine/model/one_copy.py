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


@contextmanager
def one_copy() -> Iterator[None]:
    """Has transformers read each tensor as it is needed, and lets go of what loading leaves behind.

    By itself it maps the files into memory, where every page that was read stays until the model is
    gone: what is stored in one piece (attention, embeddings) would go on living there, and all
    experts, which are joined to tensors of their own, would be there twice. Only while it loads
    is another way to open files put in its place; what it does with them is its own.
    """
    from transformers import modeling_utils

    opened = partial(_open, modeling_utils.safe_open)
    with (
        mock.patch.object(modeling_utils, "safe_open", opened),
        mock.patch.dict(os.environ, {_AHEAD: "1"}),
    ):
        yield
    _trim()


def _open(safe_open: Any, *args: Any, **kwargs: Any) -> Any:
    """Opens a file whose tensors are read, not mapped."""
    return safe_open(*args, **{**kwargs, "backend": "pread"})


def _trim() -> None:
    """Gives freed memory back to the system, where the C library can."""
    try:
        trim = ctypes.CDLL(None).malloc_trim
    except (AttributeError, OSError, TypeError):
        return
    trim(0)
