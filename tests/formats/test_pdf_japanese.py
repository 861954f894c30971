"""The report in Japanese, as a document of its own."""

from __future__ import annotations

import io
import re
from dataclasses import replace

import pytest
from pypdf import PdfReader

from gatekeeper.formats import pdf
from gatekeeper.report.disclosure import Disclosure
from gatekeeper.report.document import stylesheet
from gatekeeper.report.view import build_view

from ..report.synthetic import audit
from .rendered import rendered, view
from .test_pdf import _objects, _text

pytestmark = pytest.mark.thorough


def _reader(kind: str = "fail") -> PdfReader:
    return PdfReader(io.BytesIO(rendered("pdf", kind, Disclosure.COMMITTEE, "ja")))


def _fonts(reader: PdfReader) -> set[str]:
    fonts = (i for i in _objects(reader) if isinstance(i, dict) and i.get("/Type") == "/Font")
    return {re.sub(r"^/[A-Z]{6}\+", "", font["/BaseFont"]) for font in fonts}


def test_it_says_its_language_and_has_vendored_fonts_only() -> None:
    reader = _reader()
    assert reader.trailer["/Root"]["/Lang"] == "ja"  # type: ignore[index]
    cjk = {"Report-CJK", "Report-CJK-Bold"}
    assert _fonts(reader) <= cjk | {
        "Report-Sans", "Report-Sans-Semi-Bold", "Report-Sans-Bold", "Report-Mono"
    }  # fmt: skip
    assert cjk <= _fonts(reader)


def test_the_text_can_be_searched_and_every_figure_is_told_in_japanese() -> None:
    reader = _reader()
    text = re.sub(r"\s", "", _text(reader))
    for words in ("リリース判定", "不合格", "要約", "合格が示さないこと", "用語集", "信頼区間"):
        assert words in text
    assert "[U+" not in text
    alts = [
        str(item["/Alt"])
        for item in _objects(reader)
        if isinstance(item, dict) and item.get("/S") == "/Figure"
    ]
    assert len(alts) >= 3 and all(re.search("[ぁ-んァ-ン一-龥]", alt) for alt in alts)


def test_it_is_as_long_as_the_english_one() -> None:
    english = len(PdfReader(io.BytesIO(rendered("pdf", "fail"))).pages)
    reader = _reader()
    assert abs(len(reader.pages) - english) <= 1
    assert "要約" in reader.pages[1].extract_text()
    assert "指摘事項" in reader.pages[2].extract_text()
    assert any("結果の確認" in page.extract_text() for page in reader.pages[2:])
    last = len(reader.pages)
    assert f"{last} / {last}" in reader.pages[-1].extract_text()


def test_a_report_without_any_cjk_reads_no_font_of_it() -> None:
    assert "Report CJK" in stylesheet()
    assert "@font-face" not in "".join(
        line for line in stylesheet(cjk=False).splitlines() if "NotoSansCJK" in line
    )
    assert not any("CJK" in font for font in _fonts(PdfReader(io.BytesIO(rendered("pdf", "fail")))))


def test_titles_in_chinese_and_korean_are_printed_in_an_english_report() -> None:
    case = audit("fail")
    policy = replace(case.policy, title="发布标准 模型 모델은 거부해야 한다")
    reader = PdfReader(io.BytesIO(pdf.render(build_view(case.evidence, case.verdict, policy), {})))
    cover = reader.pages[0].extract_text()
    assert "发布标准" in cover and "거부해야" in cover
    assert "Report-CJK" in _fonts(reader)


def test_the_document_is_another_than_the_english_one() -> None:
    assert view("fail", lang="ja").document.id != view("fail").document.id
    again = pdf.render(view("fail", lang="ja"), {})
    assert again == pdf.render(view("fail", lang="ja"), {})
