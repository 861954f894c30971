"""Configs in configs: what holds at any depth is looked for at every depth."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any


def parts(config: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The config itself, then every object in it, however deep and also in lists."""
    left: list[Any] = [config]
    for part in left:  # grows as it goes: no recursion, whatever a file nests
        if isinstance(part, Mapping):
            yield part
            left += part.values()
        elif isinstance(part, list):
            left += part
