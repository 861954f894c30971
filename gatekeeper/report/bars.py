"""Interval charts: prompt sets with and without a mask, and a rule against its limit."""

from __future__ import annotations

from collections.abc import Sequence

from gatekeeper.records.finding import Finding
from gatekeeper.records.suite import HARMFUL_SETS
from gatekeeper.report import svg
from gatekeeper.report.parts import GroupRow, RuleRow, SetRates
from gatekeeper.report.wording import Wording

_LEFT, _RIGHT, _TOP, _ROW = 128.0, 118.0, 8.0, 50.0
_MASKED = "#3f7cac"


def _x(percent: float) -> float:
    share = min(max(percent, 0.0), 100.0) / 100
    return _LEFT + (svg.WIDTH - _RIGHT - _LEFT) * share


def set_rates(sets: tuple[SetRates, ...], words: Wording) -> str:
    """Refusal rate of each prompt set with its interval, unmasked and masked."""
    bottom = _TOP + _ROW * len(sets)
    body = []
    for percent in range(0, 101, 20):
        x, label = _x(percent), words.limit(percent, "%")
        body.append(svg.line((x, _TOP), (x, bottom), colour=svg.GRID))
        body.append(svg.text(x, bottom + 15, label, anchor="middle", colour=svg.SOFT))
    for index, rates in enumerate(sets):
        body += _set_row(rates, _TOP + _ROW * index, index == 0, words)
    alt = words("breakdown.alt", rows=words.prose(_set_alt(rates, words) for rates in sets))
    return svg.figure(svg.WIDTH, bottom + 22, alt, body)


def _set_row(rates: SetRates, top: float, first: bool, words: Wording) -> list[str]:
    wanted = "want_high" if rates.set in HARMFUL_SETS else "want_low"
    body = [
        svg.line((0, top), (svg.WIDTH, top), colour=svg.GRID) if not first else "",
        svg.text(0, top + 22, svg.shorten(rates.title, 20), size=11, weight=600),
        svg.text(0, top + 36, words(f"breakdown.{wanted}"), size=svg.SMALL, colour=svg.SOFT),
    ]
    arms = (("unmasked", rates.unmasked, svg.NAVY, 0), ("masked", rates.masked, _MASKED, 1))
    for index, (arm, finding, colour, kind) in enumerate(arms):
        if finding is None:
            continue
        y = top + 17 + 17 * index
        low, high = _x(finding.interval.low), _x(finding.interval.high)
        body += [
            svg.line((low, y), (high, y), colour=colour, width=1.8),
            svg.line((low, y - 4), (low, y + 4), colour=colour, width=1.4),
            svg.line((high, y - 4), (high, y + 4), colour=colour, width=1.4),
            svg.marker(kind, _x(finding.value), y, colour, 4),
            svg.text(svg.WIDTH - 54, y + 3.6, words.value(finding), anchor="end", weight=600),
            svg.text(
                svg.WIDTH, y + 3.6, words(f"breakdown.{arm}"), size=svg.SMALL, anchor="end",
                colour=svg.SOFT,
            ),
        ]  # fmt: skip
    return body


def _set_alt(rates: SetRates, words: Wording) -> str:
    values = [
        words(f"breakdown.alt_{arm}", rate=words.estimate(finding))
        for arm, finding in (("unmasked", rates.unmasked), ("masked", rates.masked))
        if finding
    ]
    return words("breakdown.alt_row", set=rates.title, values=words("number.comma").join(values))


#: Width of the chart of one row, and where its lines stand.
_GAUGE, _QUARTERS = 190.0, (0, 25, 50, 75, 100)


def _gauge_x(percent: float) -> float:
    return 5 + (_GAUGE - 10) * min(max(percent, 0.0), 100.0) / 100


def group_axis(words: Wording) -> str:
    """The scale of the gauges of a table, for its head."""
    anchors = {0: "start", 50: "middle", 100: "end"}
    body = [
        svg.text(
            _gauge_x(percent), 10, words.limit(percent, "%"),
            size=svg.SMALL, anchor=anchor, colour=svg.SOFT,
        )
        for percent, anchor in anchors.items()
    ]  # fmt: skip
    ticks = (_gauge_x(percent) for percent in _QUARTERS)
    body += [svg.line((x, 13), (x, 17), colour=svg.SOFT) for x in ticks]
    return svg.figure(_GAUGE, 17, words("breakdown.axis"), body)


def group_gauge(row: GroupRow, words: Wording) -> str:
    """A group's two intervals from 0 to 100 %; the numbers stand beside it in the table."""
    width, height, x = _GAUGE, 24.0, _gauge_x
    body = [svg.line((x(p), 1), (x(p), height - 1), colour=svg.GRID) for p in _QUARTERS]
    alt = []
    arms = (("unmasked", row.unmasked, svg.NAVY, 0), ("masked", row.masked, _MASKED, 1))
    for index, (arm, share, colour, kind) in enumerate(arms):
        if share is None or share.interval is None:
            continue
        y = 7.5 + 9 * index
        ends = (x(share.interval.low), x(share.interval.high))
        body.append(svg.line((ends[0], y), (ends[1], y), colour=colour, width=1.6))
        body += [svg.line((e, y - 3), (e, y + 3), colour=colour, width=1.2) for e in ends]
        body.append(svg.marker(kind, x(share.value), y, colour, 3))
        alt.append(words(f"breakdown.alt_{arm}", rate=words.amount(share.value, "%")))
    title = words("breakdown.alt_row", set=row.name, values=words("number.comma").join(alt))
    return svg.figure(width, height, title, body)


def rule_gauge(row: RuleRow, words: Wording) -> str:
    """A rule's interval beside its limit, the failing side hatched; empty if not measured."""
    finding, rule = row.outcome.largest, row.outcome.rule
    if finding is None:
        return ""
    sides = [(side.maximum is not None, side.maximum or side.minimum or 0.0)
             for side in rule.sides()]  # fmt: skip
    width, height = 118.0, 24.0
    low, high = _scale(finding, [limit for _, limit in sides])

    def x(value: float) -> float:
        return 3 + (width - 6) * (min(max(value, low), high) - low) / (high - low)

    y = height / 2
    edges = [(upper, x(limit)) for upper, limit in sides]
    spans = [(edge, width - 3) if upper else (3.0, edge) for upper, edge in edges]
    ends = (x(finding.interval.low), x(finding.interval.high))
    body = [
        *(svg.path(_strokes(*s, 4, height - 4), stroke="#d8a7a2", width=0.7) for s in spans),
        svg.line((3, height - 4), (width - 3, height - 4), colour=svg.GRID),
        *(svg.line((e, 2), (e, height - 2), colour=svg.RED, width=1.5) for _, e in edges),
        svg.line((ends[0], y), (ends[1], y), colour=svg.NAVY, width=2),
        *(svg.line((e, y - 3.5), (e, y + 3.5), colour=svg.NAVY, width=1.4) for e in ends),
        svg.marker(0, x(finding.value), y, svg.NAVY, 3.2),
    ]
    alt = words(
        "rules.gauge_alt", rule=row.id, measured=row.measured, range=row.interval, limit=row.limit
    )
    return svg.figure(width, height, alt, body)


def _scale(finding: Finding, limits: Sequence[float]) -> tuple[float, float]:
    """Ends of a gauge's axis: from nought, or below it, to beyond limits and interval."""
    low = min(0.0, finding.interval.low, *limits)
    high = max(finding.interval.high, *limits, low + 1e-9)
    room = (high - low) * 0.12
    return (low if low == 0 else low - room), high + room


def _strokes(x0: float, x1: float, top: float, bottom: float) -> str:
    """Slanted strokes that fill a box from x0 to x1."""
    depth, parts, x = bottom - top, [], x0
    while x < x1:
        run = min(depth, x1 - x)
        parts.append(f"M{svg.num(x)} {svg.num(bottom)}L{svg.num(x + run)} {svg.num(bottom - run)}")
        x += 5
    return "".join(parts)
