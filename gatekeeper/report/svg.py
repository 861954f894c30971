"""Small SVG pieces for hand-made charts: no ids, no scripts, text escaped here.

Colours are chosen so that a grey print keeps their order; nothing is told by colour alone.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from html import escape
from itertools import pairwise

#: Width of a chart in CSS pixels: the text width of an A4 page with 20 mm margins.
WIDTH = 642

#: CSS pixels of the smallest text: eight points.
SMALL = 10.7

INK = "#14243a"
SOFT = "#5a6777"
GRID = "#dfe4ea"
NAVY = "#12355b"
BAND = "#cfdcea"
RED = "#a3231b"
SERIES = ("#12355b", "#3f7cac", "#6b6f76", "#7a5a9a", "#2f6f5e")
DASHES = ("", "7 3", "2 2.5", "9 3 2 3", "4 2")

Point = tuple[float, float]


def num(value: float) -> str:
    """A coordinate, short and the same on every machine."""
    text = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if text in {"-0", ""} else text


def figure(width: float, height: float, title: str, body: Iterable[str]) -> str:
    """A whole chart; `title` becomes its alt text."""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{num(width)}" height="{num(height)}" '
        f'viewBox="0 0 {num(width)} {num(height)}" role="img"><title>{escape(title)}</title>'
        + "".join(body)
        + "</svg>"
    )


def text(
    x: float,
    y: float,
    content: str,
    *,
    size: float = SMALL,
    colour: str = INK,
    anchor: str = "start",
    weight: int = 400,
    rotate: int = 0,
) -> str:
    """A line of text with its baseline at (x, y)."""
    turn = f' transform="rotate({rotate} {num(x)} {num(y)})"' if rotate else ""
    return (
        f'<text x="{num(x)}" y="{num(y)}" font-size="{num(size)}" fill="{colour}" '
        f'text-anchor="{anchor}" font-weight="{weight}" '
        f'font-family="Report Sans, Report Mono, Report CJK"{turn}'
        f">{escape(content)}</text>"
    )


def line(a: Point, b: Point, *, colour: str = GRID, width: float = 1, dash: str = "") -> str:
    """A straight line."""
    dashes = f' stroke-dasharray="{dash}"' if dash else ""
    return (
        f'<line x1="{num(a[0])}" y1="{num(a[1])}" x2="{num(b[0])}" y2="{num(b[1])}" '
        f'stroke="{colour}" stroke-width="{num(width)}"{dashes}/>'
    )


def polyline(points: Iterable[Point], *, colour: str, width: float, dash: str = "") -> str:
    """An open line through points."""
    coords = " ".join(f"{num(x)},{num(y)}" for x, y in points)
    dashes = f' stroke-dasharray="{dash}"' if dash else ""
    return (
        f'<polyline points="{coords}" fill="none" stroke="{colour}" '
        f'stroke-width="{num(width)}"{dashes}/>'
    )


def area(upper: Iterable[Point], lower: Iterable[Point], fill: str) -> str:
    """The area between two lines."""
    points = [*upper, *reversed(list(lower))]
    coords = " ".join(f"{num(x)},{num(y)}" for x, y in points)
    return f'<polygon points="{coords}" fill="{fill}"/>'


def path(d: str, *, fill: str = "none", stroke: str = "none", width: float = 1) -> str:
    """A path."""
    return f'<path d="{d}" fill="{fill}" stroke="{stroke}" stroke-width="{num(width)}"/>'


def hatch(x0: float, x1: float, y: float, depth: float, step: float = 6) -> str:
    """Short slanted strokes below a horizontal line: the side that is not allowed."""
    strokes = []
    x = x0 + step
    while x <= x1:
        strokes.append(f"M{num(x)} {num(y)}L{num(x - depth)} {num(y + depth)}")
        x += step
    return path("".join(strokes), stroke=RED, width=0.8)


def marker(kind: int, x: float, y: float, colour: str, size: float = 3.6) -> str:
    """A marker whose shape, not only its colour, tells the series."""
    s = size
    if kind == 0:
        return f'<circle cx="{num(x)}" cy="{num(y)}" r="{num(s)}" fill="{colour}"/>'
    if kind == 1:
        return path(_polygon(x, y, s * 1.15, 4, 45), fill="#ffffff", stroke=colour, width=1.6)
    if kind == 2:
        return path(_polygon(x, y, s * 1.25, 3, -90), fill="#ffffff", stroke=colour, width=1.6)
    if kind == 3:
        return path(_polygon(x, y, s * 1.2, 4, 0), fill=colour)
    return (
        f'<circle cx="{num(x)}" cy="{num(y)}" r="{num(s - 0.6)}" fill="#ffffff" '
        f'stroke="{colour}" stroke-width="1.4"/>'
    )


def _polygon(x: float, y: float, radius: float, corners: int, turn: float) -> str:
    points = (
        (
            x + radius * math.cos(math.radians(turn + 360 * i / corners)),
            y + radius * math.sin(math.radians(turn + 360 * i / corners)),
        )
        for i in range(corners)
    )
    return "M" + "L".join(f"{num(px)} {num(py)}" for px, py in points) + "Z"


def spread(
    wanted: list[float], height: float | list[float], low: float, high: float
) -> list[float]:
    """Positions as near to the wanted ones as the heights of labels allow.

    The order of equal wishes is kept. If there is not room for all, they are set closer, over the
    room there is.
    """
    if not wanted:
        return []
    heights = height if isinstance(height, list) else [height] * len(wanted)
    order = sorted(range(len(wanted)), key=lambda i: (wanted[i], i))
    gaps = [(heights[a] + heights[b]) / 2 for a, b in pairwise(order)]
    gaps = [gap * min(1.0, (high - low) / sum(gaps)) for gap in gaps]
    placed, floor = list(wanted), low
    for i, gap in zip(order, [*gaps, 0.0], strict=True):
        placed[i] = max(wanted[i], floor)
        floor = placed[i] + gap
    ceiling = high
    for i, gap in zip(reversed(order), [*reversed(gaps), 0.0], strict=True):
        placed[i] = min(placed[i], ceiling)
        ceiling = placed[i] - gap
    return placed


def shorten(content: str, limit: int) -> str:
    """A label of at most `limit` characters."""
    return content if len(content) <= limit else content[: limit - 1] + "…"
