from __future__ import annotations

import re
from dataclasses import replace
from functools import cache
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatekeeper.report import svg
from gatekeeper.report.bars import group_gauge, rule_gauge, set_rates
from gatekeeper.report.charts import refusal_curve
from gatekeeper.report.curve_parts import LimitStep
from gatekeeper.report.disclosure import Disclosure
from gatekeeper.report.expert_map import RAMP, expert_map, level_of
from gatekeeper.report.view import build_view
from tests.typed import some

from .synthetic import audit

NS = "{http://www.w3.org/2000/svg}"


def _view(
    kind: str = "fail", level: Disclosure = Disclosure.COMMITTEE, size: tuple[int, int] = (4, 16)
):
    case = audit(kind, *size)
    return build_view(case.evidence, case.verdict, case.policy, level)


def number(element: ET.Element, key: str) -> float:
    return float(element.attrib[key])


@cache
def _figures() -> dict[str, str]:
    view = _view()
    words = view.words
    return {
        "curve": refusal_curve(view.curve, words),
        "map": expert_map(view.selectors[0], words),
        "ids": expert_map(_view(level=Disclosure.RESTRICTED).selectors[0], words),
        "sets": set_rates(view.sets, words),
        "gauge": rule_gauge(view.rules[0], words),
        "group": group_gauge(view.categories[0], words),
    }


NAMES = ("curve", "map", "ids", "sets", "gauge", "group")


@pytest.mark.parametrize("name", NAMES)
def test_a_chart_is_xml_with_alt_text_no_ids_and_nothing_to_fetch(name: str) -> None:
    root = ET.fromstring(_figures()[name])  # noqa: S314
    assert len(root.findtext(f"{NS}title", "")) > 15
    for element in root.iter():
        assert not {"id", "href", "style", "class"} & set(element.attrib)
        assert element.tag.removeprefix(NS) in {
            "svg", "title", "text", "line", "polyline", "polygon", "path", "circle",
        }  # fmt: skip
    assert "url(" not in _figures()[name]


@pytest.mark.parametrize("name", NAMES)
def test_no_label_is_smaller_than_can_be_read(name: str) -> None:
    sizes = [float(x) for x in re.findall(r'font-size="([\d.]+)"', _figures()[name])]
    assert all(size >= 9.5 for size in sizes)


@pytest.mark.parametrize("name", NAMES)
def test_everything_lies_inside_the_picture(name: str) -> None:
    root = ET.fromstring(_figures()[name])  # noqa: S314
    width, height = number(root, "width"), number(root, "height")
    for element in root.iter():
        for key in ("x", "x1", "x2", "cx"):
            if element.get(key):
                assert -1 <= number(element, key) <= width + 1
        for key in ("y", "y1", "y2", "cy"):
            if element.get(key):
                assert -1 <= number(element, key) <= height + 1


def test_the_curve_draws_each_selector_with_a_shape_and_dash_of_its_own() -> None:
    root = ET.fromstring(_figures()["curve"])  # noqa: S314
    labels = [t.text for t in root.iter(f"{NS}text")]
    for selector in ("attribution", "ses-contrast", "ses-frequency", "policy limit"):
        assert selector in labels
    dashes = [p.get("stroke-dasharray") for p in root.iter(f"{NS}polyline")]
    assert {None, svg.DASHES[1], svg.DASHES[2]} <= set(dashes)


def test_the_curve_puts_points_where_the_numbers_say() -> None:
    view = _view()
    root = ET.fromstring(_figures()["curve"])  # noqa: S314
    line = max(root.iter(f"{NS}polyline"), key=lambda p: number(p, "stroke-width"))
    ys = [float(pair.split(",")[1]) for pair in some(line.get("points")).split()]
    ticks = {
        t.text: number(t, "y") - 3.6 for t in root.iter(f"{NS}text") if t.text in {"0 %", "100 %"}
    }
    scale = (ticks["0 %"] - ticks["100 %"]) / 100
    values = [view.curve.unmasked, *(p for s in view.curve.series for p in s.points
                                     if s.selector == view.curve.worst)]  # fmt: skip
    for y, finding in zip(ys, values, strict=True):
        assert (ticks["0 %"] - y) / scale == pytest.approx(finding.value, abs=0.05)


def test_the_limit_is_a_step_line_over_the_mask_sizes_that_have_one() -> None:
    view = _view()
    levels = {1: 85.0, 2: 85.0, 8: 70.0}
    steps = tuple(LimitStep(k=k, level=level, rule="r") for k, level in levels.items())
    root = ET.fromstring(refusal_curve(replace(view.curve, limits=steps), view.words))  # noqa: S314
    lines = [
        [tuple(map(float, pair.split(","))) for pair in some(line.get("points")).split()]
        for line in root.iter(f"{NS}polyline")
        if line.get("stroke") == svg.RED
    ]
    labels = {t.text: t for t in root.iter(f"{NS}text")}
    assert "70.0 to 85.0 %" in labels
    zero, hundred = (number(labels[t], "y") - 3.6 for t in ("0 %", "100 %"))
    heights = [[(zero - y) / (zero - hundred) * 100 for _, y in line] for line in lines]
    # k = 4 has no limit: the line is broken there.
    assert heights == [pytest.approx([85.0] * 4, abs=0.1), pytest.approx([70.0] * 2, abs=0.1)]
    ticks = {k: number(labels[str(k)], "x") for k in (0, 1, 2, 4, 8)}
    assert ticks[0] < lines[0][0][0] < ticks[1] < lines[0][1][0] == lines[0][2][0] < ticks[2]
    assert ticks[2] < lines[0][-1][0] < ticks[4] < lines[1][0][0] < ticks[8] <= lines[1][1][0]


def test_alt_texts_give_the_numbers() -> None:
    view = _view()
    point = view.curve.masked(view.curve.worst, view.curve.k)
    assert view.words.value(point) in _figures()["curve"]
    assert view.words.value(view.sets[0].unmasked) in _figures()["sets"]
    assert "Policy limit: 81.8 % at k = 4, 81.8 % at k = 8." in _figures()["curve"]


def test_text_is_escaped() -> None:
    view = _view()
    curve = replace(
        view.curve,
        worst="<b>&",
        series=tuple(
            replace(s, selector="<b>&") if s.selector == view.curve.worst else s
            for s in view.curve.series
        ),
    )
    picture = refusal_curve(curve, view.words)
    assert "<b>" not in picture and "&lt;b&gt;&amp;" in picture


def test_a_large_map_is_a_few_paths() -> None:
    view = _view(size=(48, 128))
    picture = expert_map(view.selectors[0], view.words)
    root = ET.fromstring(picture)  # noqa: S314
    cells = [p for p in root.iter(f"{NS}path") if p.get("fill") in RAMP]
    assert len(cells) <= 2 * len(RAMP)
    assert len(picture) < 200_000
    assert number(root, "height") < 500


def test_stable_experts_are_ringed_with_a_halo_beneath() -> None:
    view = _view()
    facts = view.selectors[0]
    strokes = re.findall(r'stroke="(#ffffff|#b4371b)"', _figures()["map"])
    runs = sum(any(row.stable) for row in facts.layers)
    assert strokes.count("#ffffff") == runs
    assert strokes.index("#b4371b") == runs


def test_levels_rise_with_probability() -> None:
    assert level_of(0.0) == 0 and level_of(1.0) == len(RAMP) - 1 and level_of(0.001) == 1
    levels = [level_of(i / 1000) for i in range(1001)]
    assert levels == sorted(levels) and set(levels) == set(range(len(RAMP)))


@given(
    st.lists(st.floats(min_value=-50, max_value=400, allow_nan=False), max_size=9),
    st.floats(min_value=5, max_value=40),
)
def test_labels_are_spread_inside_and_apart_without_changing_order(
    wanted: list[float], gap: float
) -> None:
    placed = svg.spread(wanted, gap, 0, 300)
    room = min(gap, 300 / max(len(wanted) - 1, 1))
    for a in range(len(wanted)):
        assert -1e-6 <= placed[a] <= 300 + 1e-6
        for b in range(len(wanted)):
            if a != b:
                assert abs(placed[a] - placed[b]) >= room - 1e-6
            if wanted[a] < wanted[b]:
                assert placed[a] <= placed[b]


@given(st.floats(min_value=-1e4, max_value=1e4, allow_nan=False))
def test_coordinates_are_short_and_plain(value: float) -> None:
    assert re.fullmatch(r"-?\d+(\.\d{1,2})?", svg.num(value))
    assert float(svg.num(value)) == pytest.approx(value, abs=0.0051)
