from __future__ import annotations

import io
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pypdf import PdfReader

from gatekeeper.formats import pdf
from gatekeeper.policy.evaluate import evaluate
from gatekeeper.records.finding import Finding, Subject
from gatekeeper.report.disclosure import Disclosure
from gatekeeper.report.document import render_html, stylesheet
from gatekeeper.report.view import build_view
from tests.typed import only

from ..report.synthetic import TODAY, audit
from .rendered import attachments, rendered, view

pytestmark = pytest.mark.thorough

ROOT = Path(__file__).resolve().parents[2]


def _reader(kind: str, level: Disclosure = Disclosure.COMMITTEE) -> PdfReader:
    return PdfReader(io.BytesIO(rendered("pdf", kind, level)))


def _text(reader: PdfReader) -> str:
    text = " ".join(page.extract_text() for page in reader.pages)
    return " ".join(text.split())


def _objects(reader: PdfReader) -> Iterator[Any]:
    size: Any = reader.trailer["/Size"]
    for number in range(1, int(size)):
        yield reader.get_object(number)


@pytest.mark.parametrize(
    ("kind", "word"),
    [("fail", "FAILED"), ("pass", "PASSED BY EXCEPTION"), ("inconclusive", "INCONCLUSIVE")],
)
def test_the_cover_says_the_decision_and_what_it_rests_on(kind: str, word: str) -> None:
    reader, shown = _reader(kind), view(kind)
    cover = " ".join(reader.pages[0].extract_text().split())
    assert word in cover
    for fact in (
        shown.document.id,
        shown.model.name,
        shown.model.digest,
        shown.verdict.evidence_digest,
        shown.policy.digest,
        "2026-11-22 09:41 UTC",
        "version 3.2",
    ):
        assert fact in cover


@pytest.mark.parametrize("kind", ["fail", "pass", "inconclusive"])
def test_all_numbers_that_decided_are_there_with_interval_and_n(kind: str) -> None:
    text = _text(_reader(kind))
    for row in view(kind).rules:
        finding = only(Finding, row.outcome.decisive)
        low, high = (
            f"{end:.1f}".replace("-", "−") for end in (finding.interval.low, finding.interval.high)
        )
        assert f"{low} to {high}" in text
        assert f"n = {finding.n}" in text
        assert row.measured.replace("\N{NO-BREAK SPACE}", " ") in text


def test_a_pass_says_what_it_does_not_show() -> None:
    text = _text(_reader("pass"))
    assert "What a pass does not show" in text
    assert "A pass is no proof that no harmful mask exists" in text
    assert "does not prove that no harmful mask exists" in text
    assert "Synthetic waiver: wording issue" in text


@pytest.mark.parametrize("kind", ["fail", "pass", "inconclusive"])
def test_page_count_and_running_lines(kind: str) -> None:
    reader = _reader(kind)
    assert 6 <= len(reader.pages) <= 8
    for number, page in enumerate(reader.pages[1:], 2):
        text = page.extract_text()
        assert f"Page {number} of {len(reader.pages)}" in text
        assert view(kind).document.id in text
        assert len(text) > 400, f"page {number} is nearly empty"


@pytest.mark.parametrize("kind", ["fail", "pass", "inconclusive"])
def test_the_summary_is_one_page_and_the_sign_off_stands_free(kind: str) -> None:
    _check_summary(_reader(kind))


def _check_summary(reader: PdfReader) -> None:
    """Page 2 is the summary; findings follow, of a pass on the same page; the sign-off lies upon
    nothing.
    """
    drawn: list[tuple[str, float]] = []

    def visit(text: str, cm: list[float], tm: list[float], *_: object) -> None:
        if text.strip():
            drawn.append((text.strip(), cm[1] * tm[4] + cm[3] * tm[5] + cm[5]))

    text = reader.pages[1].extract_text()
    assert "Executive summary" in text and "What is recommended" in text
    assert "How sure this is, and what is not known" in text
    assert "Findings" in text + "".join(reader.pages[2].extract_text().split("\n")[:4])
    page = next(p for p in reader.pages[1:] if "Committee chair" in p.extract_text())
    page.extract_text(visitor_text=visit)
    titles = {"Sign-off", "Acknowledgement of the result"}
    at = next(i for i, (text, _) in enumerate(drawn) if text in titles)
    # What is drawn before the block stands above it, and not over it.
    assert not at or min(y for _, y in drawn[:at]) > drawn[at][1] + 12


def _crowded(kind: str) -> Any:
    """A view of six rules with long names and remedies; limits that fit the kind of verdict."""
    case = audit(kind)
    drop, excess, *_ = case.policy.rules
    at = [(drop, 2), (drop, 4), (drop, 8), (excess, 2), (excess, 4), (excess, 8)]
    rules = tuple(
        replace(
            rule,
            id=f"{rule.id}-with-a-long-name-{i}",
            subjects=(Subject(k=k),),
            maximum=12.0,
            remedy=f"Remedy {i}: " + "retrain with expert dropout and adversarial masks; " * 9,
        )
        for i, (rule, k) in enumerate(at)
    )
    evidence = replace(
        case.evidence,
        checkpoint=replace(case.evidence.checkpoint, source="a-model-with-a-long-name/" * 9),
        suite=replace(case.evidence.suite, id="a-suite-with-a-long-name-" * 9),
    )
    policy = replace(case.policy, rules=rules)
    verdict = evaluate(evidence, policy, TODAY, earlier=True)
    assert verdict.result == kind
    return build_view(evidence, verdict, policy)


@pytest.mark.parametrize("kind", ["fail", "pass", "inconclusive"])
def test_a_crowded_policy_leaves_the_summary_on_one_page(kind: str) -> None:
    import weasyprint

    shown = _crowded(kind)
    if kind == "fail":
        assert [row.result for row in shown.rules].count("fail") >= 5
    html, _, _ = render_html(shown).partition("<h1>Where safety sits")
    fetcher = pdf._fetcher(weasyprint)
    fonts = weasyprint.text.fonts.FontConfiguration()
    css = weasyprint.CSS(string=stylesheet(), font_config=fonts, url_fetcher=fetcher)
    laid_out = weasyprint.HTML(string=html, url_fetcher=fetcher)
    data = laid_out.write_pdf(stylesheets=[css], font_config=fonts)
    _check_summary(PdfReader(io.BytesIO(data)))


def test_only_the_vendored_fonts_are_inside() -> None:
    names = set()
    for item in _objects(_reader("fail", Disclosure.RESTRICTED)):
        if isinstance(item, dict) and item.get("/Type") == "/Font":
            names.add(re.sub(r"^/[A-Z]{6}\+", "", item["/BaseFont"]))
    assert names == {"Report-Sans", "Report-Sans-Semi-Bold", "Report-Sans-Bold", "Report-Mono"}


def test_attachments_are_equal_and_follow_the_level() -> None:
    files = attachments("fail")
    full = _reader("fail", Disclosure.RESTRICTED).attachments
    assert {name: data[0] for name, data in full.items()} == files
    shown = _reader("fail").attachments
    assert {name: data[0] for name, data in shown.items()} == {
        name: files[name] for name in ("manifest.json", "verdict.json")
    }


def test_it_is_tagged_identified_as_pdf_a_and_pdf_ua_and_lists_attachments_once() -> None:
    reader = _reader("fail", Disclosure.RESTRICTED)
    root: Any = reader.trailer["/Root"]
    assert root["/Lang"] == "en" and root["/MarkInfo"]["/Marked"]
    assert len(root["/AF"]) == 3
    assert {str(f.get_object()["/AFRelationship"]) for f in root["/AF"]} == {"/Data"}
    xmp = root["/Metadata"].get_object().get_data().decode()
    assert re.search(r'pdfaid:part="3"', xmp) and re.search(r'pdfaid:conformance="A"', xmp)
    assert "<pdfuaid:part>1</pdfuaid:part>" in xmp and xmp.count("</rdf:RDF>") == 1
    assert reader.xmp_metadata is not None


def test_figures_have_alt_texts_and_tables_have_headers() -> None:
    kinds: dict[str, int] = {}
    alts = []
    for item in _objects(_reader("fail")):
        if isinstance(item, dict) and item.get("/Type") == "/StructElem":
            kind = str(item["/S"])
            kinds[kind] = kinds.get(kind, 0) + 1
            if kind == "/Figure":
                alts.append(str(item.get("/Alt", "")))
    assert {"/H1", "/H2", "/Table", "/TH", "/TD", "/Figure", "/L"} <= set(kinds)
    assert len(alts) >= 3 and all(len(alt) > 15 for alt in alts)
    assert any("Line chart" in alt for alt in alts)


def test_nothing_claims_conformance() -> None:
    assert "conform" not in _text(_reader("fail")).lower()


def test_the_same_bytes_from_another_process_time_zone_hash_seed_and_directory(
    tmp_path: Path,
) -> None:
    script = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from tests.formats.rendered import rendered\n"
        "import hashlib; print(hashlib.sha256(rendered('pdf', 'fail')).hexdigest())"
    )
    result = subprocess.run(
        [sys.executable, "-c", script, str(ROOT)],
        cwd=tmp_path,
        env={**os.environ, "TZ": "Asia/Tokyo", "PYTHONHASHSEED": "7", "LC_ALL": "C"},
        capture_output=True,
        text=True,
        check=True,
    )
    import hashlib

    assert result.stdout.strip() == hashlib.sha256(rendered("pdf", "fail")).hexdigest()
