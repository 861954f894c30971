"""What can be plugged in: a file in a folder is an entry, found by listing, imported on demand.

There is no second place to register. A name is checked against the listing before anything is
imported, so a `model_type` from an untrusted config or a metric id from a policy cannot choose an
import.
"""

from __future__ import annotations

import ast
import importlib
from collections.abc import Collection
from functools import cache
from pathlib import Path
from typing import Any

from gatekeeper.errors import GatekeeperError, UsageError, did_you_mean, excerpt

_ROOT = Path(__file__).resolve().parent

#: kind -> (folder below the package, the one constant each file in it exposes)
KINDS = {
    "metric": ("metrics", "METRIC"),
    "judge": ("judges", "JUDGE"),
    "format": ("formats", "FORMAT"),
    "selector": ("analysis/selectors", "SELECTOR"),
    "architecture": ("engine/model/architectures", "ARCHITECTURE"),
    "importer": ("suites/importers", "IMPORTER"),
    "command": ("commands", "COMMAND"),
    "policy command": ("commands/policy_commands", "COMMAND"),
}


@cache
def names(kind: str) -> tuple[str, ...]:
    """All entries of a kind, sorted; file `refusal_drop.py` is entry `refusal-drop`."""
    folder, _ = KINDS[kind]
    files = (_ROOT / folder).glob("*.py")
    return tuple(sorted(f.stem.replace("_", "-") for f in files if not f.stem.startswith("_")))


def load(kind: str, name: str, *, where: str | None = None) -> Any:
    """The constant of entry `name` of a kind.

    Args:
        kind: a key of `KINDS`.
        name: the entry, as `names` lists it.
        where: place to blame in the error, for a name that came from a file.

    Raises:
        UsageError: no such entry; near misses are suggested.
        GatekeeperError: its file is broken, or lacks the constant.
    """
    known = names(kind)
    if name not in known:
        raise UsageError(
            f"unknown {kind} {excerpt(name)!r}", where=where, remedy=did_you_mean(name, known)
        )
    folder, constant = KINDS[kind]
    module = f"gatekeeper.{folder.replace('/', '.')}.{name.replace('-', '_')}"
    try:
        loaded = importlib.import_module(module)
    except (GatekeeperError, ModuleNotFoundError, OSError, MemoryError):
        raise  # of the machine: those who load tell what is missing
    except Exception as error:
        raise _broken(kind, name, f"fails ({type(error).__name__}: {excerpt(error)})") from error
    if not hasattr(loaded, constant):
        raise _broken(kind, name, f"has no {constant}")
    return getattr(loaded, constant)


def _broken(kind: str, name: str, why: str) -> GatekeeperError:
    file = f"gatekeeper/{KINDS[kind][0]}/{name.replace('-', '_')}.py"
    return GatekeeperError(
        f"the {kind}'s file {why}",
        where=file,
        remedy="mend it as CONTRIBUTING.md says, or remove it",
    )


def written(kind: str, name: str, wanted: Collection[str]) -> dict[str, Any]:
    """What the constant of an entry is made with, read from its file: for those who have no torch.

    Args:
        name: an entry of `names`.
        wanted: keywords of the call that makes the constant; those that stand there are returned.

    Raises:
        ValueError: the value of one is not written out (a name, a call, …).
        GatekeeperError: its file is broken, or lacks the constant.
    """
    folder, constant = KINDS[kind]
    text = (_ROOT / folder / f"{name.replace('-', '_')}.py").read_text(encoding="utf-8")
    try:
        body = ast.parse(text).body
    except SyntaxError as error:
        raise _broken(kind, name, f"fails (SyntaxError: {excerpt(error)})") from error
    assigned = [node for node in body if isinstance(node, ast.Assign)]
    made = [node.value for node in assigned if ast.unparse(node.targets[0]) == constant]
    if len(made) != 1:
        raise _broken(kind, name, f"has {'more than one' if made else 'no'} {constant}")
    (call,) = made
    keywords = call.keywords if isinstance(call, ast.Call) else []
    return {k.arg: ast.literal_eval(k.value) for k in keywords if k.arg and k.arg in wanted}
