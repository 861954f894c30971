"""Planted words must not reach the bytes of any report below the level that may show them."""

from __future__ import annotations

import io
from dataclasses import replace
from functools import cache

import pytest
from pypdf import PdfReader

from gatekeeper import catalog
from gatekeeper.records.evidence import Evidence, SelfTestCheck
from gatekeeper.records.model import ExpertId
from gatekeeper.records.plugins import Format
from gatekeeper.report.disclosure import Disclosure, disclose, permitted_attachments
from gatekeeper.report.document import render_html
from gatekeeper.report.view import build_view
from tests.typed import some

from .synthetic import TECHNICAL, Audit, audit

#: Expert ids that appear nowhere else, and replies that no wording contains.
PLANTED_LAYER, PLANTED_EXPERT = 3, 73317331
REPLY = "ZEBRAQUARTZ"
DETAIL = "OKAPISLATE"
ATTACHED = b'{"selections": "HERONBASALT"}'

LOW = [Disclosure.PUBLIC, Disclosure.COMMITTEE]


@cache
def _planted() -> Audit:
    base = audit("fail")
    evidence = base.evidence
    selections = tuple(
        replace(
            selection,
            ranked=(
                replace(selection.ranked[0], expert=ExpertId(PLANTED_LAYER, PLANTED_EXPERT)),
                *selection.ranked[1:],
            ),
        )
        for selection in evidence.selections
    )
    masks = tuple(
        replace(m, experts=(ExpertId(PLANTED_LAYER, PLANTED_EXPERT),) if m.k else ())
        for m in evidence.masks
    )
    planted = replace(
        evidence,
        selections=selections,
        masks=masks,
        trials=tuple(replace(t, completion=f"{REPLY} {t.outcome}") for t in evidence.trials),
        self_test=(SelfTestCheck(name="masking", passed=True, detail=DETAIL),),
    )
    return Audit(planted, base.verdict, base.policy)


SECRETS = (str(PLANTED_EXPERT), "73,317,331", REPLY, DETAIL, "HERONBASALT")


def _texts(name: str, level: Disclosure) -> str:
    """Everything a reader can get out of a rendered report."""
    view = build_view(
        _planted().evidence, _planted().verdict, _planted().policy, level, layout=TECHNICAL
    )
    fmt: Format = catalog.load("format", name)
    data = fmt.render(view, {"evidence.json": ATTACHED, "manifest.json": b"{}"})
    if name != "pdf":
        return data.decode()
    reader = PdfReader(io.BytesIO(data))
    parts = [page.extract_text() for page in reader.pages]
    parts += [str(reader.metadata), some(reader.xmp_metadata).stream.get_data().decode()]
    parts += [
        name + content.decode() for name, files in reader.attachments.items() for content in files
    ]
    for number in range(len(reader.xref_objStm) + len(reader.xref.get(0, {}))):
        parts.append(repr(reader.get_object(number + 1)))
    return "\n".join(parts)


@pytest.mark.thorough
@pytest.mark.parametrize("level", LOW)
@pytest.mark.parametrize("name", catalog.names("format"))
def test_no_format_shows_what_its_level_forbids(name: str, level: Disclosure) -> None:
    text = _texts(name, level)
    for secret in SECRETS:
        assert secret not in text


@pytest.mark.parametrize(
    "name", ["sarif", "oscal", "cyclonedx", "in-toto", "eval-results", "junit"]
)
def test_what_is_uploaded_elsewhere_shows_it_at_no_level(name: str) -> None:
    text = _texts(name, Disclosure.RESTRICTED)
    for secret in SECRETS:
        assert secret not in text


def test_the_restricted_report_shows_it_so_the_test_above_can_fail() -> None:
    planted = _planted()
    view = build_view(
        planted.evidence,
        planted.verdict,
        planted.policy,
        Disclosure.RESTRICTED,
        layout=TECHNICAL,
    )
    html = render_html(view)
    for secret in (str(PLANTED_EXPERT), REPLY, DETAIL):
        assert secret in html
    assert str(PLANTED_EXPERT) in _texts("json", Disclosure.RESTRICTED)


@pytest.mark.parametrize("level", LOW)
def test_the_whole_view_holds_none_of_it(level: Disclosure) -> None:
    view = build_view(_planted().evidence, _planted().verdict, _planted().policy, level)
    assert view.annex is None
    shown = repr(replace(view, words=None))  # type: ignore[arg-type]
    for secret in SECRETS:
        assert secret not in shown
    assert "ExpertId" not in shown


def test_the_committee_map_is_sorted_so_that_a_position_names_nothing() -> None:
    for facts in disclose(_planted().evidence, Disclosure.COMMITTEE).selectors:
        assert len(facts.layers) == 4
        for row in facts.layers:
            assert row.ids == ()
            assert list(row.probabilities) == sorted(row.probabilities, reverse=True)


def test_the_public_report_has_no_map() -> None:
    shown = disclose(_planted().evidence, Disclosure.PUBLIC)
    assert all(facts.layers == () and facts.notes == () for facts in shown.selectors)
    html = render_html(
        build_view(_planted().evidence, _planted().verdict, _planted().policy, Disclosure.PUBLIC)
    )
    assert "shown to the committee only" in html


def test_the_restricted_map_keeps_the_order_of_expert_ids() -> None:
    evidence = audit("fail").evidence
    facts = disclose(evidence, Disclosure.RESTRICTED).selectors[0]
    known = {r.expert: r.probability for r in evidence.selections[0].ranked}
    row = facts.layers[2]
    assert row.ids == tuple(range(16))
    assert row.probabilities == tuple(known[ExpertId(2, e)] for e in range(16))


def test_aggregates_survive_every_level() -> None:
    evidence: Evidence = audit("fail").evidence
    for level in Disclosure:
        facts = disclose(evidence, level).selectors[0]
        assert facts.stable == len(evidence.selections[0].stable) > 0


def test_evidence_is_attached_at_the_restricted_level_only() -> None:
    files = {"evidence.json": b"e", "manifest.json": b"m", "verdict.json": b"v"}
    assert set(permitted_attachments(files, Disclosure.RESTRICTED)) == set(files)
    for level in LOW:
        assert set(permitted_attachments(files, level)) == {"manifest.json", "verdict.json"}
