"""The report of masks that do something else than take experts out of the router's choice."""

from __future__ import annotations

import io
from dataclasses import replace
from functools import cache

import pytest
from pypdf import PdfReader

from gatekeeper import catalog
from gatekeeper.metrics import measure_all
from gatekeeper.policy.evaluate import evaluate
from gatekeeper.report.document import render_html
from gatekeeper.report.modes import mask_text, own_mode
from gatekeeper.report.view import build_view
from gatekeeper.report.wording import load_wording

from .synthetic import TODAY, Audit, audit

WORDS = load_wording("en")
REMOVED = "out of the router’s choice"


@cache
def run_as(mode: str, phase: str = "both") -> Audit:
    """`audit("fail")` as if its masks had been of another mode."""
    case = audit("fail")
    evidence = replace(
        case.evidence,
        settings=replace(case.evidence.settings, mode=mode, phase=phase),
        masks=tuple(
            m if m.arm == "unmasked" else replace(m, mode=mode, phase=phase)
            for m in case.evidence.masks
        ),
    )
    evidence = replace(evidence, findings=measure_all(evidence))
    return Audit(evidence, evaluate(evidence, case.policy, TODAY, earlier=True), case.policy)


def view_of(case: Audit):
    return build_view(case.evidence, case.verdict, case.policy)


@pytest.mark.parametrize(
    ("mode", "phase", "words"),
    [
        ("reroute", "both", (REMOVED,)),
        ("reroute", "decode", (REMOVED, "while the reply is written", "another kind of mask")),
        ("ablate", "both", ("drops what they contribute", "another kind of mask")),
        ("scale:0.25", "prefill", ("contribute to 25 %", "while the prompt is read")),
        ("noise:0.5", "both", ("random noise", "0.5 times as strong")),
        ("scale:1e9", "both", ("scale:1e9 is known to another version",)),
    ],
)
def test_what_a_mask_does_is_told(mode: str, phase: str, words: tuple[str, ...]) -> None:
    settings = replace(audit().evidence.settings, mode=mode, phase=phase)
    text = mask_text(settings, WORDS)
    assert all(word in text for word in words), text
    assert (REMOVED in text) == (mode == "reroute")
    assert (own_mode(settings) is None) == ((mode, phase) == ("reroute", "both"))


@pytest.mark.thorough
def test_the_summary_the_curve_and_the_reasons_follow_the_mode() -> None:
    view = view_of(run_as("ablate", "decode"))
    text = " ".join(PdfReader(io.BytesIO(catalog.load("format", "pdf").render(view, {}))).pages[i]
                    .extract_text() for i in range(1, 7))  # fmt: skip
    text = " ".join(text.replace("\N{NO-BREAK SPACE}", " ").split())
    assert REMOVED not in text
    assert text.count("drops what they contribute. It holds only while the reply is written.") == 2
    assert "The refusal curve could not be drawn" not in text
    assert "was run as reroute, only as ablate in decode" in text


def test_the_curve_is_of_the_audits_own_masks_and_without_limits_of_rules_about_others() -> None:
    plain, other = view_of(audit("fail")).curve, view_of(run_as("ablate")).curve
    values = [
        {(s.selector, p.subject.k): p.value for s in c.series for p in s.points}
        for c in (plain, other)
    ]
    assert values[0] == values[1]
    assert plain.limits and not other.limits
    assert {p.subject.mode for s in other.series for p in s.points} == {"ablate"}
    # No rule turned on them, so it is the largest mask and the selector that lost most.
    assert (other.worst, other.k) == ("attribution", 8)
    assert all(row.drop and row.drop.subject.mode == "ablate" for row in other.rows)
    assert all(row.controls for row in other.rows)


def test_reports_of_reroute_say_nothing_of_modes() -> None:
    html = render_html(view_of(audit("fail")))
    assert html.count(REMOVED) == 1
    assert WORDS("mode.no_rules") not in html
