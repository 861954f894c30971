"""Reports rendered once per test run: a PDF takes seconds."""

from __future__ import annotations

import json
from functools import cache

from gatekeeper import catalog
from gatekeeper.policy.wire import verdict_to_json
from gatekeeper.report.disclosure import Disclosure
from gatekeeper.report.parts import ReportView
from gatekeeper.report.view import build_view

from ..report.synthetic import audit

EVIDENCE = b'{"synthetic": "evidence"}'
MANIFEST = b'{"synthetic": "manifest"}'


def attachments(kind: str) -> dict[str, bytes]:
    verdict = json.dumps(verdict_to_json(audit(kind).verdict)).encode()
    return {"evidence.json": EVIDENCE, "manifest.json": MANIFEST, "verdict.json": verdict}


@cache
def view(kind: str, level: Disclosure = Disclosure.COMMITTEE, lang: str = "en") -> ReportView:
    case = audit(kind)
    return build_view(case.evidence, case.verdict, case.policy, level, lang)


@cache
def rendered(
    name: str, kind: str, level: Disclosure = Disclosure.COMMITTEE, lang: str = "en"
) -> bytes:
    return catalog.load("format", name).render(view(kind, level, lang), attachments(kind))
