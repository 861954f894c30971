"""What a report says of the last release."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gatekeeper.records.compared import (
    Compared,
    Difference,
    Number,
    PolicyPart,
    PolicyThen,
    RuleChange,
    SharedExperts,
)
from gatekeeper.report.disclosure import Disclosure
from gatekeeper.report.document import render_html
from gatekeeper.report.parts import DEFAULT_LAYOUT, ReportView
from gatekeeper.report.view import build_view
from gatekeeper.report.wording import languages, load_wording

from .synthetic import TECHNICAL, audit

WORDS = load_wording("en")


def number(value: float, half: float = 1.0) -> Number:
    return Number(
        value=value, low=value - half, high=value + half, confidence=0.95, unit="points", n=120
    )


def change(rule: str, by: Number | None, why: str = "") -> RuleChange:
    return RuleChange(
        rule=rule,
        then=number(3),
        now=number(4),
        then_result="pass",
        now_result="fail",
        change=by,
        paired=not why,
        why=why,
    )


def compared(relation: str = "looser") -> Compared:
    ids = [outcome.rule.id for outcome in audit().verdict.outcomes]
    changes = [change(id_, number(i + 2)) for i, id_ in enumerate(ids)]
    changes[-1] = change(ids[-1], None, "the baseline was audited with another judge")
    parts = (PolicyPart(kind="rule", name="r-1", relation="looser", change="at most 5 → 9"),)
    return Compared(
        evidence="sha256:" + "e" * 64,
        checkpoint="sha256:" + "c" * 64,
        model="last-model",
        finished="2026-05-04",
        headline="passed",
        judged_on="2026-05-05",
        rules=tuple(changes),
        differences=(Difference(name="dtype", then="float16", now="float32", bars=False),),
        shared=(SharedExperts(ranking="attribution", shared=3, size=8, by_chance=1.0),),
        policy=PolicyThen(
            id="old", version="1", digest="sha256:" + "d" * 64, relation=relation,
            parts=parts if relation != "same" else (),
        ),
    )  # fmt: skip


def view(told: Compared | None, layout=TECHNICAL, lang: str = "en", level=None) -> ReportView:
    case = audit()
    level = level or Disclosure.COMMITTEE
    return build_view(
        case.evidence, case.verdict, case.policy, level, lang, layout=layout, compared=told
    )


def test_the_worst_change_comes_first_and_what_does_not_compare_last() -> None:
    facts = view(compared()).compared
    assert facts is not None
    values = [row.change[0] for row in facts.rows]
    count = len(values)
    assert values[0] == f"+{WORDS.amount(count, 'points')}" and facts.rows[0].worse
    assert values[-1] == WORDS("number.none") and "another judge" in facts.rows[-1].how
    assert facts.worst == facts.rows[: len(facts.worst)] and len(facts.worst) <= count


def test_a_looser_policy_stands_on_page_two() -> None:
    for relation in ("looser", "incomparable"):
        told = view(compared(relation)).summary.certainty[-1]
        assert told == WORDS(f"compared.loosened.{relation}", names="r-1")
    assert "looser" not in " ".join(view(compared("same")).summary.certainty)


def test_without_a_baseline_that_is_said() -> None:
    assert view(None).summary.certainty[-1] == WORDS("compared.none_short")
    assert WORDS("compared.none") in render_html(view(None))
    html = render_html(view(None, layout=DEFAULT_LAYOUT))
    assert WORDS("compared.none") not in html


@pytest.mark.parametrize("lang", languages())
@pytest.mark.parametrize("layout", [TECHNICAL, DEFAULT_LAYOUT], ids=["technical", "committee"])
def test_it_is_laid_out_in_every_language(lang: str, layout) -> None:
    told = view(compared(), layout, lang)
    html = render_html(told)
    assert ("last-model" in html and told.words("compared.worst") in html) or layout is TECHNICAL
    assert told.words("compared.relation_means.looser") in html
    if layout is TECHNICAL:
        assert "float16" in html and "at most 5 → 9" in html


def test_the_public_is_not_told_how_many_experts_are_the_same() -> None:
    assert "3 of 8" in render_html(view(compared()))
    assert "3 of 8" not in render_html(view(compared(), level=Disclosure.PUBLIC))


def test_no_verdict_and_no_policy_are_said() -> None:
    told = replace(compared(), headline=None, judged_on=None, policy=None)
    html = render_html(view(told))
    assert WORDS("compared.policy_none") in html
    assert "No verdict lies beside its evidence" in html


def test_another_release_gives_another_document() -> None:
    ids = {view(told).document.id for told in (None, compared())}
    other = replace(compared(), evidence="sha256:" + "f" * 64)
    assert len(ids | {view(other).document.id}) == 3
