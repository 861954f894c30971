"""Goes through a config and all configs nested in it, at any depth."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any


def parts(config: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The config itself, then every object in it, however deep and also in lists."""
    waiting: list[Any] = [config]
    for part in waiting:  # grows as it goes: no recursion, whatever a file nests
        if isinstance(part, Mapping):
            yield part
            waiting += part.values()
        elif isinstance(part, list):
            waiting += part
