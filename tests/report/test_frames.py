"""The regulatory annex: what an audit is evidence toward, and what it leaves open."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from gatekeeper.bundled import shipped_policies
from gatekeeper.policy.load import load_policy
from gatekeeper.report.document import render_html
from gatekeeper.report.frames import FrameRows, build_frames, frames, status_of
from gatekeeper.report.parts import Layout
from gatekeeper.report.view import build_view
from gatekeeper.report.wording import languages, load_wording

from .synthetic import TECHNICAL, audit

WORDS = load_wording("en")


@pytest.mark.parametrize(
    ("results", "asks_more", "status"),
    [
        ([], False, "not_covered"),
        ([], True, "not_covered"),
        (["pass", "pass"], False, "met"),
        (["pass"], True, "partly"),
        (["pass", "waived"], False, "partly"),
        (["pass", "inconclusive"], False, "partly"),
        (["pass", "waived", "fail"], False, "not_met"),
        (["fail"], True, "not_met"),
    ],
)
def test_what_a_control_comes_to(results: list[str], asks_more: bool, status: str) -> None:
    assert status_of(results, asks_more=asks_more) == status


def _of(told: tuple[FrameRows, ...], start: str) -> FrameRows:
    return next(frame for frame in told if frame.title.startswith(start))


def test_every_framework_stands_in_the_annex_with_what_is_not_covered() -> None:
    told = build_frames([("one", "pass", ["NIST-AI-RMF:MEASURE-2.7"])], WORDS)
    assert [len(f.covered) for f in told].count(1) == 1 and len(told) == len(frames())
    nist = _of(told, "NIST")
    assert [(row.id, row.status, row.rules) for row in nist.covered] == [
        ("MEASURE-2.7", "partly", (("one", "pass"),))
    ]
    assert {"MEASURE-2.10", "GOVERN"} <= {row.id for row in nist.of("not_covered")}
    assert not _of(told, "ISO").covered


def test_a_control_that_no_list_has_is_not_lost_and_not_called_met() -> None:
    rules = [("one", "pass", ["NIST-AI-RMF:MEASURE-9.9", "ACME:R-1"])]
    told = build_frames(rules, WORDS)
    assert _of(told, "NIST").covered[0].id == "MEASURE-9.9"
    assert _of(told, "NIST").covered[0].status == "partly"
    own = _of(told, WORDS("frames.own"))
    assert [(row.id, row.status) for row in own.rows] == [("ACME:R-1", "met")]


def test_ids_that_begin_alike_are_told_in_short() -> None:
    names = _of(build_frames([], WORDS), "EU AI Act").names("not_covered")
    assert names[:2] == ("Art-9", "10") and names[-2:] == ("Annex-XI", "XII")


@pytest.mark.parametrize("path", shipped_policies(), ids=lambda path: path.stem)
def test_each_control_of_a_shipped_policy_is_in_a_list(path) -> None:
    known = {f"{frame.prefix}:{control.id}" for frame in frames() for control in frame.controls}
    named = {control for rule in load_policy(path).rules for control in rule.controls}
    assert named <= known


def test_lists_have_a_source_a_day_and_every_language() -> None:
    for frame in frames():
        assert frame.source and frame.read.year >= 2026
        texts = [frame.title, *(c.title for c in frame.controls)]
        texts += [control.more for control in frame.controls if control.more]
        assert all(text.keys() == {*languages()} and all(text.values()) for text in texts)
        assert len({control.id for control in frame.controls}) == len(frame.controls)


@pytest.mark.parametrize("lang", languages())
@pytest.mark.parametrize("template", ["committee", "technical"])
def test_no_report_calls_anything_compliant(lang: str, template: str) -> None:
    case = audit("pass")
    view = build_view(
        case.evidence, case.verdict, case.policy, lang=lang, layout=Layout(template=template)
    )
    html = re.sub(r"<[^>]+>", " ", render_html(view))
    assert not re.search(r"\b(compliant|conformant|conforms|certified)\b|準拠して|認証され", html)
    assert view.words("frames.status.not_covered") in html


def test_the_technical_annex_names_rules_with_their_outcome() -> None:
    case = audit("fail")
    rules = tuple(replace(r, controls=("EU-AI-Act:Art-15",)) for r in case.policy.rules)
    outcomes = tuple(
        replace(o, rule=replace(o.rule, controls=("EU-AI-Act:Art-15",)))
        for o in case.verdict.outcomes
    )
    policy, verdict = replace(case.policy, rules=rules), replace(case.verdict, outcomes=outcomes)
    html = render_html(build_view(case.evidence, verdict, policy, layout=TECHNICAL))
    failed = next(o.rule.id for o in outcomes if o.result == "fail")
    assert f"× {failed}" in html and "not met" in html
