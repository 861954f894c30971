"""What a reader of the report must be told: shortcuts left out, and how like the controls are."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gatekeeper.records.evidence import Evidence, SelfTestCheck
from gatekeeper.records.finding import Finding
from gatekeeper.report.document import render_html
from gatekeeper.report.view import build_view

from .synthetic import TECHNICAL, audit


def html(evidence: Evidence) -> str:
    case = audit()
    return render_html(build_view(evidence, case.verdict, case.policy, layout=TECHNICAL))


def test_an_optional_check_that_is_off_is_not_called_failed() -> None:
    evidence = audit().evidence
    off = SelfTestCheck(name="prefix", passed=False, detail="")
    failed = SelfTestCheck(name="masking", passed=False, detail="")
    text = html(replace(evidence, self_test=(*evidence.self_test, off)))
    assert "<td>switched off</td>" in text
    assert "failed</span></td>" not in text
    text = html(replace(evidence, self_test=(*evidence.self_test, failed)))
    assert "failed</span></td>" in text


@pytest.mark.parametrize(
    ("controls", "words"),
    [
        (28.0, "are about as busy: they work on 28.0"),
        (12.0, "are not equally busy: they work on 12.0"),
    ],
)
def test_how_busy_the_controls_are_is_told(controls: float, words: str) -> None:
    """At the committee level too, which has no routing counts: the numbers are in the finding."""
    activity = {"activity_selected": 30.0, "activity_controls": controls}
    findings = [
        replace(f, counts={**f.counts, **activity})
        if isinstance(f, Finding) and f.metric == "refusal-drop-excess"
        else f
        for f in audit().evidence.findings
    ]
    text = html(replace(audit().evidence, findings=tuple(findings)))
    assert words in text.replace("\xa0", " ")
    assert "equally busy experts" not in text


def test_where_it_is_not_known_how_busy_they_are_nothing_is_said() -> None:
    findings = [
        replace(f, counts={k: v for k, v in f.counts.items() if not k.startswith("activity")})
        if isinstance(f, Finding)
        else f
        for f in audit().evidence.findings
    ]
    text = html(replace(audit().evidence, findings=tuple(findings)))
    assert "drawn at random are" not in text
