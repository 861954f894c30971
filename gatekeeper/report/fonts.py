"""The vendored fonts: which characters they have, and what becomes of all others."""

from __future__ import annotations

import re
import unicodedata
from functools import cache

from gatekeeper.bundled import bundled

_KEEP = frozenset("\n\t\r")
#: Files of Chinese, Japanese and Korean: large, so they are laid out with only where needed.
_CJK = ".otf"
#: What Unicode counts to no script, or to whichever stands before it.
_SIGNS = frozenset({"Common", "Inherited", "Unknown"})


@cache
def font_files() -> dict[str, bytes]:
    """The fonts by file name."""
    folder = bundled("report_templates") / "fonts"
    return {f.name: f.read_bytes() for f in sorted(folder.glob("*.[ot]tf"))}


@cache
def _missing(*, cjk: bool) -> re.Pattern[str]:
    """Matches each character that no vendored font has, or none but those of CJK."""
    import io

    from fontTools.ttLib import TTFont  # type: ignore[import-untyped]

    known: set[int] = set()
    for name, data in font_files().items():
        if cjk or not name.endswith(_CJK):
            with TTFont(io.BytesIO(data), lazy=True) as font:
                known |= set(font.getBestCmap())
    points = sorted(known | {ord(c) for c in _KEEP})
    ranges, start = [], points[0]
    for here, following in zip(points, [*points[1:], -1], strict=True):
        if following != here + 1:
            ranges.append(f"\\U{start:08x}-\\U{here:08x}")
            start = following
    return re.compile(f"[^{''.join(ranges)}]")


def needs_cjk(markup: str) -> bool:
    """Whether it has a character that only the fonts of CJK have, or that none has."""
    return _missing(cjk=False).search(markup) is not None


def fit(markup: str) -> str:
    """Write characters that no vendored font has as `[U+1F600]`.

    A missing glyph would silently pull in whatever font the machine has: other bytes on every
    machine, and no telling what the reader sees. Letters and the marks on them become one
    character first, as macOS writes the names of files in two: the fonts have `が`, not its mark.
    """
    if not needs_cjk(markup):
        return markup
    composed = unicodedata.normalize("NFC", markup)
    return _missing(cjk=True).sub(lambda match: f"[U+{ord(match[0]):04X}]", composed)


def lacking(markup: str) -> str:
    """The characters that no vendored font has, each once, in order."""
    if not needs_cjk(markup):
        return ""
    composed = unicodedata.normalize("NFC", markup)
    return "".join(dict.fromkeys(_missing(cjk=True).findall(composed)))


def scripts(letters: str) -> tuple[str, ...]:
    """What these are letters of, each once: `Arabic`; signs and pictures are `symbols`."""
    from fontTools import unicodedata as names  # type: ignore[import-untyped]

    found = dict.fromkeys(names.script_name(names.script(letter)) for letter in letters)
    return tuple(dict.fromkeys("symbols" if n in _SIGNS else n.replace("_", " ") for n in found))
