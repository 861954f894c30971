"""Drops a config's choice of kernels, and tells of it: transformers' default runs here.

A config written by hand may ask for attention that is compiled for minutes, or for hours on a
processor, or fetched from the hub. Servers choose their own whatever it says.
"""

from __future__ import annotations

from typing import Any

from gatekeeper.checkpoint.json_files import CONFIG
from gatekeeper.errors import excerpt

_CHOICES = ("_attn_implementation", "_experts_implementation")


def own_kernels(config: Any) -> tuple[str, ...]:
    """Removes choices of kernels from a config of transformers; a line for each that was there."""
    lines = []
    for name in _CHOICES:
        choices = {n: getattr(part, name, None) for n, part in _parts(config).items()}
        if values := [value for value in choices.values() if value is not None]:
            setattr(config, name, None)  # of the configs in it too
            lines.append(
                f"not applied: {name.removeprefix('_')} of {CONFIG} ({excerpt(repr(values[0]))}): "
                "transformers' default runs here"
            )
    return tuple(lines)


def _parts(config: Any) -> dict[str, Any]:
    """The config, and each config of transformers in it, by name."""
    subs = {name: getattr(config, name, None) for name in config.sub_configs}
    return {"": config, **subs}
