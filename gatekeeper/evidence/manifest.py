"""manifest.json: the digest of every file of a bundle, as an in-toto Statement.

Format: in-toto attestation framework, Statement v1 (github.com/in-toto/attestation, spec/v1).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Mapping
from typing import Any

import rfc8785

from gatekeeper.errors import EvidenceError, excerpt
from gatekeeper.evidence.members import is_plain_name
from gatekeeper.evidence.merkle import Commitment
from gatekeeper.strict_json import strict_loads

STATEMENT = "https://in-toto.io/Statement/v1"
PREDICATE = "https://moe-gatekeeper.github.io/evidence/v1"

_SHA256 = re.compile("[0-9a-f]{64}")


def sha256(data: bytes) -> str:
    """Hex digest."""
    return hashlib.sha256(data).hexdigest()


def manifest_bytes(
    files: Mapping[str, bytes],
    *,
    tool_version: str,
    checkpoint: str,
    trials: Commitment | None = None,
) -> bytes:
    """A Statement over the files, as canonical JSON (RFC 8785); a signature is over these bytes.

    Args:
        trials: the commitment to the single trials, if the bundle has a secret for it.
    """
    hashes = {name: sha256(data) for name, data in files.items()}
    return rfc8785.dumps(_statement(hashes, tool_version, checkpoint, trials)) + b"\n"


def _statement(
    files: Mapping[str, str], tool_version: str, checkpoint: str, trials: Commitment | None
) -> dict[str, Any]:
    return {
        "_type": STATEMENT,
        "subject": [{"name": name, "digest": {"sha256": files[name]}} for name in sorted(files)],
        "predicateType": PREDICATE,
        "predicate": {
            "tool": f"moe-gatekeeper {tool_version}",
            "checkpoint": checkpoint,
            **(
                {}
                if trials is None
                else {"trials": {"merkle_root": trials.root, "leaves": trials.leaves}}
            ),
        },
    }


def commitment_of(data: bytes, *, where: str) -> Commitment | None:
    """The commitment to the trials that a manifest makes, which `digests` has read.

    Raises:
        EvidenceError: it is none.
    """
    predicate = strict_loads(data)["predicate"]
    told = predicate.get("trials") if isinstance(predicate, dict) else None
    if told is None:
        return None
    root, leaves = (
        (told.get("merkle_root"), told.get("leaves")) if isinstance(told, dict) else ("", 0)
    )
    if (
        not isinstance(root, str)
        or not _SHA256.fullmatch(root)
        or not isinstance(leaves, int)
        or leaves < 0
    ):
        raise EvidenceError("no readable commitment to the trials", where=where)
    return Commitment(root=root, leaves=leaves)


def read_statement(
    data: bytes, predicate: str, *, what: str, where: str
) -> tuple[dict[str, Any], dict[str, str]]:
    """A Statement of ours, and the file name -> sha256 of what it is about.

    Args:
        predicate: the type that it must be of.
        what: in messages.

    Raises:
        EvidenceError: it is none, names a file twice or what is no plain file name, or gives
            another digest than a SHA-256.
    """
    try:
        statement: dict[str, Any] = strict_loads(data)
        if statement["_type"] != STATEMENT or statement["predicateType"] != predicate:
            raise EvidenceError(
                f"not a {what} that this version reads",
                where=where,
                remedy="read it with the Gatekeeper version that wrote it, or a newer one",
            )
        subjects = [(s["name"], s["digest"]["sha256"]) for s in statement["subject"]]
        hashes = dict(subjects)
    except (ValueError, KeyError, TypeError) as error:
        raise EvidenceError(f"not a readable {what}", where=where) from error
    for name, digest in subjects:
        if not is_plain_name(name):
            raise EvidenceError(
                f"the {what} has the unsafe file name {excerpt(name)!r}", where=where
            )
        if not isinstance(digest, str) or not _SHA256.fullmatch(digest):
            raise EvidenceError(f"the {what} gives no sha256 of {excerpt(name)}", where=where)
    if len(hashes) < len(subjects):
        raise EvidenceError(f"the {what} names a file twice", where=where)
    return statement, hashes


def digests(data: bytes, *, files: Collection[str], where: str) -> dict[str, str]:
    """File name -> sha256 of a manifest.

    Args:
        files: those of a bundle, each of which it must name once, and no other.

    Raises:
        EvidenceError: not a Statement of ours, a name that is not a plain file name or of no file
            of a bundle, or another digest than a SHA-256.
    """
    _, hashes = read_statement(data, PREDICATE, what="manifest", where=where)
    if missing := sorted(set(files) - hashes.keys()):
        raise EvidenceError(f"the manifest does not name {', '.join(missing)}", where=where)
    if extra := sorted(hashes.keys() - set(files)):
        raise EvidenceError(f"names a file that no bundle has, {excerpt(extra[0])}", where=where)
    return hashes


def check_statement(
    data: bytes,
    *,
    tool_version: str,
    checkpoint: str,
    where: str,
    trials: Commitment | None = None,
) -> None:
    """Holds all that a manifest repeats against evidence.json; `digests` has read it.

    Raises:
        EvidenceError: it says anything else, or more, than a manifest of this evidence would.
    """
    statement: dict[str, Any] = strict_loads(data)
    files = {subject["name"]: subject["digest"]["sha256"] for subject in statement["subject"]}
    wanted = _statement(files, tool_version, checkpoint, trials)
    statement["subject"].sort(key=lambda subject: str(subject["name"]))
    if statement != wanted:
        raise EvidenceError(
            "the manifest is not one of this evidence: it names another tool or checkpoint than "
            "evidence.json, commits to other trials, or says more",
            where=where,
            remedy="do not trust this bundle; get it again from where the audit wrote it",
        )
