"""Makes the CJK fonts of the reports: static subsets of Noto Sans CJK JP.

    pip download --no-deps noto-cjk-sans-jp-regular==0.0.1 noto-cjk-sans-jp-bold==0.0.1
    python -m tools.cjk_fonts *.whl

The same wheels and fonttools give the same bytes.
"""

from __future__ import annotations

import io
import sys
import zipfile
from collections.abc import Iterable
from pathlib import Path

from fontTools import subset  # type: ignore[import-untyped]
from fontTools.ttLib import TTFont  # type: ignore[import-untyped]

FOLDER = Path(__file__).resolve().parents[1] / "report_templates" / "fonts"

#: Encoding and the rows of it that are kept: characters that people write in names and titles.
_KEPT = (
    ("euc_jp", range(0xA1, 0xFF)),  # JIS X 0208
    ("cp932", range(0x81, 0xFD)),  # and the letters of Japanese names that vendors added
    ("gb2312", range(0xA1, 0xFF)),
    ("big5", range(0xA1, 0xC7)),  # signs and level 1
    ("euc_kr", range(0xB0, 0xC9)),  # the 2350 Hangul syllables of KS X 1001
)
#: Pango sets the space behind a word in the font of that word.
_SPACES = {0x20, 0xA0}


def characters() -> set[int]:
    """All code points that the subsets keep."""
    return {ord(letter) for codec, rows in _KEPT for letter in _letters(codec, rows)} | _SPACES


def _letters(codec: str, rows: Iterable[int]) -> str:
    codes = (bytes((row, cell)) for row in rows for cell in range(0x40, 0xFF))
    return "".join(code.decode(codec, errors="ignore") for code in codes)


def make(wheel: Path) -> Path:
    """Writes the subset of the one font in a wheel."""
    with zipfile.ZipFile(wheel) as files:
        (name,) = (n for n in files.namelist() if n.endswith(".otf"))
        font = TTFont(io.BytesIO(files.read(name)), recalcTimestamp=False)
    options = subset.Options(
        hinting=False,
        layout_features=["kern", "mark", "mkmk", "ccmp"],
        name_IDs=[0, 1, 2, 3, 4, 5, 6, 13, 14],
        notdef_outline=True,
    )
    options.drop_tables += ["BASE", "DSIG", "VORG", "vhea", "vmtx"]  # of vertical text only
    subsetter = subset.Subsetter(options)
    subsetter.populate(unicodes=characters())
    subsetter.subset(font)
    path = FOLDER / Path(name).name
    font.save(path)
    return path


if __name__ == "__main__":
    for argument in sys.argv[1:]:
        made = make(Path(argument))
        print(f"{made.name}: {made.stat().st_size} bytes")
