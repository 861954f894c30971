"""What a reader who knows none of the terms must find explained."""

from __future__ import annotations

import re
from dataclasses import replace

from gatekeeper.formats import console, markdown
from gatekeeper.report.document import render_html
from gatekeeper.report.parts import ReportView
from gatekeeper.report.view import build_view
from gatekeeper.report.wording import load_wording

from .synthetic import TECHNICAL, Audit, audit


def _view(case: Audit) -> ReportView:
    return build_view(case.evidence, case.verdict, case.policy, layout=TECHNICAL)


def test_selectors_are_explained_with_what_they_presume() -> None:
    case = audit("fail")
    first, second, third = case.evidence.selections
    selections = (replace(first, notes=("One.", "Two.")), replace(second, notes=()), third)
    evidence = replace(case.evidence, selections=selections)
    html = render_html(_view(Audit(evidence, case.verdict, case.policy)))
    note = load_wording("en")("selector_note.attribution")
    assert f"<strong>attribution</strong>: {note} One. Two.</li>" in html
    assert re.search(r"<strong>ses-frequency</strong>: [^<]+ Synthetic premise", html)
    assert "N_e" not in html
    named = (replace(first, notes=("S and N_e are options.",)), second, third)
    html = render_html(
        _view(Audit(replace(case.evidence, selections=named), case.verdict, case.policy))
    )
    assert "N_e the number of top-ranked experts" in html


def test_warnings_say_what_was_measured_and_the_pdf_tells_those_that_are_no_rule() -> None:
    case = audit("fail")
    rule = case.verdict.outcomes[0]
    verdict = replace(case.verdict, warnings=(rule.rule.id, "the policy is old"))
    view = _view(Audit(case.evidence, verdict, case.policy))
    for text in (console.render(view, {}), markdown.render(view, {})):
        assert str(rule.explanation[:40]).encode() in text
    assert view.warnings == (f"{rule.rule.id}: {rule.explanation}", "the policy is old")
    html = render_html(view)
    assert "<li>the policy is old</li>" in html
    assert f"<li>{rule.rule.id}: {rule.explanation[:20]}" not in html


def test_a_passing_rule_does_not_claim_to_block() -> None:
    html = render_html(_view(audit("pass")))
    assert "blocks the release</span>" not in html
    assert '<span class="sub">blocking rule</span>' in html


def test_the_verdict_is_verified_on_the_output_directory() -> None:
    html = render_html(_view(audit("fail")))
    assert "gatekeeper verify OUT</pre>" in html
    assert "verdict.json, policy.yaml and evidence/" in html
    assert "gatekeeper report OUT/evidence --policy OUT/policy.yaml" in html


def test_more_replies_judged_than_computed_is_explained() -> None:
    assert "share one reply to a prompt" in render_html(_view(audit("fail")))


def test_one_name_for_the_set_of_harmless_requests_that_sound_dangerous() -> None:
    html = render_html(_view(audit("pass")))
    assert "over-refusal" in html
    assert "over_refusal" not in html and "safe but scary" not in html
