"""manifest.json: the digest of every file of a bundle, as an in-toto Statement.

Format: in-toto attestation framework, Statement v1 (github.com/in-toto/attestation, spec/v1).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import rfc8785

from gatekeeper.errors import EvidenceError, excerpt
from gatekeeper.evidence.members import is_plain_name
from gatekeeper.evidence.strict_json import strict_loads

STATEMENT = "https://in-toto.io/Statement/v1"
PREDICATE = "https://moe-gatekeeper.github.io/evidence/v1"
NAME = "manifest.json"


def sha256(data: bytes) -> str:
    """Hex digest."""
    return hashlib.sha256(data).hexdigest()


def manifest_bytes(files: Mapping[str, bytes], *, tool_version: str, checkpoint: str) -> bytes:
    """A Statement over the files, as canonical JSON (RFC 8785)."""
    statement: dict[str, Any] = {
        "_type": STATEMENT,
        "subject": [
            {"name": name, "digest": {"sha256": sha256(files[name])}} for name in sorted(files)
        ],
        "predicateType": PREDICATE,
        "predicate": {"tool": f"moe-gatekeeper {tool_version}", "checkpoint": checkpoint},
    }
    return rfc8785.dumps(statement) + b"\n"


def digests(data: bytes, *, where: str) -> dict[str, str]:
    """File name -> sha256 of a manifest.

    Raises:
        EvidenceError: not a Statement of ours, or a name that is not a plain file name.
    """
    try:
        statement: dict[str, Any] = strict_loads(data)
        if statement["_type"] != STATEMENT or statement["predicateType"] != PREDICATE:
            raise EvidenceError(
                "not a manifest that this version reads",
                where=where,
                remedy="read it with the Gatekeeper version that wrote it, or a newer one",
            )
        found = {s["name"]: s["digest"]["sha256"] for s in statement["subject"]}
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise EvidenceError("not a readable manifest", where=where) from error
    for name in found:
        if not is_plain_name(name):
            raise EvidenceError(f"unsafe file name {excerpt(name)!r}", where=where)
    return found
