"""YAML of other people's packages: read as strictly as a policy, refused in one line."""

from __future__ import annotations

from typing import Any

from gatekeeper.errors import UsageError, excerpt
from gatekeeper.strict_yaml import parse_yaml

#: Characters of one file: the largest there is has 125,000.
_LONGEST = 1 << 20


def yaml_mapping(text: str, where: str) -> dict[str, Any]:
    """The mapping that a YAML text holds.

    Raises:
        UsageError: it is no YAML of the strict subset, too long, or something else than a mapping.
    """
    if len(text) > _LONGEST:
        raise UsageError(
            f"is longer than {_LONGEST >> 20} Mi characters",
            where=excerpt(where),
            remedy="download it again",
        )
    try:
        value = parse_yaml(text, excerpt(where)).data
    except UsageError as error:
        # Its message repeats keys and tags.
        raise UsageError(
            "is no valid YAML, or has anchors, tags or a key twice",
            where=error.where,
            remedy="download it again",
        ) from None
    if not isinstance(value, dict):
        raise UsageError("holds no mapping", where=excerpt(where), remedy="download it again")
    return value
