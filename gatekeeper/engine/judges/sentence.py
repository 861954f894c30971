"""Reads the files of sentence-transformers that mark a sentence-embedding model.

`modules.json` lists what is done to the model's token states, in order, by the names of classes
whose last part has stayed the same over its versions; `1_Pooling/config.json` says how they are
pooled. Any encoder, and any chat model, gives token states too, whose mean says little of what a
text means: one without these files is refused.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from gatekeeper.checkpoint.json_files import read_json
from gatekeeper.errors import CheckpointError, excerpt
from gatekeeper.strict_json import strict_loads

MODULES, POOLING = "modules.json", "1_Pooling/config.json"
_MOST_BYTES = 1_000_000
#: What is done here: unit length is made in any case.
_FIRST, _LAST = ["Transformer", "Pooling"], ["Normalize"]
_REMEDY = "give a model as sentence-transformers saves it, with mean or cls pooling"
#: Settings that were one for each mode, before `pooling_mode` named it.
_MODES = {"pooling_mode_cls_token": "cls", "pooling_mode_mean_tokens": "mean"}


def first_token(folder: Path) -> bool:
    """Whether the state of the first token stands for the text; else the mean over tokens does.

    Raises:
        CheckpointError: no embedding model, or one that is pooled, or goes on, in another way.
    """
    has_modules, has_pooling = (folder / MODULES).is_file(), (folder / POOLING).is_file()
    if not has_modules and not has_pooling:
        raise CheckpointError(
            f"is no sentence-embedding model: neither {MODULES} nor {POOLING} is there",
            where=folder.name,
            remedy=_REMEDY,
        )
    if has_modules:
        _check_modules(folder)
    if not has_pooling:
        raise CheckpointError(f"has no {POOLING}", where=folder.name, remedy=_REMEDY)
    modes = _modes(read_json(folder / POOLING))
    if modes not in ({"cls"}, {"mean"}):
        raise CheckpointError(
            "pools otherwise than by mean or first token",
            where=f"{folder.name}/1_Pooling",
            remedy=_REMEDY,
        )
    return modes == {"cls"}


def _check_modules(folder: Path) -> None:
    """Refuses a list of modules other than those that are carried out here.

    Raises:
        CheckpointError: it is none, or names others, such as a dense layer.
    """
    where = f"{folder.name}/{MODULES}"
    path = folder / MODULES
    try:
        listed = strict_loads(path.read_bytes()) if path.stat().st_size <= _MOST_BYTES else None
    except ValueError:
        listed = None
    if not isinstance(listed, list) or not all(isinstance(module, dict) for module in listed):
        raise CheckpointError("is no list of modules", where=where, remedy=_REMEDY)
    names = [str(module.get("type", "")).rpartition(".")[2] for module in listed]
    if names not in (_FIRST, [*_FIRST, *_LAST]):
        raise CheckpointError(
            f"lists {excerpt(', '.join(names) or 'nothing')}; transformer, pooling and normalising "
            "are what this judge can do",
            where=where,
            remedy=_REMEDY,
        )


def _modes(settings: dict[str, Any]) -> set[str]:
    """Names of the modes that are on."""
    named = settings.get("pooling_mode")
    if named is not None:
        return set(map(str, named)) if isinstance(named, list) else {str(named)}
    on = {name for name, value in settings.items() if name.startswith("pooling_mode") and value}
    return {_MODES.get(name, name) for name in on}
