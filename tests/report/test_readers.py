"""What readers of the committee's document stumbled over."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import pairwise

import pytest

from gatekeeper.records.finding import Finding
from gatekeeper.records.verdict import Verdict
from gatekeeper.report import svg
from gatekeeper.report.curve_parts import Curve
from gatekeeper.report.document import render_html
from gatekeeper.report.parts import Layout
from gatekeeper.report.unbroken import unbroken
from gatekeeper.report.view import build_view
from gatekeeper.report.wording import languages, load_wording
from tests.typed import only, some

from .beside import with_beside
from .synthetic import Audit, audit


def _html(case: Audit, lang: str = "en", template: str = "committee") -> str:
    layout = Layout(template=template)
    view = build_view(case.evidence, case.verdict, case.policy, lang=lang, layout=layout)
    return render_html(view).replace("\N{NO-BREAK SPACE}", " ")


def _text(markup: str) -> str:
    return " ".join(re.sub(r"<[^<>]*>", " ", markup).split())


def _many(count: int) -> Audit:
    """An audit of which so many rules failed."""
    case = audit("fail")
    first = case.verdict.outcomes[0]
    outcomes = tuple(
        replace(first, rule=replace(first.rule, id=f"rule-{i}", remedy=f"Remedy {i}."))
        for i in range(count)
    )
    return Audit(case.evidence, replace(case.verdict, outcomes=outcomes), case.policy)


@pytest.mark.parametrize("lang", languages())
def test_each_finding_has_its_remedy_and_lines_for_owner_and_day(lang: str) -> None:
    words = load_wording(lang)
    page = _html(_many(9), lang).split('<section class="findings">')[1].split("</section>")[0]
    for i in range(9):
        assert page.count(f"Remedy {i}.") == 1, i
        assert f"F-{i + 1}" in page
    assert page.count("____") >= 2 * 4
    table = page.split("more-findings")[1].split("</table>")[0]
    assert words("findings.owner") in table and words("findings.due") in table
    assert table.count("<tr>") == 1 + 5
    assert table.count("<td></td>") == 2 * 5


def test_the_summary_sends_to_the_chapter_that_has_the_remedies() -> None:
    assert "see “Findings”" in _text(_html(_many(9)))


@pytest.mark.parametrize("template", ["committee", "one-page"])
def test_where_there_is_nothing_to_approve_nobody_is_asked_to(template: str) -> None:
    failed, passed = (_text(_html(audit(kind), "en", template)) for kind in ("fail", "pass"))
    assert "Acknowledged or rejected" in failed and "neither releases the checkpoint" in failed
    assert "Sign-off" not in failed and "What an approval would hold for" not in failed
    assert "Sign-off" in passed and "What an approval would hold for" in passed
    assert "Acknowledged" not in passed


@pytest.mark.parametrize("kind", ["fail", "pass"])
def test_conditions_and_sign_off_are_one_block(kind: str) -> None:
    page = _html(audit(kind))
    block = page.split('<div class="approval">')[1].split("</section>")[0]
    assert "Committee chair" in block
    assert ("at the latest" in block) == (kind == "pass")


def _certainty(case: Audit, verdict: Verdict | None = None) -> str:
    view = build_view(case.evidence, verdict or case.verdict, case.policy)
    return " ".join(view.summary.certainty).replace("\N{NO-BREAK SPACE}", " ")


def test_masks_of_busy_experts_and_few_experts_are_reconciled() -> None:
    case = with_beside()
    told = _certainty(case)
    curve = some(build_view(case.evidence, case.verdict, case.policy).curve)
    rows = {row.k: only(Finding, row.drop) for row in curve.beside if row.selector == "benign-top"}
    words = load_wording("en")
    worst = max(rows.values(), key=lambda drop: drop.value)
    assert words.estimate(worst).replace("\N{NO-BREAK SPACE}", " ") in told
    assert "Both are true: refusing hangs on few experts" in told
    passed = tuple(replace(o, result="pass") for o in case.verdict.outcomes)
    told = _certainty(case, replace(case.verdict, result="pass", outcomes=passed))
    assert "Both are true" not in told and "not shown to come from these experts" in told


def test_the_mask_spoken_of_is_told_to_be_the_one_that_lost_most() -> None:
    case = audit("fail")
    view = build_view(case.evidence, case.verdict, case.policy)
    outcome = case.verdict.outcomes[0]
    assert outcome.others, "a rule about several masks"
    assert some(view.curve).rule == outcome.rule.id
    assert f"rule {outcome.rule.id} asks about, this one lost most" in " ".join(
        view.summary.meaning
    )
    page = _text(_html(case))
    assert f"worst of {1 + len(outcome.others)}: {view.rules[0].subject}" in page
    single = replace(case.verdict, outcomes=(replace(outcome, others=()),))
    view = build_view(case.evidence, single, case.policy)
    assert some(view.curve).rule == "" and "lost most" not in " ".join(view.summary.meaning)


def test_names_are_kept_on_one_line_and_text_is_escaped() -> None:
    whole = unbroken(["few-experts", "few-experts-jailbreak", "plain", "x" * 40 + "-y"])
    assert whole("few-experts-jailbreak & few-experts") == (
        '<span class="name">few-experts-jailbreak</span> &amp; '
        '<span class="name">few-experts</span>'
    )
    assert whole("no-few-experts <b>plain</b>") == "no-few-experts &lt;b&gt;plain&lt;/b&gt;"
    assert "<span" not in whole("x" * 40 + "-y")
    assert unbroken([])("<a-b>") == "&lt;a-b&gt;"


def _curve(kind: str) -> Curve:
    case = audit(kind)
    return some(build_view(case.evidence, case.verdict, case.policy).curve)


def test_the_axis_begins_high_only_where_nothing_lies_below_and_the_note_says_so() -> None:
    failed, passed = _curve("fail"), _curve("pass")
    assert failed.floor == 0
    assert 0 < passed.floor < min(step.level for step in passed.limits)
    low = f"The axis begins at {passed.floor} %"
    assert low in _text(_html(audit("pass"))) and "The axis begins" not in _text(
        _html(audit("fail"))
    )
    lowest = replace(passed.limits[0], level=passed.floor - 11.0)
    assert replace(passed, limits=(lowest,)).floor < passed.floor


def test_a_label_stands_at_its_line_where_others_leave_room() -> None:
    wanted = [10.0, 11.0, 12.0, 13.0, 140.0]
    placed = svg.spread(wanted, [15.0, 27.0, 15.0, 15.0, 27.0], 6, 240)
    assert placed[-1] == 140.0
    gaps = [b - a for a, b in pairwise(placed)]
    assert all(gap >= need for gap, need in zip(gaps, (21, 21, 15, 21), strict=True))


@pytest.mark.parametrize("lang", languages())
def test_the_chart_of_categories_has_a_scale(lang: str) -> None:
    words = load_wording(lang)
    page = _html(audit("fail"), lang)
    head = page.split(words("breakdown.category_table"))[1].split("</thead>")[0]
    for percent in (0, 50, 100):
        assert f">{words.limit(percent, '%')}<".replace("\N{NO-BREAK SPACE}", " ") in head


def test_the_short_glossary_has_what_the_pages_before_it_say() -> None:
    glossary = _text(_html(audit("fail")).split('<section class="glossary">')[1])
    for term in (
        "Jailbreak",
        "Benign",
        "Selector",
        "Guard model",
        "Points",
        "Cut off",
        "Undecided",
    ):
        assert f" {term} " in glossary, term
