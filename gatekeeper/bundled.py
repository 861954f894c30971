"""Where the shipped data is: policies, report templates, suites, the demo.

In a wheel it lies under `gatekeeper/_bundled`; in a checkout beside the package, where people edit
it (pyproject.toml maps the one onto the other).
"""

from __future__ import annotations

from pathlib import Path

from gatekeeper.errors import UsageError

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
