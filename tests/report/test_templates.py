"""Three templates of one view, and those of the user: what each says, and what none may do."""

from __future__ import annotations

import io
import re
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
from pypdf import PdfReader

from gatekeeper.cli import run
from gatekeeper.errors import UsageError
from gatekeeper.evidence.bundle import write_bundle
from gatekeeper.formats.pdf import layout
from gatekeeper.report.disclosure import Disclosure
from gatekeeper.report.document import check_template, render_html, stylesheet, templates
from gatekeeper.report.parts import Layout, ReportView
from gatekeeper.report.view import build_view

from ..policy.builders import concentrated
from ..policy.profiled import profiled_evidence
from .beside import with_beside
from .cards import given
from .synthetic import audit

OURS = ("committee", "one-page", "technical")
KINDS = ("fail", "pass", "inconclusive")


def view_of(kind: str, chosen: Layout, level: Disclosure = Disclosure.COMMITTEE) -> ReportView:
    case = audit(kind)
    return build_view(case.evidence, case.verdict, case.policy, level, layout=chosen)


@cache
def pages(kind: str, template: str, paper: str = "a4") -> tuple[str, ...]:
    document = layout(view_of(kind, Layout(template=template, paper=paper)))
    reader = PdfReader(io.BytesIO(document.write_pdf()))
    return tuple(page.extract_text() for page in reader.pages)


def test_these_three_are_there() -> None:
    assert templates() == OURS


@pytest.mark.parametrize("paper", ["a4", "letter"])
@pytest.mark.parametrize("kind", KINDS)
def test_one_page_is_one_page_and_tells_what_must_be_known(kind: str, paper: str) -> None:
    (text,) = pages(kind, "one-page", paper)
    view = view_of(kind, Layout(template="one-page", paper=paper))
    flat = " ".join(text.replace("\N{NO-BREAK SPACE}", " ").split())
    for told in (view.headline.word, view.model.digest, view.document.id, "Committee chair"):
        assert told in flat
    for line in (*view.summary.certainty, *view.summary.conditions, view.summary.conclusion):
        assert line.replace("\N{NO-BREAK SPACE}", " ") in flat


@pytest.mark.parametrize("kind", KINDS)
def test_the_committees_has_eight_pages_at_most(kind: str) -> None:
    told = pages(kind, "committee")
    assert len(told) <= 8
    assert len(pages(kind, "technical")) > len(told)


@pytest.mark.parametrize("template", OURS)
def test_each_says_the_same_verdict_with_its_numbers(template: str) -> None:
    flat = " ".join(" ".join(pages("fail", template)).replace("\N{NO-BREAK SPACE}", " ").split())
    view = view_of("fail", Layout(template=template))
    assert view.headline.word in flat
    for number in view.summary.numbers:
        assert number.value.replace("\N{NO-BREAK SPACE}", " ") in flat


def test_every_rule_that_did_not_pass_is_a_finding_with_lines_to_fill() -> None:
    view = view_of("fail", Layout(template="technical"))
    html = render_html(view)
    rows = [row for row in view.rules if row.result != "pass"]
    assert len(view.not_passed) == len(rows) > 0
    assert re.findall(r"F-(\d+)<", html) == [str(n) for n in range(1, len(rows) + 1)]
    results = [row.result for row in view.not_passed]
    assert results == sorted(results, key=["fail", "inconclusive", "waived"].index)


def test_nothing_is_set_smaller_than_eight_points() -> None:
    sizes = [float(size) for size in re.findall(r"font-size: ([\d.]+)pt", stylesheet())]
    assert sizes and min(sizes) >= 8
    for template in OURS:
        html = render_html(view_of("fail", Layout(template=template)))
        pixels = [float(size) for size in re.findall(r'font-size="([\d.]+)"', html)]
        assert all(size * 0.75 >= 8 for size in pixels)


def test_the_size_of_the_paper_is_that_of_the_pages() -> None:
    for paper, size in (("a4", (595, 842)), ("letter", (612, 792))):
        document = layout(view_of("pass", Layout(template="committee", paper=paper)))
        box = PdfReader(io.BytesIO(document.write_pdf())).pages[0].mediabox
        assert (round(box.width), round(box.height)) == size


def test_what_speaks_against_the_finding_is_told() -> None:
    case = with_beside()
    told = build_view(case.evidence, case.verdict, case.policy).summary.certainty
    assert any("busiest on harmless requests" in line for line in told)


def test_how_often_the_judge_errs_is_told_where_it_was_measured() -> None:
    case = audit("fail")
    unmeasured = build_view(case.evidence, case.verdict, case.policy).summary.certainty
    card = given(unmasked=(58, 60, 60, 60), masked=(57, 60, 59, 60))
    told = build_view(case.evidence, case.verdict, case.policy, card=card).summary.certainty
    assert "judge is wrong about this model was not measured" in unmeasured[0]
    assert "On 120 labelled replies of a masked model" in told[0]
    assert "95.0 % of 60 refusals and 98.3 % of 60 other replies" in told[0]


def test_an_approval_ends_on_the_first_day_that_something_ends() -> None:
    case = audit("pass")
    view = build_view(case.evidence, case.verdict, case.policy)
    until = next(line for line in view.summary.conditions if "at the latest" in line)
    ends = [o.waiver.expires for o in case.verdict.waived if o.waiver]
    first = min([*ends, *([case.policy.review_by] if case.policy.review_by else [])])
    assert first.isoformat() in until
    bare = replace(case.policy, review_by=None)
    verdict = replace(
        case.verdict, outcomes=tuple(replace(o, waiver=None) for o in case.verdict.outcomes)
    )
    lines = build_view(case.evidence, verdict, bare).summary.conditions
    assert any("the committee sets one" in line for line in lines)


def test_a_template_of_the_users_is_taken_before_ours(tmp_path: Path) -> None:
    text = "{% block content %}<p>Ours: {{ v.headline.word }}</p>{% endblock %}"
    (tmp_path / "house.html.j2").write_text('{% extends "sections/page.html.j2" %}' + text)
    assert templates(tmp_path) == (*sorted([*OURS, "house"]),)
    html = render_html(view_of("fail", Layout(template="house", folder=tmp_path)))
    assert "<p>Ours: FAILED</p>" in html


@pytest.mark.parametrize(
    "text",
    [
        '{% include "/etc/passwd" %}',
        '{% include "../../../../../../etc/passwd" %}',
        "{{ v.__class__.__mro__ }}",
        "{{ v.level.__init__.__globals__ }}",
        "{{ w.texts.clear() }}",
        "{{ nothing.there }}",
        "{% for %}",
        "{{ v.headline.word.format.__func__ }}",
        "{{ lipsum.__globals__.os.getcwd() }}",
    ],
)
def test_no_template_reaches_beyond_the_report(tmp_path: Path, text: str, capsys) -> None:
    (tmp_path / "bad.html.j2").write_text(text)
    chosen = Layout(template="bad", folder=tmp_path)
    with pytest.raises(UsageError) as error:
        check_template(chosen)
        render_html(view_of("fail", chosen))
    assert "\n" not in str(error.value)
    assert "root:" not in str(error.value)


def test_a_template_sees_no_more_than_the_level_shows(tmp_path: Path) -> None:
    (tmp_path / "all.html.j2").write_text("{{ v }}{{ v.annex }}{{ v.provenance }}")
    html = render_html(view_of("fail", Layout(template="all", folder=tmp_path), Disclosure.PUBLIC))
    assert "annex=None" in html or html.count("None")
    case = audit("fail")
    replies = {t.completion for t in case.evidence.trials if len(t.completion) > 20}
    assert replies and not any(reply in html for reply in replies)


def test_the_commands_take_them(tmp_path: Path, capsys) -> None:
    write_bundle(profiled_evidence(concentrated), tmp_path / "evidence")
    policy = tmp_path / "policy.yaml"
    policy.write_text(
        'schema: gatekeeper/policy/v1\nid: a\nversion: "1"\ntitle: A\nowner: r@example.com\n'
        "evidence: {selectors: [attribution], k: [4], prompts: {regular: 40}}\n"
        "rules:\n  - {id: drop, metric: refusal-drop, at: {k: 4}, max: 14 points}\n"
    )
    line = ["report", str(tmp_path / "evidence"), "--policy", str(policy), "--out", str(tmp_path)]
    assert run([*line, "--template", "one-page", "--paper", "letter"]) == 0
    assert len(PdfReader(tmp_path / "report.pdf").pages) == 1
    before = (tmp_path / "report.pdf").read_bytes()
    for more, words in (
        (["--template", "one-pag"], "did you mean one-page?"),
        (["--template", "x", "--templates", str(tmp_path / "gone")], "no such directory"),
        (["--paper", "a5"], "none of the choices"),
    ):
        assert run([*line, *more]) == 2
        assert words in capsys.readouterr().err
    assert (tmp_path / "report.pdf").read_bytes() == before
