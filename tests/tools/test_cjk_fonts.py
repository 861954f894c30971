from __future__ import annotations

import io

from fontTools.ttLib import TTFont  # type: ignore[import-untyped]

from gatekeeper.report.fonts import font_files
from tools.cjk_fonts import characters


def test_the_vendored_fonts_are_what_the_tool_makes() -> None:
    wanted = characters()
    for name, data in font_files().items():
        if name.endswith(".otf"):
            kept = set(TTFont(io.BytesIO(data), lazy=True).getBestCmap())
            assert len(kept - wanted) <= 2  # mirror images of signs, which fonttools adds
            lacking = {c for c in wanted - kept if c > 0xFF and not 0xE000 <= c < 0xF900}
            assert {chr(c) for c in lacking} == set("≒‾ˍ∼")
            assert len(data) < 3_000_000
