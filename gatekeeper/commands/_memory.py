"""Memory of commands that live for seconds."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def uncollected() -> Iterator[None]:
    """Turns off the search for garbage cycles; as a decorator, while a command runs.

    Reading evidence and laying out a report make a million objects that live until the end: looking
    through them again and again takes a tenth of the time and frees next to nothing. Not for
    audits, whose garbage may hold tensors.
    """
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()
