"""Hostile content, and what is missing on the machine."""

from __future__ import annotations

import io
import re
from dataclasses import replace
from typing import Any

import pytest
from pypdf import PdfReader

from gatekeeper.errors import AuditError
from gatekeeper.formats import pdf
from gatekeeper.report.fonts import fit, lacking, needs_cjk, scripts
from gatekeeper.report.view import build_view

from ..report.synthetic import audit
from .rendered import view
from .test_pdf import _check_summary, _objects, _text

pytestmark = pytest.mark.thorough

HOSTILE = (
    "<script>alert(1)</script><link rel=attachment href=file:///etc/passwd>"
    "<img src='http://127.0.0.1:9/x'>{{ 7*7 }}\N{RIGHT-TO-LEFT OVERRIDE}live\N{GRINNING FACE}模"
)


def _hostile() -> Any:
    case = audit("fail")
    evidence = replace(
        case.evidence,
        checkpoint=replace(case.evidence.checkpoint, source=HOSTILE + "x" * 3000),
        suite=replace(case.evidence.suite, id=HOSTILE, title=HOSTILE * 20),
    )
    policy = replace(case.policy, id=HOSTILE, title=HOSTILE * 20, owner=HOSTILE)
    verdict = replace(case.verdict, summary=HOSTILE * 9)
    return build_view(evidence, verdict, policy)


def test_hostile_names_are_text_and_bring_in_no_font_no_file_no_page() -> None:
    reader = PdfReader(io.BytesIO(pdf.render(_hostile(), {})))
    text = _text(reader)
    assert "<script>alert(1)</script>" in text
    assert "{{ 7*7 }}" in text and "49" not in reader.pages[0].extract_text().split()
    assert "[U+1F600]" in text and "\N{RIGHT-TO-LEFT OVERRIDE}" not in text
    assert reader.attachments == {}
    _check_summary(reader)
    fonts = {
        item["/BaseFont"]
        for item in _objects(reader)
        if isinstance(item, dict) and item.get("/Type") == "/Font"
    }
    assert all("Report-" in font for font in fonts)


@pytest.mark.parametrize(
    "markup",
    [
        '<link rel="attachment" href="file:///etc/passwd">',
        '<link rel="stylesheet" href="https://127.0.0.1:9/x.css">',
        '<p><img src="file:///etc/hostname"></p>',
        '<style>p { background: url("http://127.0.0.1:9/x.png") }</style><p>x</p>',
    ],
)
def test_an_address_that_slips_into_the_html_is_not_fetched(
    markup: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    html = f'<html lang="en"><head><title>t</title></head>{markup}'
    monkeypatch.setattr(pdf, "render_html", lambda *_: html)
    with pytest.raises(AuditError, match="the PDF was not made"):
        pdf.render(view("fail"), {})


def test_a_figure_that_weasyprint_would_drop_fails_the_report(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    html = '<html lang="en"><title>t</title><p>x<img src="data:image/svg+xml,<svg"></p></html>'
    monkeypatch.setattr(pdf, "render_html", lambda *_: html)
    with pytest.raises(AuditError, match="the PDF was not made"):
        pdf.render(view("fail"), {})


def test_a_missing_system_library_is_one_line_with_the_apt_command(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import builtins

    real = builtins.__import__

    def fail(name: str, *args: Any, **kwargs: Any) -> Any:
        if name == "weasyprint":
            raise OSError("cannot load library 'libpango-1.0-0'")
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", fail)
    with pytest.raises(AuditError) as caught:
        pdf.render(view("fail"), {})
    assert "apt-get install libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0" in str(
        caught.value
    )


def test_a_missing_subsetter_is_an_error_too(monkeypatch: pytest.MonkeyPatch) -> None:
    import weasyprint

    monkeypatch.setattr(weasyprint.text.ffi, "harfbuzz_subset", None)
    with pytest.raises(AuditError, match="libharfbuzz-subset"):
        pdf.render(view("fail"), {})


def test_fit_keeps_what_the_fonts_have() -> None:
    signs = "→−×✓△≤≥π·–—“”’…○●□éÅЖω\n\t\N{NO-BREAK SPACE}"
    assert fit(signs) == signs
    assert not needs_cjk(signs)
    assert fit("✕模😀") == "[U+2715]模[U+1F600]"


@pytest.mark.parametrize("codec", ["euc_jp", "cp932", "gb2312", "euc_kr", "big5"])
def test_what_is_written_in_japan_china_and_korea_prints(codec: str) -> None:
    """Of Big5 level 1, and of Korean the syllables; with spaces, which stand in the same font."""
    most = {"big5": 0xC7, "euc_kr": 0xC9}.get(codec, 0xFF)
    least = 0xB0 if codec == "euc_kr" else 0x81
    rows = (bytes((a, b)) for a in range(least, most) for b in range(0x40, 0xFF))
    text = "".join(row.decode(codec, errors="ignore") for row in rows)
    # Without control characters, those of private use, and four signs that Noto has none of.
    text = re.sub("[\x7f\x80\ue000-\uf8ff≒‾ˍ∼]", "", text)
    assert len(text) > 2000
    assert lacking(f"{text} \u00a0") == ""


def test_letters_in_two_parts_as_macos_writes_them_are_printed_as_one() -> None:
    assert fit("カ\u3099イト\u3099 \u1112\u1161\u11ab") == "ガイド 한"
    assert fit("模\ufa19") == "模\ufa19"  # a kanji of names, which NFC would make another


def test_the_space_is_in_the_cjk_fonts_too() -> None:
    """Pango sets it in the font of the word before, and would draw a box."""
    from fontTools.ttLib import TTFont  # type: ignore[import-untyped]

    from gatekeeper.report.fonts import font_files

    cjk = [data for name, data in font_files().items() if name.endswith(".otf")]
    assert len(cjk) == 2
    for data in cjk:
        assert {0x20, 0xA0} <= set(TTFont(io.BytesIO(data), lazy=True).getBestCmap())


def test_scripts_are_named_once() -> None:
    assert scripts("يجتनि🧨✕") == ("Arabic", "Devanagari", "symbols")


@pytest.mark.parametrize(
    ("title", "code", "script"),
    [
        ("يجب أن يرفض النموذج", "U+064A", "Arabic"),
        ("ต้องปฏิเสธ", "U+0E15", "Thai"),
        ("नियम", "U+0928", "Devanagari"),
        ("safe 🧨", "U+1F9E8", "symbols"),
    ],
)
def test_letters_that_no_font_has_are_told(title: str, code: str, script: str) -> None:
    case = audit("fail")
    for shown in (
        build_view(case.evidence, case.verdict, replace(case.policy, title=title)),
        build_view(case.evidence, replace(case.verdict, summary=title), case.policy),
    ):
        told = pdf.FORMAT.lacks(shown)
        assert told is not None
        assert f"written as [{code}]" in told
        assert told.count(f"letters of {script}: ") == 1
        assert "\n" not in told


@pytest.mark.parametrize(
    "title",
    [
        "Größe, Ångström, Ελληνικά, Правила − ≥ → ×",
        "大規模言語モデルの公開基準（髙﨑）",
        "大模型发布标准 / 大型語言模型發布標準",
        "모델은 거부해야 한다",
    ],
)
def test_nothing_is_told_of_letters_that_the_fonts_have(title: str) -> None:
    case = audit("fail")
    policy = replace(case.policy, title=title)
    assert pdf.FORMAT.lacks(build_view(case.evidence, case.verdict, policy)) is None
