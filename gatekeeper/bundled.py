"""Where the shipped data is: policies, report templates, suites, the demo.

In a wheel it lies under `gatekeeper/_bundled`; in a checkout beside the package, where people edit
it (pyproject.toml maps the one onto the other).
"""

from __future__ import annotations

import re
from pathlib import Path

from gatekeeper.errors import UsageError

_NAME = re.compile(r"[a-z0-9][a-z0-9-]*")
_PACKAGE = Path(__file__).resolve().parent


def bundled(name: str) -> Path:
    """The directory `name` of the shipped data.

    Raises:
        UsageError: the installation lacks it.
    """
    for base in (_PACKAGE / "_bundled", _PACKAGE.parent):
        if (base / name).is_dir():
            return base / name
    raise UsageError(
        f"this installation has no bundled {name}", remedy="reinstall moe-gatekeeper from a wheel"
    )


def shipped_policies() -> tuple[Path, ...]:
    """The shipped policies, without the tests beside them; by name."""
    files = sorted(bundled("policies").glob("*.yaml"))
    return tuple(path for path in files if not path.name.endswith(".test.yaml"))


def is_shipped_name(name: str) -> bool:
    """Whether it names a shipped policy, be there one or not, rather than a file."""
    return _NAME.fullmatch(name) is not None


def shipped_policy(name: str) -> Path | None:
    """The file of a shipped policy, by its name; None if there is none, or something lies there."""
    if not is_shipped_name(name) or Path(name).exists():
        return None
    return next((path for path in shipped_policies() if path.stem == name), None)
