"""Turns whatever transformers and tokenizers raise on a checkpoint's files into our errors."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from gatekeeper.errors import (
    AuditError,
    CheckpointError,
    GatekeeperError,
    excerpt,
    is_out_of_memory,
    is_panic,
)


def lacks_memory(error: BaseException) -> bool:
    """Whether the memory of a processor or a GPU did not hold what was asked for."""
    return isinstance(error, torch.cuda.OutOfMemoryError) or is_out_of_memory(error)


@contextmanager
def blaming(
    path_name: str | None, what: str, remedy: str, too_large: AuditError | None = None
) -> Iterator[None]:
    """Turns a failure inside into a refusal of the checkpoint; only foreign code belongs inside.

    Args:
        path_name: the checkpoint's own name, where it is known.
        what: begins the message, such as "transformers cannot load it".
        too_large: what to say where memory is short, if that is known better.

    Raises:
        AuditError: not enough memory.
        CheckpointError: anything else went wrong; the kind of error and its message are told.
    """
    try:
        yield
    except GatekeeperError:
        raise
    # tokenizers raises bare Exception on a bad tokenizer.json; transformers lets ZeroDivisionError,
    # AttributeError and errors of huggingface_hub through on a bad config: no list is complete.
    except BaseException as error:
        if not (isinstance(error, Exception) or is_panic(error)):
            raise  # an interrupt
        if lacks_memory(error):
            raise too_large or AuditError(
                "the model does not fit into memory",
                where=path_name,
                remedy="use a larger machine or GPU, or --dtype bfloat16",
            ) from error
        said = " ".join(str(error).split())
        kind = excerpt(type(error).__name__)
        raise CheckpointError(
            f"{what} ({kind}: {excerpt(said)})" if said else f"{what} ({kind})",
            where=path_name,
            remedy=remedy,
        ) from error
