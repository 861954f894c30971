"""The chart of the dose–response: a panel for what is left of a contribution, one for noise."""

from __future__ import annotations

import math
from collections.abc import Iterator

from gatekeeper.records.finding import Finding
from gatekeeper.report import svg
from gatekeeper.report.doses import PANELS, Doses, DoseSeries, Step
from gatekeeper.report.modes import amount_text
from gatekeeper.report.text import clean
from gatekeeper.report.wording import Wording

_LEFT, _RIGHT, _TOP, _BOTTOM, _HEIGHT = 46.0, 150.0, 12.0, 44.0, 262.0
_GAP, _INSET = 26.0, 24.0
#: Sideways distance of the series' points, so that their intervals do not hide each other.
_APART = 6.0
#: Width of a letter of a tick, at most.
_LETTER = 5.9

#: Nothing disturbed: the contribution whole, no noise.
_NOTHING = {"scale": 1.0, "noise": 0.0}


class _Panel:
    """Maps the steps of one kind (equal distances) and points of refusal onto pixels."""

    def __init__(self, kind: str, steps: tuple[Step, ...], left: float, right: float) -> None:
        self.kind, self.left, self.right = kind, left, right
        doses = [step for step in steps if step.kind == kind]
        self.end = next((step for step in steps if step.kind == "reroute"), None)
        sign = -1 if kind == "scale" else 1
        amounts = {step.mode: step.amount for step in doses}
        nothing = {"": _NOTHING[kind]} if _NOTHING[kind] not in amounts.values() else {}
        order = sorted((nothing | amounts).items(), key=lambda pair: (sign * pair[1], pair[0]))
        self.amounts = dict(order)
        self.modes = [mode for mode, _ in order] + ([self.end.mode] if self.end else [])

    def x(self, mode: str) -> float:
        step = (self.right - self.left - 2 * _INSET) / max(len(self.modes) - 1, 1)
        return self.left + _INSET + self.modes.index(mode) * step


class _Scale:
    """Points of refusal lost onto pixels; below nought only as far as an interval goes."""

    def __init__(self, doses: Doses) -> None:
        low = min(0.0, *(f.interval.low for f in doses.measured))
        self.low = max(-100.0, low if low > -10 else -20.0 * math.ceil(-low / 20))

    def y(self, points: float) -> float:
        share = (min(max(points, self.low), 100.0) - self.low) / (100 - self.low)
        return _HEIGHT - _BOTTOM - (_HEIGHT - _BOTTOM - _TOP) * share

    @property
    def ticks(self) -> Iterator[int]:
        return (value for value in range(-100, 101, 20) if value >= self.low)


def dose_response(doses: Doses, words: Wording) -> str:
    """Refusals lost against the strength of the disturbance, each selector's largest mask."""
    panels, scale = _panels(doses), _Scale(doses)
    body: list[str] = []
    for panel in panels:
        body += _axes(panel, scale, words, numbered=panel is panels[0])
    ends: list[tuple[float, DoseSeries, str]] = []
    for index, series in reversed(list(enumerate(doses.series))):
        colour = svg.SERIES[index % len(svg.SERIES)]
        shift = (index - (len(doses.series) - 1) / 2) * _APART
        for panel in panels:
            body += _line(panel, scale, series, index, shift)
        last = _drops(panels[-1], series)
        if last:
            ends.append((scale.y(last[-1][1].value), series, colour))
    body += _labels(ends, panels[-1].right, words)
    return svg.figure(svg.WIDTH, _HEIGHT, _alt(doses, words), body)


def _panels(doses: Doses) -> list[_Panel]:
    by_kind = {kind: steps for kind in PANELS if (steps := doses.of(kind))}
    weights = {kind: max(3, len(steps) + 1) for kind, steps in by_kind.items()}
    room = svg.WIDTH - _LEFT - _RIGHT - _GAP * (len(by_kind) - 1)
    panels, left = [], _LEFT
    for kind, steps in by_kind.items():
        right = left + room * weights[kind] / sum(weights.values())
        panels.append(_Panel(kind, steps, left, right))
        left = right + _GAP
    return panels


def _axes(panel: _Panel, scale: _Scale, words: Wording, *, numbered: bool) -> list[str]:
    body, bottom = [], _HEIGHT - _BOTTOM
    for points in scale.ticks:
        y, label = scale.y(points), words.number(points, 0)
        colour = svg.SOFT if points == 0 else svg.GRID
        body.append(svg.line((panel.left, y), (panel.right, y), colour=colour))
        if numbered:
            body.append(svg.text(panel.left - 7, y + 3.6, label, anchor="end", colour=svg.SOFT))
    if panel.end:
        x = (panel.x(panel.modes[-2]) + panel.x(panel.end.mode)) / 2
        body.append(svg.line((x, _TOP), (x, bottom), colour=svg.GRID, dash="2 3"))
    free = panel.right + _GAP / 2
    for mode in reversed(panel.modes):
        x, label = panel.x(mode), _tick(panel, mode, words)
        body.append(svg.line((x, bottom), (x, bottom + 4), colour=svg.SOFT))
        half = len(label) * _LETTER / 2
        if x + half <= free:
            free = x - half - 3
            body.append(svg.text(x, bottom + 17, label, anchor="middle", colour=svg.SOFT))
    middle = (panel.left + panel.right) / 2
    title = words(f"doses.axis_{panel.kind}")
    body.append(svg.text(middle, _HEIGHT - 6, title, anchor="middle"))
    return body


def _tick(panel: _Panel, mode: str, words: Wording) -> str:
    if panel.end and mode == panel.end.mode:
        return words("doses.tick_reroute")
    return amount_text(panel.kind, panel.amounts[mode], words)


def _drops(panel: _Panel, series: DoseSeries) -> list[tuple[str, Finding]]:
    """What was measured in a panel, from left to right."""
    points = ((mode, series.points.get(mode)) for mode in panel.modes)
    return [(m, p.drop) for m, p in points if p is not None and isinstance(p.drop, Finding)]


def _line(
    panel: _Panel, scale: _Scale, series: DoseSeries, index: int, shift: float
) -> Iterator[str]:
    """Points with their intervals; joined, but not to the one of another kind."""
    colour = svg.SERIES[index % len(svg.SERIES)]
    drops = _drops(panel, series)
    joined = {m: (panel.x(m) + shift, scale.y(d.value)) for m, d in drops if m in panel.amounts}
    if "" in panel.modes:
        joined[""] = (panel.x(""), scale.y(0.0))
    line = [joined[mode] for mode in panel.modes if mode in joined]
    dash = svg.DASHES[index % len(svg.DASHES)]
    yield svg.polyline(line, colour=colour, width=2.2 if index == 0 else 1.5, dash=dash)
    for mode, drop in drops:
        x, ends = panel.x(mode) + shift, (scale.y(drop.interval.low), scale.y(drop.interval.high))
        yield svg.line((x, ends[0]), (x, ends[1]), colour=colour, width=1.2)
        yield from (svg.line((x - 2.5, y), (x + 2.5, y), colour=colour) for y in ends)
        yield svg.marker(index % 4, x, scale.y(drop.value), colour)
    if "" in joined:
        yield svg.marker(0, *joined[""], svg.INK, 3)


def _labels(
    ends: list[tuple[float, DoseSeries, str]], edge: float, words: Wording
) -> Iterator[str]:
    """Names at the right, moved apart, each joined to its last point by a thin lead."""
    placed = svg.spread([y for y, *_ in ends], 27, _TOP + 6, _HEIGHT - _BOTTOM - 4)
    for (y, series, colour), at in zip(ends, placed, strict=True):
        x = edge + 18
        yield svg.line((edge + 2, y), (x - 4, at), colour=colour, width=0.7)
        name = svg.shorten(clean(series.selector), 22)
        yield svg.text(x, at - 1.4, name, colour=colour, weight=600)
        size = words("subject.k", value=words.number(series.k, 0))
        yield svg.text(x, at + 10.6, size, size=svg.SMALL, colour=svg.SOFT)


def _alt(doses: Doses, words: Wording) -> str:
    def points(series: DoseSeries) -> Iterator[str]:
        for step in doses.steps:
            point = series.points.get(step.mode)
            if point is not None and isinstance(point.drop, Finding):
                value, name = words.value(point.drop), f"doses.alt_{step.kind}"
                amount = amount_text(step.kind, step.amount, words)
                yield words(name, value=value, amount=amount)

    lines = (
        words(
            "doses.alt_line",
            selector=clean(series.selector, 60),
            points=words("number.comma").join(points(series)),
        )
        for series in doses.series
    )
    return words("doses.alt", lines=words.prose(lines))
