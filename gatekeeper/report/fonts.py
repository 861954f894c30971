"""The vendored fonts: which characters they have, and what becomes of all others."""

from __future__ import annotations

import re
import unicodedata
from functools import cache

from gatekeeper.bundled import bundled

_KEEP = frozenset("\n\t\r")
#: Files of Chinese, Japanese and Korean: large, so they are laid out with only where needed.
_CJK = ".otf"
#: A letter and the marks on it, or a Korean syllable in its parts, as macOS writes names of files.
_PARTS = re.compile(r"\w[\u0300-\u036f\u3099\u309a]+|[\u1100-\u11ff]+")
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
    machine, and no telling what the reader sees. Letters that are written in parts become one
    character first: the fonts have `が`, and not its mark.
    """
    if not needs_cjk(markup):
        return markup
    return _missing(cjk=True).sub(lambda match: f"[U+{ord(match[0]):04X}]", _whole(markup))


def _whole(markup: str) -> str:
    """With letters in parts made whole; nothing else, for NFC turns some kanji into others."""
    return _PARTS.sub(lambda match: unicodedata.normalize("NFC", match[0]), markup)


def lacking(markup: str) -> str:
    """The characters that no vendored font has, each once, in order."""
    if not needs_cjk(markup):
        return ""
    return "".join(dict.fromkeys(_missing(cjk=True).findall(_whole(markup))))


def scripts(letters: str) -> tuple[str, ...]:
    """What these are letters of, each once: `Arabic`; signs and pictures are `symbols`."""
    from fontTools import unicodedata as names  # type: ignore[import-untyped]

    found = dict.fromkeys(names.script_name(names.script(letter)) for letter in letters)
    return tuple(dict.fromkeys("symbols" if n in _SIGNS else n.replace("_", " ") for n in found))
