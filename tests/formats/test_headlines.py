"""Every output is a view of one verdict: 200 random ones, walked through all of them."""

from __future__ import annotations

import html
import importlib.util
import io
import json
import re
from collections import Counter
from functools import cache
from pathlib import Path
from types import ModuleType

import pytest
import yaml
from jsonschema import Draft202012Validator
from junitparser import Error, Failure, JUnitXml
from pypdf import PdfReader

from gatekeeper import catalog
from gatekeeper.commands._verdicts import exit_code
from gatekeeper.errors import ExitCode
from gatekeeper.formats import console, junit, markdown, pdf
from gatekeeper.formats import html as screen
from gatekeeper.formats import json as json_format
from gatekeeper.policy.schema import validator
from gatekeeper.policy.wire import verdict_from_json, verdict_to_json
from gatekeeper.records.verdict import HEADLINES
from gatekeeper.report.document import render_html
from gatekeeper.report.view import build_view

from ..policy.random_cases import random_case
from .schemas import cyclonedx_problems, jenkins_problems, oscal_problems, sarif_problems

SEEDS = range(200)
ROOT = Path(__file__).resolve().parents[2]
REPORT = Draft202012Validator(
    json.loads(Path(json_format.__file__).with_name("report-v1.json").read_text())
)

_WORDS = re.compile(r"\b(" + "|".join(sorted((h.upper() for h in HEADLINES), key=len)[::-1]) + ")")

#: Formats that other programs read, beside JSON and JUnit.
MACHINE = ("cyclonedx", "eval-results", "in-toto", "oscal", "sarif")

#: Sentences that no verdict bears out.
_NEVER = ("approved by gate", "release approved", "found none", "raises no objection", "blocked")
#: What would be false beside each headline, in lower case.
_FALSE = {
    "passed": ("retrain", "do not release", "may not be released", "waived until"),
    "passed by exception": (
        "retrain", "do not release", "may not be released", "every rule was met",
        "nothing against the candidate",
    ),
    "inconclusive": ("retrain", "whether to release", "the gate found nothing"),
    "failed on warnings": ("whether to release", "the gate found nothing", "rule is broken"),
    "failed": ("whether to release", "the gate found nothing", "every blocking rule was met"),
}  # fmt: skip


@cache
def _action() -> ModuleType:
    """The script of the GitHub action, which knows nothing of the package."""
    path = ROOT / ".github" / "actions" / "gatekeeper" / "gate.py"
    spec = importlib.util.spec_from_file_location("gate", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@cache
def _views(seed: int) -> dict[str, str]:
    """Each output's text, as a reader sees it."""
    case = random_case(seed)
    view = build_view(case.evidence, case.verdict, case.policy)
    strip = r"<style.*?</style>|<script.*?</script>|<[^>]+>"
    pages = {"html": render_html(view), "screen": screen.render(view, {}).decode()}
    texts = {name: re.sub(strip, " ", page, flags=re.DOTALL) for name, page in pages.items()}
    return {
        "console": console.render(view, {}).decode(),
        "markdown": html.unescape(markdown.render(view, {}).decode()).replace("\\", ""),
        "json": json_format.render(view, {}).decode(),
        "junit": junit.render(view, {}).decode(),
        **{name: " ".join(html.unescape(text).split()) for name, text in texts.items()},
        **{name: catalog.load("format", name).render(view, {}).decode() for name in MACHINE},
    }


@pytest.mark.thorough
def test_the_random_verdicts_come_to_every_headline() -> None:
    found = Counter(random_case(seed).verdict.headline for seed in SEEDS)
    assert set(found) == set(HEADLINES)
    assert min(found.values()) >= 8, found


@pytest.mark.parametrize("seed", SEEDS)
def test_no_two_views_differ(seed: int) -> None:
    verdict, shown = random_case(seed).verdict, _views(seed)
    told = {verdict.headline.upper()}
    assert verdict.summary.startswith(verdict.headline.capitalize() + ": ")
    for name in ("console", "markdown", "html", "screen", "sarif", "oscal", "eval-results"):
        assert set(_WORDS.findall(shown[name])) == told, name
    first = {name: shown[name].splitlines()[0] for name in ("console", "markdown")}
    assert all(_WORDS.findall(line) == list(told) for line in first.values())
    report = json.loads(shown["json"])
    REPORT.validate(report)
    assert report["verdict"]["headline"] == verdict.headline
    suite = next(iter(JUnitXml.fromstring(shown["junit"].encode())))
    assert {p.name: p.value for p in suite.properties()}["headline"] == verdict.headline
    code = exit_code(verdict)
    assert (code == ExitCode.PASS) is (verdict.result == "pass")
    red = {case.name for case in suite if case.result and type(case.result[0]) in (Failure, Error)}
    assert bool(red) is (code != ExitCode.PASS)
    assert {o.rule.id for o in verdict.outcomes if verdict.blocks(o)} <= red
    stored = json.loads(json.dumps(verdict_to_json(verdict), allow_nan=False))
    validator("verdict-v1").validate(stored)
    assert verdict_from_json(stored) == verdict
    answer, result, sentence = _action().settle(str(int(code)), stored)
    assert (answer, result) == (code, verdict.result)
    assert _action().headline(result, stored) == verdict.headline
    assert sentence.startswith(verdict.headline.capitalize())


@pytest.mark.parametrize("seed", SEEDS)
def test_what_other_programs_read_says_the_same_and_no_more_of_it_passes(seed: int) -> None:
    verdict, shown = random_case(seed).verdict, _views(seed)
    passed = verdict.result == "pass"
    blocking = {o.rule.id for o in verdict.outcomes if verdict.blocks(o)}
    failed = {o.rule.id for o in verdict.outcomes if o.result == "fail"}
    met = {o.rule.id for o in verdict.outcomes if o.result == "pass"}

    (run,) = json.loads(shown["sarif"])["runs"]
    first, *others = run["results"]
    assert first["kind"] == {"pass": "pass", "fail": "fail", "inconclusive": "open"}[verdict.result]
    plain = {r["ruleId"]: r for r in others if not r["suppressions"]}
    assert {name for name, r in plain.items() if r["kind"] == "pass"} == met
    assert {name for name, r in plain.items() if r["kind"] == "fail"} == failed
    assert all((r["level"] == "none") is (r["kind"] != "fail") for r in run["results"])
    assert {n for n, r in plain.items() if r["level"] == "error"} == blocking & failed
    assert {r["ruleId"] for r in others if r["suppressions"]} == {o.rule.id for o in verdict.waived}

    (result,) = json.loads(shown["oscal"])["assessment-results"]["results"]
    states = {f["target"]["target-id"]: f["target"]["status"] for f in result["findings"]}
    assert (states["verdict"]["state"] == "satisfied") is passed
    assert (states["verdict"]["reason"] == "pass") is (verdict.headline == "passed")
    for one in verdict.outcomes:
        status = states[f"rule-{one.rule.id}"]
        assert (status["state"] == "satisfied") is (one.result == "pass")
        wanted = {"pass": "pass", "fail": "fail"}.get(one.result, "other")
        assert status["reason"] == wanted

    properties = json.loads(shown["cyclonedx"])["metadata"]["component"]["properties"]
    said = {p["name"]: p["value"] for p in properties}
    assert (said["gatekeeper:verdict"], said["gatekeeper:headline"]) == (
        verdict.result,
        verdict.headline,
    )
    predicate = json.loads(shown["in-toto"])["predicate"]
    assert (predicate["result"], predicate["headline"]) == (verdict.result, verdict.headline)
    assert {r["id"] for r in predicate["rules"] if r["blocks"]} == blocking
    for entry in yaml.safe_load(shown["eval-results"]):
        assert entry["notes"].startswith(verdict.headline.upper() + "; ")


@pytest.mark.thorough
@pytest.mark.parametrize("seed", SEEDS[::4])
def test_what_other_programs_read_follows_their_schemas(seed: int) -> None:
    shown = _views(seed)
    assert sarif_problems(json.loads(shown["sarif"])) == []
    assert oscal_problems(json.loads(shown["oscal"])) == []
    assert cyclonedx_problems(json.loads(shown["cyclonedx"])) == []
    assert jenkins_problems(shown["junit"].encode()) == []


@pytest.mark.parametrize("seed", SEEDS)
def test_no_view_says_what_the_verdict_makes_false(seed: int) -> None:
    verdict = random_case(seed).verdict
    for name, text in _views(seed).items():
        for sentence in (*_NEVER, *_FALSE[verdict.headline]):
            assert sentence not in text.lower(), (name, sentence)
    if any(outcome.result != "pass" for outcome in verdict.outcomes):
        assert "Every rule was met" not in _views(seed)["html"]


@pytest.mark.parametrize("seed", SEEDS)
def test_waivers_stand_in_every_view_with_approver_and_last_day(seed: int) -> None:
    verdict, shown = random_case(seed).verdict, _views(seed)
    excepted = verdict.headline == "passed by exception"
    assert excepted is (verdict.result == "pass" and bool(verdict.waived))
    for outcome in verdict.waived:
        assert outcome.waiver is not None
        for fact in (outcome.rule.id, outcome.waiver.approver, "2026-12-31"):
            assert all(fact in text for text in shown.values())
            if excepted:
                assert fact in verdict.summary
                assert fact in shown["console"].splitlines()[0]
                assert fact in shown["markdown"].splitlines()[0]


@pytest.mark.parametrize("seed", SEEDS)
def test_departures_stand_in_every_view(seed: int) -> None:
    verdict, shown = random_case(seed).verdict, _views(seed)
    for one in verdict.departures:
        for text in shown.values():
            assert one.name in text and one.value in text and one.default in text


@pytest.mark.thorough
@pytest.mark.parametrize("headline", HEADLINES)
def test_the_cover_of_the_pdf_says_the_same(headline: str) -> None:
    seed = next(s for s in SEEDS if random_case(s).verdict.headline == headline)
    case = random_case(seed)
    view = build_view(case.evidence, case.verdict, case.policy)
    cover, summary, *_ = PdfReader(io.BytesIO(pdf.render(view, {}))).pages
    texts = [" ".join(page.extract_text().split()) for page in (cover, summary)]
    assert all(set(_WORDS.findall(text)) == {headline.upper()} for text in texts)
    for outcome in case.verdict.waived:
        assert outcome.waiver is not None and outcome.waiver.approver in texts[0]
        assert "2026-12-31" in texts[0]
