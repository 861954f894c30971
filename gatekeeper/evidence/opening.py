"""One trial of a bundle with what proves that it is one of those that the manifest commits to."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gatekeeper.errors import EvidenceError, UsageError, excerpt
from gatekeeper.evidence.members import open_member
from gatekeeper.evidence.merkle import (
    Commitment,
    TreeBuilder,
    leaf_hash,
    path_to,
    root_from,
    salt_of,
)
from gatekeeper.evidence.trials_io import read_trials, trial_of_line
from gatekeeper.records.bundle_files import TRIALS
from gatekeeper.records.evidence import Evidence
from gatekeeper.records.trial import Trial
from gatekeeper.records.trials import cells
from gatekeeper.strict_json import strict_loads

SCHEMA = "gatekeeper/opening/v1"
_HASH = re.compile("[0-9a-f]{64}")
_KEYS = {"schema", "evidence", "root", "leaves", "index", "salt", "row", "path"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """A trial that was opened: `evidence` is the digest of the evidence that it says it is of."""

    evidence: str
    commitment: Commitment
    trial: Trial


def open_trial(folder: Path, evidence: Evidence, trial: str) -> bytes:
    """The file that opens a trial of a bundle, which was read.

    Args:
        trial: mask and prompt, as `MASK/PROMPT`.

    Raises:
        UsageError: there is no such trial, or the bundle has no secret: it is of an older version.
    """
    secret = None if evidence.times is None else evidence.times.secret
    if secret is None:
        raise UsageError(
            "written by an older version, without a commitment: its trials cannot be opened one "
            "by one",
            where=excerpt(folder),
            remedy="audit again, or hand over the whole bundle",
        )
    index, key = _place_of(evidence, trial), bytes.fromhex(secret)
    hashes, rows, tree = list[bytes](), list[bytes](), TreeBuilder(key)

    def seen(row: bytes) -> None:
        if len(hashes) == index:
            rows.append(row)
        hashes.append(leaf_hash(salt_of(key, len(hashes)), row))
        tree.add(row)

    with open_member(folder, TRIALS) as file:
        read_trials(file, where=str(folder / TRIALS), seen=seen)
    data = {
        "schema": SCHEMA,
        "evidence": evidence.digest,
        "root": tree.commitment().root,
        "leaves": len(hashes),
        "index": index,
        "salt": salt_of(key, index).hex(),
        "row": rows[0].decode("utf-8"),
        "path": [one.hex() for one in path_to(hashes, index)],
    }
    return json.dumps(data, indent=1).encode("ascii") + b"\n"


def _place_of(evidence: Evidence, trial: str) -> int:
    for place, (mask, prompt, _) in enumerate(cells(evidence.trials)):
        if f"{mask}/{prompt}" == trial:
            return place
    mask, _, prompt = trial.partition("/")
    names = {m.name for m in evidence.masks}
    what = "the prompt was not run under that mask" if mask in names else "no mask of that name"
    raise UsageError(
        f"no such trial, {excerpt(trial)!r}: {what}",
        where="--trial",
        remedy="give MASK/PROMPT, such as unmasked/"
        + excerpt(next((p.id for p in evidence.suite.prompts if p.measures), "ID")),
    )


def read_opening(data: bytes, where: str) -> Opening:
    """A trial from the file that opens it, which leads to the root that it names.

    Raises:
        EvidenceError: it does not, or is no such file.
    """
    try:
        told: Mapping[str, Any] = strict_loads(data)
        if told["schema"] != SCHEMA or told.keys() != _KEYS:
            raise EvidenceError("not an opening that this version reads", where=where)
        index, leaves = told["index"], told["leaves"]
        hashes = [told["root"], told["salt"], *told["path"]]
        row = told["row"].encode("utf-8")
        sound = (
            type(index) is int
            and type(leaves) is int
            and 0 <= index < leaves < 1 << 48
            and all(isinstance(one, str) and _HASH.fullmatch(one) for one in hashes)
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise EvidenceError("not a file that opens a trial", where=where) from error
    if not sound:
        raise EvidenceError("not a file that opens a trial", where=where)
    root, salt, *path = (bytes.fromhex(one) for one in hashes)
    if root_from(leaf_hash(salt, row), index, leaves, path) != root:
        raise EvidenceError(
            "altered: the trial is not among those that the root stands for",
            where=where,
            remedy="have it opened again by whoever holds the evidence",
        )
    commitment = Commitment(root=told["root"], leaves=leaves)
    trial = trial_of_line(row, where)
    return Opening(evidence=str(told["evidence"]), commitment=commitment, trial=trial)
