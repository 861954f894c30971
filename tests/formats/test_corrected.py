"""Corrected rates in every format that shows them."""

from __future__ import annotations

import io
import json
from functools import cache
from pathlib import Path

import jsonschema
import pytest
from pypdf import PdfReader

from gatekeeper import catalog
from gatekeeper.formats import json as json_format
from gatekeeper.report.parts import ReportView
from gatekeeper.report.view import build_view
from tests.typed import some

from ..report.cards import given
from ..report.synthetic import audit
from .rendered import attachments

SCHEMA = json.loads(Path(json_format.__file__).with_name("report-v1.json").read_text())
SNAPSHOTS = Path(__file__).with_name("snapshots")
POOR = given(unmasked=(59, 60, 59, 60), masked=(60, 60, 30, 60))


@cache
def view() -> ReportView:
    case = audit("pass")
    return build_view(case.evidence, case.verdict, case.policy, card=POOR)


def rendered(name: str) -> bytes:
    return catalog.load("format", name).render(view(), attachments("pass"))


def test_json_follows_its_schema_and_holds_the_numbers() -> None:
    report = json.loads(rendered("json"))
    jsonschema.validate(report, SCHEMA, jsonschema.Draft202012Validator)
    facts = some(view().corrected)
    assert report["corrected"]["card_digest"] == POOR.digest
    for row, wanted in zip(report["corrected"]["rows"], facts.rows, strict=True):
        assert row["value"] == wanted.value
        high = None if wanted.interval is None else wanted.interval.high
        assert (row["interval"] or {}).get("high") == high
        assert (row["value"] is None) == bool(row["reason"])
        assert row["raw"]["n"] == wanted.raw.n
    assert report["corrected"]["notes"] == list(facts.notes) != []


@pytest.mark.parametrize("name", ["console", "markdown"])
def test_text_is_as_it_was(name: str) -> None:
    """To accept a change, look at it, then write the new text into the snapshot."""
    text = rendered(name).decode()
    start = text.index(view().words("corrected.title"))
    end = text.find("\n### ", start)
    path = SNAPSHOTS / f"corrected-{name}.txt"
    assert text[start : end if end > 0 else None] == path.read_text(encoding="utf-8")


@pytest.mark.thorough
def test_a_pdf_read_back_shows_the_table_and_the_note() -> None:
    reader = PdfReader(io.BytesIO(rendered("pdf")))
    text = " ".join(" ".join(page.extract_text() for page in reader.pages).split())
    words, facts = view().words, some(view().corrected)
    assert words("corrected.title") in text
    assert POOR.digest.removeprefix("sha256:")[:20] in text.replace(" ", "")
    told = [(row, row.interval) for row in facts.rows if row.interval is not None]
    assert len(told) < len(facts.rows)
    assert "the card does not fit this rate" in text
    for row, interval in told:
        low, high = (words.number(end) for end in (interval.low, interval.high))
        assert f"{low} to {high}" in text
        assert words.amount(some(row.value), row.raw.unit) in text.replace(
            "\N{NO-BREAK SPACE}", " "
        )
    assert "is inside the limit of" in text


def test_no_format_speaks_of_a_card_that_was_not_given() -> None:
    case = audit("pass")
    plain = build_view(case.evidence, case.verdict, case.policy)
    for name in ("console", "markdown", "json"):
        text = catalog.load("format", name).render(plain, attachments("pass")).decode()
        assert "corrected" not in text.lower()
