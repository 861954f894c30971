"""The verdict as OSCAL assessment results 1.2.1: rules of the policy count as control objectives.

| in the verdict | state, reason | risk |
|---|---|---|
| pass | satisfied, pass | none |
| passed by exception (the verdict as a whole) | satisfied, other | none |
| fail | not-satisfied, fail | open |
| inconclusive, need of the policy unmet | not-satisfied, other | open |
| waived | not-satisfied, other | deviation-approved, until the waiver's last day |

Every identifier is a UUID (version 5) of the digests that the document rests on.

Spec: pages.nist.gov/OSCAL-Reference/models/v1.2.1/assessment-results.
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import quote

from gatekeeper.records.bundle_files import EVIDENCE
from gatekeeper.records.plugins import Format
from gatekeeper.records.verdict import Requirement
from gatekeeper.report.parts import ReportView, RuleRow
from gatekeeper.report.properties import digest_hex, verdict_properties
from gatekeeper.report.text import clean

VERSION = "1.2.1"
_OURS = "https://moe-gatekeeper.github.io/oscal/v1"
#: Headline of a verdict, or result of a rule -> state and reason.
_STATES: Mapping[str, tuple[str, str]] = {
    "passed": ("satisfied", "pass"),
    "passed by exception": ("satisfied", "other"),
    "pass": ("satisfied", "pass"),
    "failed": ("not-satisfied", "fail"),
    "failed on warnings": ("not-satisfied", "fail"),
    "fail": ("not-satisfied", "fail"),
    "waived": ("not-satisfied", "other"),
    "inconclusive": ("not-satisfied", "other"),
}

#: OSCAL's texts are Markdown, in which HTML may stand.
_MARKUP = str.maketrans(
    {**{c: f"\\{c}" for c in "\\`*_[]"}, "&": "&amp;", "<": "&lt;", ">": "&gt;"}
)


def render(view: object, attachments: Mapping[str, bytes]) -> bytes:
    """The assessment results, with the policy, the evidence and the checkpoint as resources."""
    assert isinstance(view, ReportView)  # noqa: S101 - narrows the plugin interface
    document = {"assessment-results": _Writer(view).document()}
    return (json.dumps(document, ensure_ascii=False, indent=2, allow_nan=False) + "\n").encode()


def _text(value: str) -> str:
    """Foreign text as plain words of OSCAL's Markdown, which must not be empty."""
    return clean(value, 2000).translate(_MARKUP) or "–"


def _token(prefix: str, name: str) -> str:
    """A name as OSCAL's tokens have it: letters, digits, `.`, `-` and `_`, a letter first."""
    return f"{prefix}-" + re.sub(r"[^\w.-]", "_", clean(name, 80))


def _time(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _props(pairs: Iterable[tuple[str, str]]) -> list[dict[str, str]]:
    """Properties of our own namespace; OSCAL has none without a value."""
    return [{"name": name, "ns": _OURS, "value": value} for name, value in pairs if value]


@dataclass(frozen=True, slots=True)
class _Result:
    """The parts of one result, collected finding by finding."""

    controls: list[dict[str, str]] = field(default_factory=list)
    observations: list[dict[str, Any]] = field(default_factory=list)
    risks: list[dict[str, Any]] = field(default_factory=list)
    findings: list[dict[str, Any]] = field(default_factory=list)


class _Writer:
    """Writes one document; all of its identifiers come from the view's digests."""

    def __init__(self, view: ReportView) -> None:
        verdict = view.verdict
        self.view = view
        self.basis = "\n".join(
            (
                view.document.id,
                verdict.checkpoint_digest,
                verdict.evidence_digest,
                verdict.policy_digest,
                verdict.baseline or "",
            )
        )
        self.parts = _Result()

    def id(self, kind: str, name: str = "") -> str:
        """The UUID of a part."""
        return str(uuid.uuid5(uuid.NAMESPACE_URL, "\n".join((_OURS, self.basis, kind, name))))

    def document(self) -> dict[str, Any]:
        """All of it."""
        view = self.view
        return {
            "uuid": self.id("document"),
            "metadata": {
                "title": _text(view.document.title),
                "last-modified": _time(view.document.created),
                "version": view.document.id,
                "oscal-version": VERSION,
            },
            # What was to be assessed is what the policy says.
            "import-ap": {"href": f"#{self.id('resource', 'policy')}"},
            "results": [self.result()],
            "back-matter": {"resources": list(self.resources())},
        }

    def result(self) -> dict[str, Any]:
        """The one result: the verdict, then rules and needs."""
        view, parts = self.view, self.parts
        self.verdict()
        for row in view.rules:
            self.rule(row)
        for place, need in enumerate(view.requirements):
            self.need(place, need)
        times = view.provenance.times
        optional = {"observations": parts.observations, "risks": parts.risks}
        return {
            "uuid": self.id("result"),
            "title": _text(view.headline.line),
            "description": _text(view.verdict.summary),
            "start": _time(times.started if times else view.document.created),
            "end": _time(view.document.created),
            "props": _props(
                [*verdict_properties(view), ("tool_version", view.document.tool_version)]
            ),
            "links": [{"href": f"#{self.id('resource', 'checkpoint')}", "rel": "subject"}],
            "reviewed-controls": {"control-selections": [{"include-controls": parts.controls}]},
            **{name: values for name, values in optional.items() if values},
            "findings": parts.findings,
        }

    def verdict(self) -> None:
        """The verdict as a finding of its own: what the gate as a whole answers."""
        view = self.view
        state = _STATES[view.verdict.headline]
        self.finding("verdict", view.headline.word, view.verdict.summary, state)

    def rule(self, row: RuleRow) -> None:
        """A rule with what was measured for it, and the risk if it is not met."""
        target, words = _token("rule", row.id), self.view.words
        observed = self.id("observation", target)
        self.parts.observations.append(
            {
                "uuid": observed,
                "title": _text(row.title),
                "description": _text(f"{row.subject}: {row.measured}. {row.explanation}"),
                "methods": ["TEST"],
                "relevant-evidence": [
                    {
                        "href": f"#{self.id('resource', 'evidence')}",
                        "description": _text(words("cover.evidence_digest")),
                    }
                ],
                "collected": _time(self.view.document.created),
                "props": _props(
                    (("measured", row.measured), ("interval", row.interval), ("n", row.n))
                ),
            }
        )
        links: dict[str, Any] = {"related-observations": [{"observation-uuid": observed}]}
        if row.result != "pass":
            links["related-risks"] = [{"risk-uuid": self.risk(target, row)}]
        said = [("result", row.result), ("severity", row.severity), ("limit", row.limit)]
        props = _props([*said, *(("control", control) for control in row.controls)])
        title = f"{row.id}: {row.limit}"
        self.finding(target, title, row.explanation, _STATES[row.result], props=props, **links)

    def risk(self, target: str, row: RuleRow) -> str:
        """What is at stake in a rule that is not met; its UUID."""
        name, waiver = self.id("risk", target), row.outcome.waiver
        waived = row.result == "waived"
        risk: dict[str, Any] = {
            "uuid": name,
            "title": _text(row.id),
            "description": _text(row.rationale or row.title),
            "statement": _text(row.explanation),
            "status": "deviation-approved" if waived else "open",
        }
        if waived and waiver is not None:
            risk["deadline"] = f"{waiver.expires.isoformat()}T23:59:59Z"
        if row.remedy:
            risk["remediations"] = [
                {
                    "uuid": self.id("remedy", target),
                    "lifecycle": "recommendation",
                    "title": _text(row.id),
                    "description": _text(row.remedy),
                }
            ]
        self.parts.risks.append(risk)
        return name

    def need(self, place: int, need: Requirement) -> None:
        """A need of the policy: what had to be measured before any rule could pass."""
        target = _token(f"need-{place + 1}", need.name)
        state = _STATES["pass" if need.met else "inconclusive"]
        name, detail = clean(need.name, 120), clean(need.detail, 400)
        self.finding(target, name, f"{name}: {detail}", state)

    def finding(
        self, target: str, title: str, text: str, state: tuple[str, str], **more: Any
    ) -> None:
        """A finding about a target, which is then a control that was reviewed."""
        self.parts.controls.append({"control-id": target})
        self.parts.findings.append(
            {
                "uuid": self.id("finding", target),
                "title": _text(title),
                "description": _text(text),
                **more,
                "target": {
                    "type": "objective-id",
                    "target-id": target,
                    "status": {"state": state[0], "reason": state[1]},
                },
            }
        )

    def resources(self) -> Iterator[dict[str, Any]]:
        """What the document points at, with digests."""
        view, verdict = self.view, self.view.verdict
        policy = view.words("cover.policy_line", id=view.policy.id, version=view.policy.edition)
        files = {view.policy.file: digest_hex(verdict.policy_digest)}
        yield self.resource("policy", policy, verdict.policy_digest, files)
        files = {EVIDENCE: digest_hex(verdict.evidence_digest)}
        yield self.resource("evidence", EVIDENCE, verdict.evidence_digest, files)
        files = dict(view.provenance.files)
        yield self.resource("checkpoint", view.model.name, verdict.checkpoint_digest, files)

    def resource(
        self, name: str, title: str, digest: str, files: Mapping[str, str]
    ) -> dict[str, Any]:
        """What consists of these files, with their sha256, and has this digest as a whole."""
        links = [
            {"href": quote(file), "hashes": [{"algorithm": "SHA-256", "value": value}]}
            for file, value in files.items()
        ]
        return {
            "uuid": self.id("resource", name),
            "title": _text(title),
            "props": _props([("digest", digest)]),
            **({"rlinks": links} if links else {}),
        }


FORMAT = Format(
    id="oscal", title="OSCAL 1.2.1 assessment results",
    filename="assessment-results.json", render=render,
)  # fmt: skip
