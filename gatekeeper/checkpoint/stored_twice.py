"""Refuses tensors of a checkpoint that are stored under two names: two models in one folder.

transformers adds or strips the prefix of the base model, and renames what older versions called
otherwise. Of two tensors that become one parameter it takes either without a word, and other
loaders take the other.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import NoReturn

from gatekeeper.errors import CheckpointError, excerpt

#: What saving a model as part of another, or in a wrapper, puts before its names. Towers and layers
#: for multi-token prediction have names of their own, and stay what they are.
_PREFIX = re.compile(
    r"^(?:(?:model|transformer|language_model|text_model|base_model|module|_orig_mod|backbone)\.)+"
)


def refuse_two_names(path: Path, names: Iterable[str]) -> None:
    """Refuses tensors whose names differ in the prefix of the base model alone.

    Raises:
        CheckpointError: names both.
    """
    seen: dict[str, str] = {}
    for name in names:
        if (other := seen.setdefault(_PREFIX.sub("", name), name)) != name:
            refuse_twice(excerpt(path), other, name)


def refuse_twice(where: str, one: str, other: str) -> NoReturn:
    """Raises a CheckpointError that names both tensors."""
    raise CheckpointError(
        f"stores a part of the model twice, as {excerpt(one)} and as {excerpt(other)}: some "
        "loaders take the one, some the other",
        where=where,
        remedy="remove the one that is not served, or save the model again with save_pretrained",
    )
