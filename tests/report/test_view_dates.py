"""Waivers, dates and what comes from outside, in the view."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest

from gatekeeper.policy.evaluate import evaluate
from gatekeeper.report.disclosure import Disclosure
from gatekeeper.report.document import render_html
from gatekeeper.report.view import build_view
from tests.typed import some

from .synthetic import TODAY, Audit, audit
from .synthetic_policy import synthetic_policy
from .test_view import _view, replace_verdict


@pytest.mark.parametrize(
    ("changes", "phrase"),
    [
        ({}, "Not needed: the rule passed"),
        ({"expires": date(2026, 1, 1)}, "Expired: it has no effect"),
        ({"checkpoint": "sha256:" + "0" * 64}, "for another checkpoint"),
    ],
)
def test_a_waiver_that_does_not_count_says_why(changes: dict[str, Any], phrase: str) -> None:
    case = audit("fail")
    base = synthetic_policy(waived=True, checkpoint=case.evidence.checkpoint.digest)
    policy = replace(base, waivers=(replace(base.waivers[0], **changes),))
    verdict = evaluate(case.evidence, policy, TODAY, earlier=True)
    row = next(r for r in build_view(case.evidence, verdict, policy).rules if r.waivers)
    assert phrase in row.waivers[0].text and not row.waivers[0].applied


def test_the_document_is_dated_by_the_evidence_not_by_the_clock() -> None:
    case = audit("fail")
    assert _view(case).document.created == some(case.evidence.times).finished
    given = datetime(2020, 1, 2, tzinfo=UTC)
    assert _view(case, created=given).document.created == given
    timeless = Audit(replace(case.evidence, times=None), case.verdict, case.policy)
    assert _view(timeless).document.created == datetime(2026, 11, 23, tzinfo=UTC)


def test_the_document_id_follows_from_what_it_rests_on() -> None:
    case = audit("fail")
    ids = {_view(case, level=level).document.id for level in Disclosure}
    assert len(ids) == 3
    assert _view(case).document.id in ids
    other = replace(case.verdict, evidence_digest="sha256:" + "f" * 64)
    assert _view(replace_verdict(case, other)).document.id not in ids


def test_control_and_bidi_characters_end_in_the_view() -> None:
    case = audit("fail")
    bad = "model\N{RIGHT-TO-LEFT OVERRIDE}\x1b[31m\n\x00 name"
    evidence = replace(case.evidence, checkpoint=replace(case.evidence.checkpoint, source=bad))
    view = build_view(evidence, case.verdict, case.policy)
    assert view.model.name == "model��[31m � name"
    assert "\N{RIGHT-TO-LEFT OVERRIDE}" not in render_html(view)
