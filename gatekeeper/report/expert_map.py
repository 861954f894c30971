"""The map of selection probabilities: layers × experts."""

from __future__ import annotations

from itertools import groupby

from gatekeeper.report import svg
from gatekeeper.report.disclosure import LayerStability, SelectorFacts
from gatekeeper.report.wording import Wording

#: Lightness falls evenly from paper to navy, so that a grey print keeps the order.
RAMP = ("#f3f6f9", "#d9e4ee", "#b9cee1", "#94b4d0", "#6a94ba", "#41719e", "#1f4f7e", "#0d2f54")
_LEFT, _TOP, _RING = 40.0, 4.0, "#b4371b"
_MOST_HEIGHT = 340.0
#: Where the first cell begins.
CORNER = (_LEFT, _TOP)


def expert_map(facts: SelectorFacts, words: Wording) -> str:
    """One selector's map; each colour level is one path of merged runs."""
    rows = facts.layers
    w, h = cell_size(rows)
    bottom = _TOP + h * len(rows)
    body = [*_cells(rows, w, h), *_rings(rows, w, h), *_axes(rows, w, h, words)]
    body += _legend(bottom + 38, words)
    return svg.figure(svg.WIDTH, bottom + 50, _alt(facts, words), body)


def cell_size(rows: tuple[LayerStability, ...]) -> tuple[float, float]:
    """Width and height of a cell; the first lies at `CORNER`."""
    columns = max(len(row.probabilities) for row in rows)
    w = (svg.WIDTH - _LEFT) / columns
    return w, max(4.0, min(26.0, _MOST_HEIGHT / len(rows), w * 1.1 if columns < 24 else 26.0))


def level_of(probability: float) -> int:
    """Index into `RAMP`: nought has a level of its own, the rest are of equal width."""
    if probability <= 0:
        return 0
    return 1 + min(int(probability * (len(RAMP) - 1)), len(RAMP) - 2)


def _cells(rows: tuple[LayerStability, ...], w: float, h: float) -> list[str]:
    # A hairline between cells helps the eye while they are large and only hurts below that.
    gap = 1.0 if min(w, h) >= 8 else 0.0
    parts: list[list[str]] = [[] for _ in RAMP]
    for y, row in enumerate(rows):
        x = 0
        for level, run in groupby(level_of(p) for p in row.probabilities):
            length = len(list(run))
            top, height = svg.num(_TOP + y * h), svg.num(h - gap)
            steps = range(length) if gap else range(1)
            for step in steps:
                width = svg.num(w - gap if gap else w * length)
                left = svg.num(_LEFT + (x + step) * w)
                parts[level].append(f"M{left} {top}h{width}v{height}h-{width}z")
            x += length
    return [svg.path("".join(d), fill=c) for d, c in zip(parts, RAMP, strict=True) if d]


def _rings(rows: tuple[LayerStability, ...], w: float, h: float) -> list[str]:
    """Rounded frames round runs of stable experts: white halo first, ring on top."""
    boxes = []
    for y, row in enumerate(rows):
        x = 0
        for stable, run in groupby(row.stable):
            length = len(list(run))
            if stable:
                boxes.append((_LEFT + x * w, _TOP + y * h, w * length, h))
            x += length
    frames = [_frame(*box) for box in boxes]
    return [
        *(svg.path(d, stroke="#ffffff", width=3.6) for d in frames),
        *(svg.path(d, stroke=_RING, width=1.7) for d in frames),
    ]


def _frame(x: float, y: float, w: float, h: float) -> str:
    # Small cells get a frame larger than themselves, or the ring would fill them.
    grow = max(0.0, (7.0 - h) / 2, (7.0 - w) / 2)
    x, y, w, h = x - grow - 0.5, y - grow - 0.5, w + 2 * grow, h + 2 * grow
    r = min(w, h, 12.0) / 2.6
    n = svg.num
    return (
        f"M{n(x + r)} {n(y)}h{n(w - 2 * r)}a{n(r)} {n(r)} 0 0 1 {n(r)} {n(r)}"
        f"v{n(h - 2 * r)}a{n(r)} {n(r)} 0 0 1 {n(-r)} {n(r)}h{n(2 * r - w)}"
        f"a{n(r)} {n(r)} 0 0 1 {n(-r)} {n(-r)}v{n(2 * r - h)}"
        f"a{n(r)} {n(r)} 0 0 1 {n(r)} {n(-r)}z"
    )


def _axes(rows: tuple[LayerStability, ...], w: float, h: float, words: Wording) -> list[str]:
    body, step = [], 1
    while step * h < 13:
        step *= 2
    for y, row in enumerate(rows):
        if y % step == 0:
            at = _TOP + (y + 0.5) * h + 3.6
            body.append(
                svg.text(_LEFT - 7, at, words.number(row.layer, 0), anchor="end", colour=svg.SOFT)
            )
    middle = _TOP + len(rows) * h / 2
    body.append(svg.text(10, middle, words("map.axis_layer"), anchor="middle", rotate=-90))
    bottom = _TOP + len(rows) * h
    named = bool(rows[0].ids)
    if named:
        body += _id_ticks(rows, w, bottom, words)
    label = words("map.axis_ids" if named else "map.axis_sorted")
    body.append(
        svg.text((_LEFT + svg.WIDTH) / 2, bottom + (26 if named else 16), label, anchor="middle")
    )
    return body


def _id_ticks(
    rows: tuple[LayerStability, ...], w: float, bottom: float, words: Wording
) -> list[str]:
    longest = max(rows, key=lambda row: len(row.ids))
    step = 1
    while step * w < 26:
        step *= 2
    return [
        svg.text(
            _LEFT + (i + 0.5) * w, bottom + 13, words.number(longest.ids[i], 0),
            anchor="middle", colour=svg.SOFT, size=svg.SMALL,
        )
        for i in range(0, len(longest.ids), step)
    ]  # fmt: skip


def _legend(y: float, words: Wording) -> list[str]:
    x = _LEFT
    body = [svg.text(x, y + 8.5, words("map.legend"), weight=600)]
    x += 24
    body.append(svg.text(x, y + 8.5, words.number(0, 0), colour=svg.SOFT))
    x += 12
    for colour in RAMP:
        frame = f"M{svg.num(x)} {svg.num(y)}h22v10h-22z"
        body.append(svg.path(frame, fill=colour, stroke="#b9c4d0", width=0.5))
        x += 22
    body.append(svg.text(x + 6, y + 8.5, words.number(1, 0), colour=svg.SOFT))
    x += 34
    body.append(svg.path(_frame(x, y, 12, 10), stroke=_RING, width=1.7))
    body.append(svg.text(x + 18, y + 8.5, words("map.ring")))
    return body


def _alt(facts: SelectorFacts, words: Wording) -> str:
    counts = sorted(((sum(r.stable), -r.layer) for r in facts.layers), reverse=True)
    top = words("number.comma").join(
        words("map.alt_layer", layer=-layer, count=count) for count, layer in counts[:3] if count
    )
    return words(
        "map.alt",
        layers=len(facts.layers),
        experts=max(len(row.probabilities) for row in facts.layers),
        stable=facts.stable,
        stable_layers=facts.stable_layers,
        top=top or words("map.alt_none"),
    )
