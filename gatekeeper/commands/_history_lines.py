"""One audit of a history in one line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gatekeeper.errors import excerpt

if TYPE_CHECKING:  # numpy is behind it; --help has no use for it
    from gatekeeper.history.entry import Entry


def line_of(entry: Entry) -> str:
    """`3f2a9c01b2d4  2026-11-30  hardened  moe-release 2.0  passed  good`."""
    parts = [entry.short, str(entry.finished), excerpt(entry.model, 40)]
    parts += [excerpt(entry.policy, 60) or "no policy", entry.headline, entry.label]
    return "  ".join(part for part in parts if part)
