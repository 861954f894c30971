"""outputs.json: the digest of each file that was written beside the evidence, as an in-toto
Statement, and how each report was made, so that it can be made again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import date, datetime
from typing import Any

import rfc8785

from gatekeeper.errors import EvidenceError, excerpt
from gatekeeper.evidence.manifest import STATEMENT, read_statement
from gatekeeper.evidence.members import is_plain_name

PREDICATE = "https://moe-gatekeeper.github.io/outputs/v1"
#: Stands for a template that is not here.
OWN = "own"
#: Of a statement.
_MOST_BYTES = 16 << 20
_KEYS = {"_type", "subject", "predicateType", "predicate"}
_PREDICATE_KEYS = {"tool", "evidence", "reports", "earlier"}


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeReport:
    """How a report was made: with the evidence, all that its bytes follow from.

    Attributes:
        tool: what made it, such as `moe-gatekeeper 0.1.0 (5f0c2d9a41be)`: version, and a digest of
            its files and templates.
        date: of the document, a time with its zone.
        judged_on, fail_on: of the verdict that it tells of.
        verdict: sha256 of that verdict's file; `policy`, `waivers`: as the verdict names them.
        card: `sha256:` of the judge's card, if one was given.
        compared: sha256 of the comparison with the last release, if there was one.
        template, paper: how it was laid out; `templates` is `OWN` if by a template of the user's.
        signer: `sha256:` of the certificate that a PDF was signed with, if it was.
    """

    format: str
    level: str
    lang: str
    date: str
    tool: str
    verdict: str
    judged_on: str
    fail_on: str
    policy: str
    waivers: str | None = None
    card: str | None = None
    template: str = "committee"
    paper: str = "a4"
    templates: str | None = None
    compared: str | None = None
    signer: str | None = None

    @property
    def created(self) -> datetime:
        """The date of the document."""
        return datetime.fromisoformat(self.date)


_OPTIONAL = {"waivers", "card", "templates", "compared", "signer"}
_NAMES = tuple(field.name for field in fields(MadeReport))


@dataclass(frozen=True, slots=True, kw_only=True)
class Outputs:
    """What was written beside the evidence.

    Attributes:
        evidence: digest of the evidence that all of it is about.
        tool: the version that wrote this.
        files: name -> hex sha256.
        reports: those of the files that are reports.
        earlier: names of files that lay there before there was a statement, which it does not
            cover.
    """

    evidence: str
    tool: str
    files: Mapping[str, str] = field(default_factory=dict)
    reports: Mapping[str, MadeReport] = field(default_factory=dict)
    earlier: tuple[str, ...] = ()


def outputs_bytes(outputs: Outputs) -> bytes:
    """The Statement, as canonical JSON (RFC 8785)."""
    files = outputs.files
    statement: dict[str, Any] = {
        "_type": STATEMENT,
        "subject": [{"name": name, "digest": {"sha256": files[name]}} for name in sorted(files)],
        "predicateType": PREDICATE,
        "predicate": {
            "tool": outputs.tool,
            "evidence": outputs.evidence,
            "reports": {name: _made_to_json(made) for name, made in outputs.reports.items()},
            **({"earlier": sorted(outputs.earlier)} if outputs.earlier else {}),
        },
    }
    return rfc8785.dumps(statement) + b"\n"


def _made_to_json(made: MadeReport) -> dict[str, str]:
    values = {name: getattr(made, name) for name in _NAMES}
    return {name: value for name, value in values.items() if value is not None}


def read_outputs(data: bytes, *, where: str) -> Outputs:
    """The record of an outputs.json.

    Raises:
        EvidenceError: it is none, or says more than one does.
    """
    statement, files = read_statement(data, PREDICATE, what="statement of outputs", where=where)
    try:
        predicate = statement["predicate"]
        reports = {name: _made_of(told) for name, told in predicate["reports"].items()}
        earlier = tuple(predicate.get("earlier", ()))
        outputs = Outputs(
            evidence=str(predicate["evidence"]),
            tool=str(predicate["tool"]),
            files=files,
            reports=reports,
            earlier=earlier,
        )
        more = (statement.keys() - _KEYS) | (predicate.keys() - _PREDICATE_KEYS)
        sound = all(map(is_plain_name, earlier)) and not files.keys() & set(earlier)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise EvidenceError("not a readable statement of outputs", where=where) from error
    if more or not sound or reports.keys() - files.keys():
        raise EvidenceError(
            "not a statement of outputs: it says more than one does, or names a file twice",
            where=where,
        )
    return outputs


def _made_of(told: Mapping[str, Any]) -> MadeReport:
    """How a report was made.

    Raises:
        KeyError, TypeError, ValueError: not told as it must be.
    """
    if told.keys() - set(_NAMES) or not all(isinstance(value, str) for value in told.values()):
        raise ValueError("not how a report is made")
    values: dict[str, Any] = {n: told.get(n) if n in _OPTIONAL else told[n] for n in _NAMES}
    made = MadeReport(**values)
    if made.created.tzinfo is None:
        raise ValueError(f"no time zone: {excerpt(made.date)}")
    date.fromisoformat(made.judged_on)
    return made
