"""The vendored fonts: which characters they have, and what becomes of all others."""

from __future__ import annotations

import re
from functools import cache

from gatekeeper.bundled import bundled

_KEEP = frozenset("\n\t\r")


@cache
def font_files() -> dict[str, bytes]:
    """The fonts by file name."""
    folder = bundled("report_templates") / "fonts"
    return {f.name: f.read_bytes() for f in sorted(folder.glob("*.ttf"))}


@cache
def _missing() -> re.Pattern[str]:
    """Matches each character that no vendored font has."""
    import io

    from fontTools.ttLib import TTFont  # type: ignore[import-untyped]

    known: set[int] = set()
    for data in font_files().values():
        with TTFont(io.BytesIO(data), lazy=True) as font:
            known |= set(font.getBestCmap())
    points = sorted(known | {ord(c) for c in _KEEP})
    ranges, start = [], points[0]
    for here, following in zip(points, [*points[1:], -1], strict=True):
        if following != here + 1:
            ranges.append(f"\\U{start:08x}-\\U{here:08x}")
            start = following
    return re.compile(f"[^{''.join(ranges)}]")


def fit(markup: str) -> str:
    """Write characters that no vendored font has as `[U+1F600]`.

    A missing glyph would silently pull in whatever font the machine has: other bytes on every
    machine, and no telling what the reader sees.
    """
    return _missing().sub(lambda match: f"[U+{ord(match[0]):04X}]", markup)


def lacking(markup: str) -> str:
    """The characters that no vendored font has, each once, in order."""
    return "".join(dict.fromkeys(_missing().findall(markup)))
