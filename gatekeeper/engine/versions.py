"""Versions of what the numbers of an audit hang on."""

from __future__ import annotations

import importlib.metadata
import platform

_VERSIONS_OF = ("torch", "transformers", "tokenizers", "safetensors", "numpy")


def versions() -> dict[str, str]:
    """Of what the numbers hang on, on this host."""
    found = {name: importlib.metadata.version(name) for name in _VERSIONS_OF}
    return {"python": platform.python_version(), **found}
