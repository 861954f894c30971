"""An evidence bundle: a directory with evidence.json, profile.npz, trials.jsonl.gz, run.json and
manifest.json. The seam between the GPU half and everything else.
"""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import rfc8785

from gatekeeper.errors import EvidenceError, UsageError, excerpt
from gatekeeper.evidence import manifest
from gatekeeper.evidence.coherent import check_coherent
from gatekeeper.evidence.members import member_bytes, member_sha256, open_member
from gatekeeper.evidence.merkle import TreeBuilder, commit
from gatekeeper.evidence.profile_io import profile_from_bytes, profile_to_bytes
from gatekeeper.evidence.trials_io import read_trials, trial_lines, trials_to_bytes
from gatekeeper.evidence.wire import (
    SCHEMA_ID,
    evidence_from_json,
    evidence_to_json,
    times_from_json,
    times_to_json,
)
from gatekeeper.outside import refuse_inside_checkpoint, resolved
from gatekeeper.records.bundle_files import (
    EVIDENCE,
    LISTED,
    MANIFEST,
    PROFILE,
    RUN,
    TRIALS,
)
from gatekeeper.records.evidence import Evidence
from gatekeeper.records.trials import Trials
from gatekeeper.strict_json import strict_loads
from gatekeeper.strict_schema import strict_validator

_SCHEMA = Path(__file__).with_name("evidence-v1.json")

#: Bytes that a file of a bundle may have; trials are read as a stream, and may have any number.
_MOST_BYTES = {EVIDENCE: 256 << 20, PROFILE: 2 << 30, RUN: 16 << 20, MANIFEST: 1 << 20}


def write_bytes(path: Path, data: bytes, *, private: bool = False) -> None:
    """Writes a file whole or not at all: a reader never sees half of it.

    Args:
        private: readable by its owner only, for files that hold completions or expert ids.

    Raises:
        UsageError: a directory, device or pipe is in its place; see `check_writable`.
        OSError: about `path`, never about the temporary file beside it.
    """
    check_writable(path)
    path = path.resolve()
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        handle = os.open(
            temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600 if private else 0o666
        )
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        error.filename, error.filename2 = str(path), None
        raise
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def check_writable(path: Path) -> None:
    """Refuses to replace what is no regular file, to write where no directory is, or into a
    checkpoint.

    Raises:
        UsageError: see above.
    """
    if path.exists() and not path.is_file():
        what = "is a directory" if path.is_dir() else "is not a regular file"
        raise UsageError(what, where=excerpt(path), remedy="give the name of a file to write")
    if not resolved(path).parent.is_dir():
        raise UsageError(
            "no such directory", where=excerpt(path.parent), remedy="make it, or give another"
        )
    refuse_inside_checkpoint(path)


def write_bundle(evidence: Evidence, folder: Path) -> Evidence:
    """Writes the bundle; manifest.json comes last, so that a bundle without it is unfinished.

    Returns:
        The evidence as it is read from there, with its digest.

    Raises:
        OSError: the folder cannot be written; nothing is left half-written.
        EvidenceError: the evidence does not fit its own schema (hostile strings in a config).
    """
    data = evidence_to_json(evidence)
    check_schema(data, EVIDENCE)
    if evidence.times is None or evidence.profile is None:
        raise EvidenceError("evidence without profile or times cannot be written", where=EVIDENCE)
    files = {
        EVIDENCE: rfc8785.dumps(data) + b"\n",
        PROFILE: profile_to_bytes(evidence.profile),
        TRIALS: trials_to_bytes(evidence.trials),
        RUN: rfc8785.dumps(times_to_json(evidence.times)) + b"\n",
    }
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        write_bytes(folder / name, content, private=True)
    secret = evidence.times.secret
    statement = manifest.manifest_bytes(
        files,
        tool_version=evidence.tool_version,
        checkpoint=evidence.checkpoint.digest,
        trials=None
        if secret is None
        else commit(bytes.fromhex(secret), trial_lines(evidence.trials)),
    )
    write_bytes(folder / MANIFEST, statement, private=True)
    # As it is read back, where 1.0 may be 1, with findings as they are measured again: what is made
    # from either is the same to the byte.
    return replace(
        evidence_from_json(
            strict_loads(files[EVIDENCE]), digest="sha256:" + manifest.sha256(files[EVIDENCE])
        ),
        findings=evidence.findings,
        trials=evidence.trials,
        profile=evidence.profile,
        times=times_from_json(times_to_json(evidence.times)),
    )


def read_bundle(folder: Path) -> Evidence:
    """Reads a bundle; every digest is checked before anything is believed.

    Raises:
        UsageError: there is nothing at that path: a slip of the keyboard, not altered evidence.
        EvidenceError: a file is missing, altered, of a newer schema or not evidence at all; or the
            files do not speak of the same prompts and masks.
    """
    files = _verified_files(folder)
    data = _json(files[EVIDENCE], folder / EVIDENCE)
    schema = data.get("schema") if isinstance(data, dict) else None
    if schema != SCHEMA_ID:
        raise EvidenceError(
            f"schema {excerpt(schema)!r}; this version reads {SCHEMA_ID!r}",
            where=str(folder / EVIDENCE),
            remedy="read it with the Gatekeeper version that wrote it, or a newer one",
        )
    check_schema(data, str(folder / EVIDENCE))
    evidence = evidence_from_json(data, digest="sha256:" + manifest.sha256(files[EVIDENCE]))
    if evidence.checkpoint.digest != data["checkpoint"]["digest"]:
        raise EvidenceError(
            "the checkpoint digest does not follow from its files", where=str(folder / EVIDENCE)
        )
    times = _json(files[RUN], folder / RUN)
    try:
        read_times = times_from_json(times)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise EvidenceError("not a run record", where=str(folder / RUN)) from error
    profile = profile_from_bytes(
        files[PROFILE],
        where=str(folder / PROFILE),
        sites=evidence.model.maskable_sites,
        prompts=len(evidence.suite.prompts),
    )
    tree = None if read_times.secret is None else TreeBuilder(bytes.fromhex(read_times.secret))
    trials = _trials(folder, evidence, data["trials"]["count"], tree)
    evidence = replace(evidence, trials=trials, profile=profile, times=read_times)
    check_coherent(evidence, data["trials"])
    manifest.check_statement(
        files[MANIFEST],
        tool_version=evidence.tool_version,
        checkpoint=evidence.checkpoint.digest,
        where=str(folder / MANIFEST),
        trials=None if tree is None else tree.commitment(),
    )
    return evidence


def _verified_files(folder: Path) -> dict[str, bytes]:
    """The content of each file but the trials, of which only the digest is checked."""
    remedy = "give the directory that holds evidence.json and manifest.json"
    if not folder.exists():
        raise UsageError("no such evidence directory", where=excerpt(folder), remedy=remedy)
    if not folder.is_dir():
        raise EvidenceError("is not a directory", where=excerpt(folder), remedy=remedy)
    statement = member_bytes(folder, MANIFEST, _MOST_BYTES[MANIFEST])
    where = str(folder / MANIFEST)
    expected = manifest.digests(statement, files=LISTED, where=where)
    files = {MANIFEST: statement}
    for name in LISTED:
        if name == TRIALS:
            digest = member_sha256(folder, name)
        else:
            files[name] = member_bytes(folder, name, _MOST_BYTES[name])
            digest = manifest.sha256(files[name])
        if digest != expected[name]:
            raise EvidenceError(
                "altered: its sha256 is not the one in manifest.json",
                where=str(folder / name),
                remedy="get the bundle again from where the audit wrote it",
            )
    return files


def _trials(folder: Path, evidence: Evidence, count: int, tree: TreeBuilder | None) -> Trials:
    """The trials, read as a stream: as many as evidence.json tells of, and can tell of."""
    most = min(count, len(evidence.masks) * len(evidence.suite.prompts))
    with open_member(folder, TRIALS) as file:
        seen = None if tree is None else tree.add
        return read_trials(file, where=str(folder / TRIALS), most=most, seen=seen)


def _json(content: bytes, path: Path) -> Any:
    try:
        return strict_loads(content)
    except ValueError as error:
        raise EvidenceError(f"not valid JSON ({excerpt(error)})", where=str(path)) from error


def check_schema(data: Any, where: str) -> None:
    """Holds the data of an evidence.json against its schema.

    Raises:
        EvidenceError: it does not fit.
    """
    from jsonschema.exceptions import best_match

    error = best_match(strict_validator(_SCHEMA, inline=True).iter_errors(data))
    if error is not None:
        raise EvidenceError(
            f"{error.json_path} does not fit the schema ({error.validator})", where=where
        )
