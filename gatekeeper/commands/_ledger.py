"""Counts the audits that an output directory has seen: whoever tries many must say so.

A line a finished audit in `audits.jsonl`, which `--overwrite` leaves where it is. An audit that is
made again with the same settings is the same audit. A line that cannot be read counts as an audit.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gatekeeper.errors import AuditError, excerpt
from gatekeeper.plain_files import open_plain
from gatekeeper.records.bundle_files import LEDGER
from gatekeeper.records.seed_rule import MOST_SEED
from gatekeeper.strict_json import strict_loads

if TYPE_CHECKING:
    from gatekeeper.records.evidence import Evidence

#: Bytes read of a ledger, some 30,000 audits: a larger one was not written by us.
_MOST = 8 << 20


def counted(out: Path, evidence: Evidence) -> Evidence:
    """The evidence, knowing how many audits of its checkpoint `out` has seen; and notes it there.

    Raises:
        AuditError: the ledger cannot be read or written.
    """
    mine = _entry(evidence)
    path = out / LEDGER
    try:
        lines = _lines(path)
        entries = [_entry_of(line) for line in lines if line.strip()]
        known = {entry["audit"]: entry for entry in entries if entry is not None}
        if mine["audit"] not in known:
            whole = not lines or lines[-1].endswith(b"\n")  # else its writer was cut off
            with path.open("a", encoding="utf-8") as file:
                file.write("\n" * (not whole) + json.dumps(mine, sort_keys=True) + "\n")
    except OSError as error:
        raise AuditError(
            f"the list of earlier audits cannot be read or written: {error.strerror}",
            where=excerpt(path),
            remedy="make it a file that can be written",
        ) from error
    known[mine["audit"]] = mine
    same = [entry for entry in known.values() if entry["checkpoint"] == mine["checkpoint"]]
    if evidence.times is None:
        return evidence
    seeds = tuple(dict.fromkeys(entry["seed"] for entry in same))
    audits = len(same) + entries.count(None)  # of whichever checkpoint a broken line was
    return replace(evidence, times=replace(evidence.times, audits=audits, seeds=seeds))


def _entry(evidence: Evidence) -> dict[str, Any]:
    from gatekeeper.evidence.wire_settings import settings_to_json

    parts = [evidence.checkpoint.digest, evidence.suite.digest, settings_to_json(evidence.settings)]
    return {
        "audit": hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest(),
        "checkpoint": evidence.checkpoint.digest,
        "suite": evidence.suite.digest,
        "seed": evidence.settings.seed,
    }


def _lines(path: Path) -> list[bytes]:
    """The lines of a ledger, each with its end; none where there is no ledger yet."""
    if not path.exists():
        return []
    with open_plain(path, excerpt(path), AuditError) as file:
        return file.read(_MOST).splitlines(keepends=True)


def _entry_of(line: bytes) -> dict[str, Any] | None:
    """The entry of a line; None of one that is none, which stays in the file."""
    try:
        entry = strict_loads(line)
    except ValueError:
        return None
    if not isinstance(entry, dict) or not {"audit", "checkpoint", "seed"} <= entry.keys():
        return None
    names = (entry["audit"], entry["checkpoint"])
    valid = type(entry["seed"]) is int and 0 <= entry["seed"] <= MOST_SEED
    return entry if valid and all(isinstance(name, str) for name in names) else None
