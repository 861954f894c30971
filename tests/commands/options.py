"""The options of an audit as the command line makes them."""

from __future__ import annotations

from pathlib import Path

from gatekeeper.commands.audit import COMMAND
from gatekeeper.records.audit_config import TypedOptions, typed_options


def options(suite: Path, *more: object) -> TypedOptions:
    """What `gatekeeper audit checkpoint --suite SUITE --out out …` is told."""
    words = ["checkpoint", "--suite", str(suite), "--out", "out", *map(str, more)]
    given = COMMAND.make_context("audit", words).params
    return typed_options(suite, given)
