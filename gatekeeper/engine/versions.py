"""Lists the versions of the software that an audit's numbers depend on."""

from __future__ import annotations

import importlib.metadata
import platform

_VERSIONS_OF = ("torch", "transformers", "tokenizers", "safetensors", "numpy")


def versions() -> dict[str, str]:
    """Versions of Python and of the packages that numbers depend on, on this host."""
    packages = {name: importlib.metadata.version(name) for name in _VERSIONS_OF}
    return {"python": platform.python_version(), **packages}
