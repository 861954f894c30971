from __future__ import annotations

import io
import itertools
from dataclasses import replace
from xml.etree import ElementTree as ET

import pytest
from pypdf import PdfReader

from gatekeeper import catalog
from gatekeeper.records.finding import Finding, Missing
from gatekeeper.report import svg
from gatekeeper.report.document import render_html
from gatekeeper.report.dose_chart import dose_response
from gatekeeper.report.doses import build_doses
from gatekeeper.report.modes import amount_text
from gatekeeper.report.view import build_view
from gatekeeper.report.wording import load_wording

from .dosed import DOSES, dosed
from .synthetic import SELECTORS, TECHNICAL, audit
from .synthetic_policy import KS

NS = "{http://www.w3.org/2000/svg}"
WORDS = load_wording("en")


def view_of(case):
    return build_view(case.evidence, case.verdict, case.policy, layout=TECHNICAL)


def drawn(doses):
    return ET.fromstring(dose_response(doses, WORDS))  # noqa: S314


def test_steps_go_from_least_to_most_scales_first_and_end_with_the_audits_own_mode():
    doses = view_of(dosed()).doses
    assert [s.mode for s in doses.steps] == ["scale:0.75", "scale:0.25", "noise:0.5", "reroute"]
    assert [s.own for s in doses.steps] == [False, False, False, True]
    assert [s.mode for s in doses.of("noise")] == ["noise:0.5", "reroute"]
    assert {s.selector for s in doses.series} == set(SELECTORS)
    assert {s.k for s in doses.series} == {max(KS)}
    assert doses.series[0].selector == view_of(dosed()).curve.worst


def test_points_are_the_findings_of_that_mode_and_no_other():
    case = dosed()
    stored = {
        (f.subject.selector, f.subject.mode or "reroute"): f
        for f in case.evidence.findings
        if f.metric == "refusal-drop" and f.subject.k == max(KS) and f.subject.set == "regular"
    }
    doses = view_of(case).doses
    points = {(s.selector, mode): p.drop for s in doses.series for mode, p in s.points.items()}
    assert points == stored
    assert len(points) == len(SELECTORS) * (len(DOSES) + 1)


def test_without_doses_there_is_nothing_of_it():
    view = view_of(audit("fail"))
    assert view.doses is None
    assert WORDS("doses.title") not in render_html(view)


def test_what_could_not_be_measured_is_left_out_of_the_figure_and_told_in_the_table():
    case = dosed()
    gone = ("attribution", "scale:0.75")
    findings = tuple(
        Missing(metric=f.metric, version=f.version, subject=f.subject, reason="no trial of it")
        if f.metric == "refusal-drop" and (f.subject.selector, f.subject.mode) == gone
        else f
        for f in case.evidence.findings
    )
    whole = view_of(case)
    view = view_of(replace(case, evidence=replace(case.evidence, findings=findings)))
    html = render_html(view)
    assert "no trial of it" in html
    count = [len(list(drawn(v.doses).iter(f"{NS}line"))) for v in (whole, view)]
    assert count[0] - count[1] == 3  # one interval: a stem and two ends
    assert build_doses(replace(case.evidence, findings=()), None) is None


def test_the_figure_is_xml_with_alt_text_no_ids_and_nothing_outside_of_it():
    root = drawn(view_of(dosed()).doses)
    width, height = float(root.get("width")), float(root.get("height"))
    alt = root.find(f"{NS}title").text
    for element in root.iter():
        assert not {"id", "href", "style", "class"} & set(element.attrib)
        assert all(-1 <= float(element.get(a, 0)) <= width + 1 for a in ("x", "x1", "x2", "cx"))
        assert all(-1 <= float(element.get(a, 0)) <= height + 1 for a in ("y", "y1", "y2", "cy"))
    for series in view_of(dosed()).doses.series:
        for point in series.points.values():
            assert WORDS.value(point.drop) in alt


def test_the_figure_puts_points_where_the_numbers_say():
    doses = view_of(dosed()).doses
    root = drawn(doses)
    left = (t for t in root.iter(f"{NS}text") if t.get("text-anchor") == "end")
    ticks = {t.text: float(t.get("y")) - 3.6 for t in left}
    scale = (ticks["0"] - ticks["100"]) / 100
    line = max(root.iter(f"{NS}polyline"), key=lambda p: float(p.get("stroke-width")))
    ys = [float(pair.split(",")[1]) for pair in line.get("points").split()]
    worst = doses.series[0].points
    wanted = [0.0, *(worst[mode].drop.value for mode in ("scale:0.75", "scale:0.25"))]
    assert [(ticks["0"] - y) / scale for y in ys] == pytest.approx(wanted, abs=0.05)
    labels = [t.text for t in root.iter(f"{NS}text")]
    for label in ("100 %", "75 %", "25 %", "0.5", "rerouted", "Contribution left"):
        assert label in labels, labels


def test_more_steps_than_there_is_room_for_leave_ticks_out_but_never_lie_on_each_other():
    many = tuple(f"scale:{i / 40}" for i in range(40)) + tuple(
        f"noise:{i / 8}" for i in range(1, 9)
    )
    root = drawn(view_of(dosed(many)).doses)
    row = [t for t in root.iter(f"{NS}text") if float(t.get("y")) == 262 - 44 + 17]
    spans = sorted((float(t.get("x")), len(t.text) * 5.0) for t in row)
    assert 4 < len(spans) < 50
    for (x, width), (later, other) in itertools.pairwise(spans):
        assert x + width / 2 <= later - other / 2


def test_a_loss_of_less_than_nothing_is_drawn_below_the_line():
    case = dosed()
    findings = tuple(
        replace(f, value=-30.0, interval=replace(f.interval, low=-44.0, high=-20.0))
        if isinstance(f, Finding) and f.metric == "refusal-drop" and f.subject.mode == "noise:0.5"
        else f
        for f in case.evidence.findings
    )
    root = drawn(view_of(replace(case, evidence=replace(case.evidence, findings=findings))).doses)
    assert "−60" in [t.text for t in root.iter(f"{NS}text")]


def test_a_hostile_selector_is_only_text():
    doses = view_of(dosed()).doses
    bad = replace(doses, series=(replace(doses.series[0], selector="<b>&\u202e"),))
    picture = dose_response(bad, WORDS)
    assert "<b>" not in picture and "\u202e" not in picture


@pytest.mark.parametrize(
    ("kind", "amount", "text"),
    [("scale", 0.5, "50 %"), ("scale", 0.125, "12.5 %"), ("noise", 0.001, "0.001"),
     ("noise", 2.0, "2"), ("scale", 1.5, "150 %"), ("scale", 0.0, "0 %")],
)  # fmt: skip
def test_amounts_have_the_decimals_they_need(kind, amount, text):
    assert amount_text(kind, amount, WORDS) == text


def test_the_phase_is_told():
    html = render_html(view_of(dosed(phase="decode")))
    assert WORDS("doses.note_decode") in html
    assert WORDS("doses.note_decode") not in render_html(view_of(dosed()))


@pytest.mark.thorough
def test_the_pdf_has_figure_table_value_interval_and_n():
    view = view_of(dosed())
    data = catalog.load("format", "pdf").render(view, {})
    text = " ".join(" ".join(p.extract_text() for p in PdfReader(io.BytesIO(data)).pages).split())
    assert WORDS("doses.title") in text
    assert "contribute 75 %" in text and "cannot be chosen (reroute)" in text
    for series in view.doses.series:
        for point in series.points.values():
            drop = point.drop
            wanted = f"{WORDS.value(drop)} {WORDS.range(drop.interval)} · n = {drop.n}"
            assert wanted in text.replace("\N{NO-BREAK SPACE}", " "), wanted


def test_colours_are_those_of_the_curve():
    view = view_of(dosed())
    root = drawn(view.doses)
    names = [t for t in root.iter(f"{NS}text") if t.text == view.curve.worst]
    assert names[0].get("fill") == svg.SERIES[0]
