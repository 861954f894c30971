"""Hostile strings in every field of what other programs read: still of its schema, still inert."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from typing import Any

import pytest
import yaml
from junitparser import JUnitXml

from gatekeeper import catalog
from gatekeeper.records.finding import Finding
from gatekeeper.records.verdict import Departure, Requirement
from gatekeeper.report.parts import ReportView
from gatekeeper.report.view import build_view

from ..report.synthetic import audit
from .schemas import cyclonedx_problems, jenkins_problems, oscal_problems, sarif_problems

FORMATS = ("cyclonedx", "eval-results", "in-toto", "junit", "oscal", "sarif")

HOSTILE = (
    "<script>alert(1)</script><img src=x onerror=y>&lt;]]><failure/><!ENTITY x SYSTEM "
    '"file:///etc/passwd">&x; {{ 7*7 }} ${{ secrets.TOKEN }} {0} %(x)s [a](javascript:x) '
    "![b](file:///etc/passwd) =cmd|'/c calc'!A1 !!python/object:os.system - &a *a # x: y\r\n"
    "::error::pwned\n##[error]pwned\n::set-output name=a::b\x00\x07\x1b[31m\x7f\x85\ud800\ufffe"
    "\N{RIGHT-TO-LEFT OVERRIDE}\N{LEFT-TO-RIGHT ISOLATE}\N{ZERO WIDTH SPACE}\N{LINE SEPARATOR}"
    "\N{GRINNING FACE}模\"'`|\\"
)


@cache
def _view(bad: str) -> ReportView:
    """A waived, a failed and an open rule in a view whose every foreign text is `bad`."""
    case = audit("fail")
    found = case.evidence
    findings = tuple(
        replace(f, metric=bad, subject=replace(f.subject, category=bad, selector=bad, set=bad))
        if isinstance(f, Finding) and i % 2
        else f
        for i, f in enumerate(found.findings)
    )
    evidence = replace(
        found,
        tool_version=bad,
        checkpoint=replace(
            found.checkpoint,
            source=bad,
            revision=bad,
            # No file name that cannot be written comes this far.
            files={f"{bad}{i}".replace("\ud800", ""): f"{i:064x}" for i in range(3)},
        ),
        suite=replace(found.suite, id=bad, version=bad, title=bad, licence=bad),
        findings=findings,
    )
    policy = replace(
        case.policy, id=bad, version=bad, title=bad, owner=bad, source=bad, tier=bad
    )  # fmt: skip
    waiver = replace(
        audit("pass").policy.waivers[0], rule=f"{bad}0", reason=bad, owner=bad, approver=bad,
        checkpoint=case.verdict.checkpoint_digest,
    )  # fmt: skip
    outcomes = tuple(
        replace(
            o,
            result=("waived", "fail", "inconclusive", "pass")[i],
            explanation=bad,
            waiver=waiver if i == 0 else None,
            rule=replace(
                o.rule, id=f"{bad}{i}", rationale=bad, remedy=bad, controls=(bad, bad), metric=bad
            ),
        )
        for i, o in enumerate(case.verdict.outcomes)
    )
    verdict = replace(
        case.verdict,
        summary=bad,
        policy_id=bad,
        policy_version=bad,
        requirements=(Requirement(name=bad, met=False, detail=bad),) * 2,
        outcomes=outcomes,
        warnings=(bad,),
        departures=(Departure(name=bad, value=bad, default=bad),),
    )
    return build_view(evidence, verdict, replace(policy, waivers=(waiver,)))


def rendered_hostile(name: str, bad: str = HOSTILE) -> bytes:
    data: bytes = catalog.load("format", name).render(_view(bad), {"verdict.json": b"{}"})
    return data


def _texts(name: str, data: bytes) -> Iterator[str]:
    """Every text that a program would read out of a report."""
    if name == "junit":
        (suite,) = JUnitXml.fromstring(data)
        for element in suite._elem.iter():
            yield from (element.text or "", *element.attrib.values())
        return
    todo: list[Any] = [yaml.safe_load(data) if name == "eval-results" else json.loads(data)]
    while todo:
        value = todo.pop()
        if isinstance(value, dict):
            todo += [*value, *value.values()]
        elif isinstance(value, list):
            todo += value
        elif isinstance(value, str):
            yield value


@pytest.mark.parametrize("name", FORMATS)
def test_no_text_holds_a_sign_that_could_change_how_it_is_read(name: str) -> None:
    texts = list(_texts(name, rendered_hostile(name)))
    assert any("alert(1)" in text for text in texts)
    for text in texts:
        assert all(c.isprintable() for c in text), text
    for line in rendered_hostile(name).decode().splitlines():
        assert not line.lstrip().startswith(("::", "##["))


@pytest.mark.parametrize(
    ("name", "problems"),
    [("sarif", sarif_problems), ("oscal", oscal_problems), ("cyclonedx", cyclonedx_problems)],
)
@pytest.mark.parametrize("bad", [HOSTILE, "\x00", "模", " ", "0", "-"], ids=repr)
def test_it_is_still_of_its_schema(name: str, problems: Any, bad: str) -> None:
    assert problems(json.loads(rendered_hostile(name, bad))) == []


def test_jenkins_still_takes_it_and_nothing_stands_in_it_but_what_we_write() -> None:
    data = rendered_hostile("junit")
    assert jenkins_problems(data) == []
    assert b"<!" not in data
    tags = set(re.findall(rb"<([a-z]+)", data))
    assert tags == {
        b"testsuites", b"testsuite", b"properties", b"property", b"testcase", b"failure", b"error",
        b"skipped",
    }  # fmt: skip


def test_yaml_stays_a_list_of_plain_values_below_comments() -> None:
    text = rendered_hostile("eval-results").decode()
    head, body = text[: text.index("\n- ")], text[text.index("\n- ") + 1 :]
    assert all(line.startswith("#") for line in head.splitlines())
    assert yaml.safe_load(body) == yaml.safe_load(text)
    kinds = {type(token).__name__ for token in yaml.scan(text)}
    assert not kinds & {"TagToken", "AliasToken", "AnchorToken"}


def test_markup_of_oscal_holds_no_html_link_or_image() -> None:
    document = json.loads(rendered_hostile("oscal"))
    for key in ("title", "description", "statement"):
        for text in _under(document, key):
            assert "<" not in text and ">" not in text
            assert not re.search(r"(?<!\\)[\[\]`*]", text)


def test_messages_of_sarif_hold_no_placeholder_and_no_link() -> None:
    for text in _under(json.loads(rendered_hostile("sarif")), "text"):
        assert not re.search(r"{|}", text.replace("{{", "").replace("}}", ""))
        assert "](" not in text


def _under(value: Any, key: str) -> Iterator[str]:
    if isinstance(value, dict):
        for name, inner in value.items():
            if name == key and isinstance(inner, str):
                yield inner
            yield from _under(inner, key)
    elif isinstance(value, list):
        for inner in value:
            yield from _under(inner, key)


@pytest.mark.thorough
def test_a_mebibyte_in_every_field_is_cut() -> None:
    bad = HOSTILE + "x" * 2**20
    started = time.perf_counter()
    for name in FORMATS:
        data = rendered_hostile(name, bad)
        assert len(data) < 400_000, (name, len(data))
        assert max(map(len, _texts(name, data))) < 5000, name
    assert time.perf_counter() - started < 30
