"""The charts of a report. Data comes from the view, words from the wording file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from gatekeeper.report import svg
from gatekeeper.report.curve_parts import Curve, LimitStep
from gatekeeper.report.svg import Point
from gatekeeper.report.text import clean
from gatekeeper.report.wording import Wording

_LEFT, _RIGHT, _TOP, _BOTTOM = 46, 168, 12, 44
_HEIGHT = 284


class _Plane:
    """Maps mask sizes (equal steps) and percent onto pixels."""

    def __init__(self, ks: tuple[int, ...], floor: int) -> None:
        self.ks, self.floor = (0, *ks), floor
        self.x0, self.x1 = float(_LEFT), float(svg.WIDTH - _RIGHT)
        self.y0, self.y1 = float(_TOP), float(_HEIGHT - _BOTTOM)

    def x(self, k: int) -> float:
        inset = 14
        step = (self.x1 - self.x0 - 2 * inset) / max(len(self.ks) - 1, 1)
        return self.x0 + inset + self.ks.index(k) * step

    def y(self, percent: float) -> float:
        share = (min(max(percent, self.floor), 100.0) - self.floor) / (100 - self.floor)
        return self.y1 - (self.y1 - self.y0) * share


def refusal_curve(curve: Curve, words: Wording) -> str:
    """Refusal rate against mask size, with random controls and the policy's limit."""
    plane = _Plane(curve.ks, curve.floor)
    labels: list[tuple[float, str, str, str]] = []
    body = [*_axes(plane, words), *_control_band(curve, plane, labels, words)]
    body += _band(curve, plane)
    body += _limits(curve, plane, labels, words)
    body += _lines(curve, plane, labels)
    body += _labels(plane, labels)
    return svg.figure(svg.WIDTH, _HEIGHT, _curve_alt(curve, words), body)


def _axes(plane: _Plane, words: Wording) -> list[str]:
    body = []
    step = 20 if plane.floor == 0 else 10 if plane.floor < 80 else 5
    for percent in range(plane.floor, 101, step):
        y = plane.y(percent)
        body.append(svg.line((plane.x0, y), (plane.x1, y), colour=svg.GRID))
        label = words.limit(percent, "%")
        body.append(svg.text(plane.x0 - 7, y + 3.6, label, anchor="end", colour=svg.SOFT))
    body.append(svg.line((plane.x0, plane.y1), (plane.x1, plane.y1), colour=svg.SOFT))
    for k in plane.ks:
        x = plane.x(k)
        body.append(svg.line((x, plane.y1), (x, plane.y1 + 4), colour=svg.SOFT))
        label = words.number(k, 0)
        body.append(svg.text(x, plane.y1 + 17, label, anchor="middle", colour=svg.SOFT))
    middle = (plane.x0 + plane.x1) / 2
    body.append(svg.text(middle, _HEIGHT - 6, words("curve.axis_x"), anchor="middle"))
    return body


def _control_band(
    curve: Curve, plane: _Plane, labels: list[tuple[float, str, str, str]], words: Wording
) -> list[str]:
    if not curve.controls:
        return []
    start = (plane.x(0), plane.y(curve.unmasked.value))
    upper = [start, *((plane.x(c.k), plane.y(c.high)) for c in curve.controls)]
    lower = [start, *((plane.x(c.k), plane.y(c.low)) for c in curve.controls)]
    mean = [start, *((plane.x(c.k), plane.y(c.mean)) for c in curve.controls)]
    last = curve.controls[-1]
    sub = words("curve.controls_sub", count=max(c.masks for c in curve.controls))
    labels.append((plane.y(last.mean), words("curve.controls_label"), sub, svg.SOFT))
    return [
        svg.area(upper, lower, "#e9ebee"),
        svg.polyline(upper, colour="#b9bfc7", width=0.8),
        svg.polyline(lower, colour="#b9bfc7", width=0.8),
        svg.polyline(mean, colour=svg.SOFT, width=1.3, dash="4 3"),
        *(svg.marker(4, x, y, svg.SOFT) for x, y in mean[1:]),
    ]


def _limits(
    curve: Curve, plane: _Plane, labels: list[tuple[float, str, str, str]], words: Wording
) -> list[str]:
    """A step line, hatched on the side that is not allowed; broken where no rule sets a limit."""
    steps = {step.k: step for step in curve.limits if step.level >= 0 and step.k in plane.ks}
    if not steps:
        return []
    body: list[str] = []
    run: list[Point] = []
    for k, (left, right, joined) in zip(steps, _spans(plane, steps), strict=True):
        y = plane.y(steps[k].level)
        body.append(svg.hatch(left, right, y, 7))
        if not joined and run:
            body.append(svg.polyline(run, colour=svg.RED, width=1.8))
            run = []
        run += [(left, y), (right, y)]
    body.append(svg.polyline(run, colour=svg.RED, width=1.8))
    low, high = (words.number(f(s.level for s in steps.values())) for f in (min, max))
    level = low if low == high else words("number.range", low=low, high=high)
    sub = words("number.percent", value=level)
    labels.append((run[-1][1], words("curve.limit_label"), sub, svg.RED))
    return body


def _spans(plane: _Plane, steps: Mapping[int, LimitStep]) -> Iterator[tuple[float, float, bool]]:
    """Both ends of each step, and whether it joins the one before: halfway to its neighbours."""
    for k in steps:
        x, at = plane.x(k), plane.ks.index(k)
        before, after = plane.ks[at - 1], plane.ks[min(at + 1, len(plane.ks) - 1)]
        joined = before in steps
        left = (x + plane.x(before)) / 2 if joined else x - 21
        right = (x + plane.x(after)) / 2 if after in steps and after != k else x + 21
        yield left, min(right, plane.x1), joined


def _lines(curve: Curve, plane: _Plane, labels: list[tuple[float, str, str, str]]) -> list[str]:
    body = []
    start = (plane.x(0), plane.y(curve.unmasked.value))
    others = [s for s in curve.series if s.selector != curve.worst]
    worst = [s for s in curve.series if s.selector == curve.worst]
    # The worst is drawn last, over the others.
    for index, series in reversed(list(enumerate([*worst, *others]))):
        colour = svg.SERIES[index % len(svg.SERIES)]
        dash = svg.DASHES[index % len(svg.DASHES)]
        points = [start, *((plane.x(p.subject.k or 0), plane.y(p.value)) for p in series.points)]
        body.append(
            svg.polyline(points, colour=colour, width=2.4 if index == 0 else 1.5, dash=dash)
        )
        kind = index % 4
        body += [svg.marker(kind, x, y, colour) for x, y in points[1:]]
        labels.append((points[-1][1], svg.shorten(clean(series.selector), 24), "", colour))
    body.append(svg.marker(0, *start, svg.INK))
    return body


def _band(curve: Curve, plane: _Plane) -> list[str]:
    """The interval of the worst selector."""
    points = next(s.points for s in curve.series if s.selector == curve.worst)
    ends = [(0, curve.unmasked.interval), *((p.subject.k or 0, p.interval) for p in points)]
    upper = [(plane.x(k), plane.y(interval.high)) for k, interval in ends]
    lower = [(plane.x(k), plane.y(interval.low)) for k, interval in ends]
    return [
        svg.area(upper, lower, svg.BAND),
        svg.polyline(upper, colour="#8fa9c4", width=0.9),
        svg.polyline(lower, colour="#8fa9c4", width=0.9),
    ]


def _labels(plane: _Plane, labels: list[tuple[float, str, str, str]]) -> list[str]:
    """Direct labels at the right, moved apart, each joined to its line by a thin lead."""
    heights = [27.0 if sub else 15.0 for _, _, sub, _ in labels]
    placed = svg.spread([y for y, *_ in labels], heights, plane.y0 + 6, plane.y1 - 4)
    body = []
    edge, x = plane.x1, plane.x1 + 20
    for (y, label, sub, colour), at in zip(labels, placed, strict=True):
        body.append(svg.line((edge + 2, y), (x - 4, at), colour=colour, width=0.7))
        shift = 3.6 if not sub else -1.4
        body.append(svg.text(x, at + shift, label, colour=colour, weight=600))
        if sub:
            body.append(svg.text(x, at + 10.6, sub, size=svg.SMALL, colour=svg.SOFT))
    return body


def _curve_alt(curve: Curve, words: Wording) -> str:
    join = words("number.comma").join
    lines = words.prose(
        words(
            "curve.alt_line",
            selector=clean(series.selector, 60),
            points=join(
                words("curve.alt_point", value=words.value(p), k=p.subject.k or 0)
                for p in series.points
            ),
        )
        for series in curve.series
    )
    points = join(
        words(
            "curve.alt_control_point",
            low=words.amount(c.low, "%"),
            high=words.amount(c.high, "%"),
            k=c.k,
        )
        for c in curve.controls
    )
    limits = join(
        words("curve.alt_limit_point", level=words.amount(step.level, "%"), k=step.k)
        for step in curve.limits
    )
    return words(
        "curve.alt",
        unmasked=words.value(curve.unmasked),
        lines=lines,
        controls=words("curve.alt_controls", points=points) if points else "",
        limit=words("curve.alt_limit", points=limits) if limits else "",
    )
