"""Tensors of a checkpoint that are stored under two names: two models in one folder.

transformers adds or strips the prefix of the base model, and renames what older versions called
otherwise. Of two tensors that become one parameter it takes either without a word, and other
loaders take the other.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NoReturn

from gatekeeper.errors import CheckpointError, excerpt

#: What saving a model as part of another, or in a wrapper, puts before its names. Towers and layers
#: for multi-token prediction have names of their own, and stay what they are.
_PREFIX = re.compile(
    r"^(?:(?:model|transformer|language_model|text_model|base_model|module|_orig_mod|backbone)\.)+"
)
#: Of a layer, an expert.
_NUMBER = re.compile(r"(?:(?<=\.)|^)\d+(?=\.|$)")


def refuse_two_names(path: Path, names: Iterable[str]) -> None:
    """Refuses tensors whose names differ in the prefix of the base model alone.

    Raises:
        CheckpointError: names both.
    """
    seen: dict[str, str] = {}
    for name in names:
        if (other := seen.setdefault(_PREFIX.sub("", name), name)) != name:
            _refuse(excerpt(path), other, name)


def refuse_shared_places(model: Any, names: Iterable[str], where: str) -> None:
    """Refuses tensors that transformers takes for one and the same part of the loaded model.

    Args:
        names: of all tensors of the checkpoint.
        where: the checkpoint, for the message.

    Raises:
        CheckpointError: names both.
    """
    from transformers.conversion_mapping import get_model_conversion_mapping
    from transformers.core_model_loading import WeightConverter, WeightRenaming, rename_source_key

    changes = get_model_conversion_mapping(model, None, getattr(model, "hf_quantizer", None))
    renamings = [change for change in changes if isinstance(change, WeightRenaming)]
    converters = [change for change in changes if isinstance(change, WeightConverter)]
    known = model.state_dict()
    added = model.base_model_prefix
    seen: dict[object, str] = {}
    whole: dict[str, tuple[str, bool]] = {}
    for name in sorted(names):
        # As in its `convert_and_load_state_dict_in_model`.
        place, pattern = rename_source_key(name, renamings, converters, added, known)
        if place not in known and name in known:
            place, pattern = rename_source_key(name, [], [], added, known)
        if place not in known:
            continue
        other, converted = whole.setdefault(place, (name, pattern is not None))
        if converted != (pattern is not None):
            _refuse(where, other, name)
        # Many tensors may become one, such as those of all experts: each by its numbers.
        part = place if pattern is None else (place, pattern, *_NUMBER.findall(name))
        if (other := seen.setdefault(part, name)) != name:
            _refuse(where, other, name)


def _refuse(where: str, one: str, other: str) -> NoReturn:
    raise CheckpointError(
        f"stores a part of the model twice, as {excerpt(one)} and as {excerpt(other)}: some "
        "loaders take the one, some the other",
        where=where,
        remedy="remove the one that is not served, or save the model again with save_pretrained",
    )
