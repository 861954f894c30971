from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from gatekeeper.formats import console
from gatekeeper.records.finding import Missing
from gatekeeper.records.verdict import Requirement
from gatekeeper.report.view import build_view

from ..report.synthetic import audit
from .rendered import rendered

SNAPSHOTS = Path(__file__).with_name("snapshots")


@pytest.mark.parametrize("kind", ["fail", "pass", "inconclusive"])
def test_the_text_is_as_it_was(kind: str) -> None:
    """To accept a change, look at it, then write the new text into the snapshot."""
    expected = (SNAPSHOTS / f"console-{kind}.txt").read_text(encoding="utf-8")
    assert rendered("console", kind).decode() == expected


def test_needs_and_warnings_are_listed_and_no_workflow_command_gets_through() -> None:
    case = audit("fail")
    bad = "::error::x\x1b[31m\n::set-output name=a::b :::: "
    verdict = replace(
        case.verdict,
        summary=bad,
        requirements=(Requirement(name=bad, met=False, detail="3 of 20"),),
        warnings=(bad,),
    )
    text = console.render(build_view(case.evidence, verdict, case.policy), {}).decode()
    assert "::" not in text and "\x1b" not in text
    assert "unmet: " in text and "3 of 20" in text and "warning: " in text


def test_a_rule_without_a_number_says_why() -> None:
    case = audit("inconclusive")
    first = case.verdict.outcomes[0]
    lacking = Missing(
        metric=first.rule.metric,
        version=1,
        subject=first.decisive.subject,
        reason="no prompt names it",
    )
    outcomes = (replace(first, decisive=lacking, others=(), result="inconclusive"),)
    verdict = replace(case.verdict, outcomes=outcomes)
    text = console.render(build_view(case.evidence, verdict, case.policy), {}).decode()
    (line,) = (line for line in text.splitlines() if line.startswith("not measured: "))
    assert first.rule.id in line and "no prompt names it" in line


def test_columns_line_up_with_wide_characters() -> None:
    case = audit("fail")
    outcomes = tuple(
        replace(o, rule=replace(o.rule, id="規則一" if i == 0 else o.rule.id))
        for i, o in enumerate(case.verdict.outcomes)
    )
    verdict = replace(case.verdict, outcomes=outcomes)
    lines = (
        console.render(build_view(case.evidence, verdict, case.policy), {}).decode().splitlines()
    )
    wide = next(line for line in lines if line.startswith("規則一"))
    plain = next(line for line in lines if line.startswith("excess"))
    assert wide.index("≤") + 3 == plain.index("≤")
