"""YAML of other people's packages: parsed safely, refused in one line."""

from __future__ import annotations

from typing import Any

import yaml

from gatekeeper.errors import UsageError, excerpt

#: Deeper files are refused: the C loader recurses on its stack, past whose end the process dies.
_DEEPEST = 100
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def yaml_mapping(text: str, where: str) -> dict[Any, Any]:
    """The mapping that a YAML text holds.

    Raises:
        UsageError: it is no YAML, or something else than a mapping.
    """
    try:
        _refuse_deep(text)
        value = yaml.load(text, Loader=_LOADER)  # noqa: S506 - a safe loader, the C one if there is
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        place = f":{mark.line + 1}:{mark.column + 1}" if mark else ""
        # Its message quotes the text.
        raise UsageError(
            "is no valid YAML", where=f"{excerpt(where)}{place}", remedy="download it again"
        ) from None
    if not isinstance(value, dict):
        raise UsageError("holds no mapping", where=excerpt(where), remedy="download it again")
    return value


def _refuse_deep(text: str) -> None:
    depth = 0
    for event in yaml.parse(text, Loader=_LOADER):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > _DEEPEST:
            raise yaml.YAMLError
