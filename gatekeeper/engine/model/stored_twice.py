"""Refuses checkpoints in which two tensors stand for the same part of the model."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from gatekeeper.checkpoint.stored_twice import refuse_twice

#: Of a layer, an expert.
_NUMBER = re.compile(r"(?:(?<=\.)|^)\d+(?=\.|$)")


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
    first: dict[str, tuple[str, bool]] = {}
    for name in sorted(names):
        # As in its `convert_and_load_state_dict_in_model`.
        place, pattern = rename_source_key(name, renamings, converters, added, known)
        if place not in known and name in known:
            place, pattern = rename_source_key(name, [], [], added, known)
        if place not in known:
            continue
        other, converted = first.setdefault(place, (name, pattern is not None))
        if converted != (pattern is not None):
            refuse_twice(where, other, name)
        # Many tensors may become one, such as those of all experts: each by its numbers.
        part = place if pattern is None else (place, pattern, *_NUMBER.findall(name))
        if (other := seen.setdefault(part, name)) != name:
            refuse_twice(where, other, name)
