"""Refuses code in a checkpoint: it is never run here, but others would run it."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gatekeeper.checkpoint.decoding_settings import GENERATION_CONFIG
from gatekeeper.checkpoint.json_files import CONFIG, read_json
from gatekeeper.checkpoint.nested_configs import parts
from gatekeeper.errors import CheckpointError, excerpt

#: Of a model type; the rest of a path is none.
_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")
#: Files beside config.json in which loaders look for code to run.
_MAPPED = (
    "tokenizer_config.json",
    "processor_config.json",
    "preprocessor_config.json",
    "video_preprocessor_config.json",
    "audio_tokenizer_config.json",
    GENERATION_CONFIG,
)
#: Settings that name it, at any depth.
_NAMING = ("auto_map", "custom_pipelines")


def refuse_remote_code(path: Path, config: Mapping[str, Any]) -> None:
    """Refuses a checkpoint that names code, which loaders that trust it would run instead.

    Raises:
        CheckpointError: with the remedy to remove it, where transformers has the model itself.
    """
    settings = {CONFIG: config}
    for name in _MAPPED:
        if (path / name).is_file():
            settings[name] = read_json(path / name)
    for name, entries in settings.items():
        for key in (key for part in parts(entries) for key in _NAMING if part.get(key)):
            native = _is_native(config.get("model_type"))
            hint = f"{excerpt(config['model_type'])} is transformers' own: " if native else ""
            raise CheckpointError(
                f"has {key}: Gatekeeper never runs code from a checkpoint, and loaders that "
                "trust remote code would run it in place of what is audited",
                where=excerpt(path / name),
                remedy=f"{hint}remove {key} (and the code), if the model is served without it"
                if native
                else "port the model to an architecture of transformers and save it again",
            )


def _is_native(model_type: object) -> bool:
    """Whether transformers, if it is installed, has a model of its own by this name.

    By its folders: importing them takes seconds, and `inspect` answers without.
    """
    spec = importlib.util.find_spec("transformers")
    if spec is None or spec.origin is None or not isinstance(model_type, str):
        return False
    name = model_type.removesuffix("_text")
    return bool(_NAME.fullmatch(name)) and (Path(spec.origin).parent / "models" / name).is_dir()
