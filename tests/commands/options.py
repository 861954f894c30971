"""The options of an audit as the command line makes them."""

from __future__ import annotations

from pathlib import Path

from gatekeeper.commands.audit import COMMAND
from gatekeeper.records.audit_options import AuditOptions


def options(suite: Path, *more: object) -> AuditOptions:
    """What `gatekeeper audit checkpoint --suite SUITE --out out …` is told."""
    words = ["checkpoint", "--suite", str(suite), "--out", "out", *map(str, more)]
    given = COMMAND.make_context("audit", words).params
    names = AuditOptions.__dataclass_fields__.keys() & given.keys()
    return AuditOptions(**{name: given[name] for name in names})
