"""Masks beside the selected ones have their place in the report, at every level."""

from __future__ import annotations

import pytest

from gatekeeper.records.finding import Finding
from gatekeeper.report.disclosure import Disclosure
from gatekeeper.report.document import render_html
from gatekeeper.report.view import build_view
from tests.typed import only, some

from .beside import BESIDE, with_beside
from .synthetic import TECHNICAL, audit


@pytest.mark.parametrize("level", list(Disclosure))
def test_each_has_a_row_with_interval_and_n(level: Disclosure) -> None:
    case = with_beside()
    view = build_view(case.evidence, case.verdict, case.policy, level, layout=TECHNICAL)
    rows = some(view.curve).beside
    assert [(row.selector, row.k) for row in rows] == list(BESIDE)
    stored = {
        (f.subject.selector, f.subject.k): f
        for f in case.evidence.findings
        if f.metric == "refusal-drop" and f.subject.set == "regular"
    }
    html = render_html(view)
    for row in rows:
        assert row.drop == stored[row.selector, row.k]
        assert isinstance(row.broken, Finding)
        assert row.excess is None and row.controls is None
        drop = only(Finding, row.drop)
        told = f"{view.words.range(drop.interval)} · n\xa0=\xa0{drop.n}"
        assert told in html
    caption = "Other masks, to compare with (95\N{NO-BREAK SPACE}% intervals)"
    table = html.partition(caption)[2].partition("</table>")[0]
    assert table.count("<tr>") == 1 + len(BESIDE)
    assert "Controlling replies, by ses-contrast" in table
    assert "Each alone took refusing, not detection" in table


def test_they_are_no_series_and_change_no_headline() -> None:
    case, plain = with_beside(), audit("fail")
    one = some(build_view(case.evidence, case.verdict, case.policy).curve)
    other = some(build_view(plain.evidence, plain.verdict, plain.policy).curve)
    assert [s.selector for s in one.series] == [s.selector for s in other.series]
    assert (one.worst, one.k, one.rows) == (other.worst, other.k, other.rows)
    assert other.beside == ()


def test_without_them_there_is_no_table() -> None:
    case = audit("fail")
    assert "Other masks" not in render_html(
        build_view(case.evidence, case.verdict, case.policy, layout=TECHNICAL)
    )
