"""Kernels that a config asks for: which ones run is ours to choose, and it is told.

A config written by hand may ask for attention that is compiled for minutes, or for hours on a
processor, or fetched from the hub. Servers choose their own whatever it says.
"""

from __future__ import annotations

from typing import Any

from gatekeeper.checkpoint.json_files import CONFIG
from gatekeeper.errors import excerpt

_CHOICES = ("_attn_implementation", "_experts_implementation")


def own_kernels(config: Any) -> tuple[str, ...]:
    """Takes from a config, as transformers read it, what it asks for; a line for each it did."""
    told = []
    for name in _CHOICES:
        asked = {n: getattr(part, name, None) for n, part in _parts(config).items()}
        if found := [value for value in asked.values() if value is not None]:
            setattr(config, name, None)  # of the configs in it too
            told.append(
                f"not applied: {name.removeprefix('_')} of {CONFIG} ({excerpt(repr(found[0]))}): "
                "transformers' default runs here"
            )
    return tuple(told)


def _parts(config: Any) -> dict[str, Any]:
    """The config, and each of transformers' own in it."""
    subs = {name: getattr(config, name, None) for name in config.sub_configs}
    return {"": config, **subs}
