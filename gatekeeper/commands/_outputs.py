"""Keeps outputs.json, the statement of what was written beside the evidence, up to date."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path

from gatekeeper import catalog
from gatekeeper.errors import EvidenceError, excerpt
from gatekeeper.evidence.bundle import write_bytes
from gatekeeper.evidence.manifest import sha256
from gatekeeper.evidence.members import is_plain_name
from gatekeeper.evidence.outputs import MadeReport, Outputs, outputs_bytes, read_outputs
from gatekeeper.plain_files import read_plain
from gatekeeper.records.bundle_files import (
    BUNDLE,
    COMPARED,
    OUTPUTS,
    POLICY,
    VERDICT,
    WAIVERS,
    signature_name,
)
from gatekeeper.records.evidence import Evidence
from gatekeeper.report.tool import tool

#: Of a statement of outputs.
MOST_BYTES = 16_000_000


def report_names() -> frozenset[str]:
    """File names of all formats."""
    return frozenset(catalog.load("format", name).filename for name in catalog.names("format"))


def known_names() -> frozenset[str]:
    """Names under which this version writes files beside the evidence."""
    return report_names() | {VERDICT, POLICY, WAIVERS, COMPARED}


def belongs_to(folder: Path, bundle: Path) -> bool:
    """Whether a folder is where `verify` looks for outputs: the bundle's, or the one around it."""
    folder, bundle = folder.resolve(), bundle.resolve()
    return folder == bundle or (bundle.name == BUNDLE and folder == bundle.parent)


def record_outputs(
    folder: Path,
    bundle: Path,
    evidence: Evidence,
    files: Mapping[str, bytes],
    reports: Mapping[str, MadeReport] | None = None,
    gone: Collection[str] = (),
) -> None:
    """Enters files that were just written; what the statement says of others stays.

    Writes nothing where the folder is not one that holds the evidence: a statement without it would
    say nothing.

    Args:
        files: all that were written, by name; `reports`: how those of them were made that are one.
        gone: names of files that were removed.
    """
    if not belongs_to(folder, bundle):
        return
    before = _before(folder, evidence.digest)
    written = {name: sha256(data) for name, data in files.items() if is_plain_name(name)}
    made = reports or {}
    told = Outputs(
        evidence=evidence.digest,
        tool=tool(),
        files={n: d for n, d in {**before.files, **written}.items() if n not in gone},
        reports={
            **{name: one for name, one in before.reports.items() if name not in written},
            **{name: one for name, one in made.items() if name in written},
        },
        earlier=tuple(name for name in before.earlier if name not in written),
    )
    # What was signed before is not this.
    (folder / signature_name(OUTPUTS)).unlink(missing_ok=True)
    write_bytes(folder / OUTPUTS, outputs_bytes(told))


def _before(folder: Path, digest: str) -> Outputs:
    """The statement that lies there; where there is none of this evidence, what lies there."""
    path = folder / OUTPUTS
    try:
        data = read_plain(path, excerpt(path), EvidenceError, MOST_BYTES)
        outputs = read_outputs(data, where=excerpt(path))
        if outputs.evidence == digest:
            return outputs
    except (OSError, EvidenceError):
        pass  # none, or none that can be gone on with
    earlier = sorted(name for name in known_names() if (folder / name).exists())
    return Outputs(evidence=digest, tool=tool(), earlier=tuple(earlier))
