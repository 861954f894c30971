"""Checks that a checkpoint's weights are the loaded model's: none made up, none left out.

transformers fills what a checkpoint lacks with random numbers and drops what it does not know, with
a warning at most. Either would have a model audited that nobody releases.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, NoReturn

from gatekeeper.checkpoint.tensor_layout import NUMBER
from gatekeeper.errors import CheckpointError, excerpt

_SHOWN = 3
_LAYER = re.compile(rf"(?:^|\.)(?:layers|blocks|h)\.({NUMBER})\.")
#: Cached tables that older transformers stored.
_TABLES = re.compile(r"(?:^|\.)(?:inv_freq|position_ids)$|\.rotary_emb\.|\.masked_bias$")
#: Towers of a multimodal checkpoint, of which the language model alone is loaded.
_TOWER = re.compile(r"(?:^|[._])(?:vision|visual|image|audio|video|multi_modal|mm)(?:[._]|$)")
_TOWER_CONFIGS = ("vision_config", "audio_config", "video_config")
_REMEDY = "config and weights must be of one model: save both again with save_pretrained"


def refuse_other_weights(path_name: str, config: Any, info: Mapping[str, Any]) -> tuple[str, ...]:
    """Refuses a model whose weights are not all from the checkpoint, or not all of it.

    What transformers passes over by design (`_keys_to_ignore_on_load_…` of the class, tied weights)
    is not in `info` any more. Beyond that, layers for multi-token prediction, cached tables and the
    towers of a multimodal checkpoint may be left unread.

    Args:
        config: of the loaded model.
        info: what `from_pretrained(..., output_loading_info=True)` gives beside the model.

    Returns:
        A line if tensors that a server may use stay unread, else nothing.

    Raises:
        CheckpointError: names the first tensors.
    """
    if missing := sorted(k for k in info["missing_keys"] if not _TABLES.search(k)):
        _refuse(path_name, "would be filled with random numbers: the weights lack", missing)
    if mismatched := sorted(str(entry[0]) for entry in info["mismatched_keys"]):
        _refuse(path_name, "have another shape than the config asks for:", mismatched)
    if unread := sorted(_unread(config, info["unexpected_keys"])):
        _refuse(path_name, "of the weights are of no use to the model of the config:", unread)
    unused = sorted(k for k in info["unexpected_keys"] if not _TABLES.search(k))
    if not unused:
        return ()
    return (
        f"not audited: {_counted(unused)} of the weights that transformers leaves out for this "
        f"model: {_shown(unused)}",
    )


def _unread(config: Any, unexpected: Iterable[str]) -> Iterable[str]:
    text = config.get_text_config()
    layers = getattr(text, "num_hidden_layers", None)
    ahead = getattr(text, "num_nextn_predict_layers", None) or 0
    towers = any(getattr(config, name, None) is not None for name in _TOWER_CONFIGS)
    for name in unexpected:
        match = _LAYER.search(name)
        if _TABLES.search(name) or (towers and _TOWER.search(name)):
            continue
        if match and isinstance(layers, int) and layers <= int(match[1]) < layers + ahead:
            continue
        yield name


def _refuse(path_name: str, what: str, names: list[str]) -> NoReturn:
    raise CheckpointError(
        f"{_counted(names)} {what} {_shown(names)}",
        where=path_name,
        remedy=_REMEDY,
    )


def _counted(names: list[str]) -> str:
    return f"{len(names)} tensor{'s' if len(names) > 1 else ''}"


def _shown(names: list[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(excerpt(name) for name in names[:_SHOWN]) + more
