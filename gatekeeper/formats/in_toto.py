"""The verdict as an in-toto Statement about the checkpoint, to be signed and kept beside it.

The predicate is our own, described by `in-toto-verdict-v1.json` beside this file: the predicates
of others (SLSA's VSA, in-toto's test-result) know passed and failed, and have no word for a gate
that could not tell. No VSA is written, whatever the verdict.

Format: in-toto attestation framework, Statement v1 (github.com/in-toto/attestation, spec/v1).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import rfc8785

from gatekeeper.evidence.manifest import STATEMENT
from gatekeeper.records.bundle_files import EVIDENCE, VERDICT
from gatekeeper.records.plugins import Format
from gatekeeper.report.parts import ReportView
from gatekeeper.report.properties import digest_hex
from gatekeeper.report.text import clean

PREDICATE = "https://moe-gatekeeper.github.io/verdict/v1"


def render(view: object, attachments: Mapping[str, bytes]) -> bytes:
    """The Statement as canonical JSON (RFC 8785): what is signed is the same to the byte."""
    assert isinstance(view, ReportView)  # noqa: S101 - narrows the plugin interface
    statement: dict[str, Any] = {
        "_type": STATEMENT,
        "subject": [
            {"name": view.model.name, "digest": _sha256(view.verdict.checkpoint_digest)},
        ],
        "predicateType": PREDICATE,
        "predicate": _predicate(view, attachments),
    }
    return rfc8785.dumps(statement) + b"\n"


def _sha256(digest: str) -> dict[str, str]:
    return {"sha256": digest_hex(digest)}


def _predicate(view: ReportView, attachments: Mapping[str, bytes]) -> dict[str, Any]:
    verdict, policy = view.verdict, view.policy
    return {
        "result": verdict.result,
        "headline": verdict.headline,
        "summary": clean(verdict.summary, 800),
        "failOn": verdict.fail_on,
        "judgedOn": verdict.judged_on.isoformat(),
        "document": view.document.id,
        "tool": {"name": "moe-gatekeeper", "version": view.document.tool_version},
        "policy": {
            "id": policy.id,
            "version": policy.version,
            **({} if policy.tier is None else {"tier": policy.tier}),
            "digest": _sha256(policy.digest),
        },
        "basis": _basis(view, attachments),
        "rules": [
            {
                "id": row.id,
                "result": row.result,
                "severity": row.severity,
                "blocks": verdict.blocks(row.outcome),
            }
            for row in view.rules
        ],
        "needs": [{"name": clean(need.name, 120), "met": need.met} for need in view.requirements],
        "waived": list(view.headline.waivers),
        "departures": [
            {
                "name": clean(d.name, 80),
                "value": clean(d.value, 120),
                "default": clean(d.default, 80),
            }
            for d in verdict.departures
        ],
    }


def _basis(view: ReportView, attachments: Mapping[str, bytes]) -> list[dict[str, Any]]:
    """The files that the verdict rests on, and its own, as ResourceDescriptors."""
    verdict = view.verdict
    files = [{"name": EVIDENCE, "digest": _sha256(verdict.evidence_digest)}]
    if verdict.waivers_digest is not None:
        files.append({"name": "waivers", "digest": _sha256(verdict.waivers_digest)})
    if verdict.baseline is not None:
        files.append({"name": "baseline", "digest": _sha256(verdict.baseline)})
    if VERDICT in attachments:
        digest = hashlib.sha256(attachments[VERDICT]).hexdigest()
        files.append({"name": VERDICT, "digest": {"sha256": digest}})
    return files


FORMAT = Format(
    id="in-toto", title="in-toto Statement about the checkpoint, to be signed",
    filename="verdict.intoto.json", render=render,
)  # fmt: skip
