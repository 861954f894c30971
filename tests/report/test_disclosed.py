"""disclosed.json: what travels inside a report, and what never does."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from functools import cache

import pytest
from pypdf import PdfReader

from gatekeeper.commands._judged import Asked, judge
from gatekeeper.commands._reporting import Given, render_all
from gatekeeper.errors import EvidenceError
from gatekeeper.evidence.bundle import write_bundle
from gatekeeper.formats.pdf import FORMAT
from gatekeeper.records.positive import Candidate, Direction, PositiveControl
from gatekeeper.report.disclosed import disclosed_bytes, read_disclosed, redacted_as
from gatekeeper.report.disclosure import Disclosure
from gatekeeper.report.document import render_html
from gatekeeper.report.parts import DEFAULT_LAYOUT
from gatekeeper.report.view import build_view, view_of
from gatekeeper.verify.disclosed import FROM_OUTCOMES, recheck_answers, recheck_findings

from ..policy.builders import concentrated
from ..policy.profiled import profiled_evidence
from ..typed import some
from .synthetic import TODAY, audit
from .synthetic_policy import synthetic_policy

SECRET = "deadbeef" * 8
#: Behind which the refusal direction was read: told in no report (docs/adr/0012).
LAYER = 73317
REPLY = "ZEBRAQUARTZ"
#: sha256 of a prompt's text, which a guess could be held against.
TEXT = "badcab1e" * 8


@cache
def planted():
    evidence = profiled_evidence(concentrated)
    first, *others = evidence.suite.prompts
    prompts = (replace(first, text_sha256=TEXT, folded_sha256=TEXT), *others)
    found = Candidate(layer=LAYER, lost=1, broken=0, newly_refused=0)
    direction = Direction(
        layer=LAYER, candidates=(found,), regular=1, benign=1, refused=("a",), answered=("b",)
    )
    return replace(
        evidence,
        suite=replace(evidence.suite, prompts=prompts),
        positive_control=PositiveControl(directions=(direction,)),
        trials=tuple(replace(t, completion=f"{REPLY} {t.completion}") for t in evidence.trials),
        times=replace(some(evidence.times), secret=SECRET),
    )


@cache
def carried(level: Disclosure, folder: str) -> dict[str, bytes]:
    """The attachments of a PDF of a level."""
    from pathlib import Path

    evidence = write_bundle(planted(), Path(folder))
    policy = replace(synthetic_policy(), text=b"policy: text\n")
    verdict, asked = judge(evidence, policy, TODAY)
    given = Given(evidence, verdict, policy, Path(folder), level, "en", None, None, asked)
    (data,) = render_all(given, [FORMAT]).values()
    files = PdfReader(io.BytesIO(data)).attachments
    return {name: content[0] for name, content in files.items()}


@pytest.mark.thorough
@pytest.mark.parametrize("level", [*Disclosure])
def test_attachments_hold_no_more_than_their_level(level, tmp_path) -> None:
    files = carried(level, str(tmp_path))
    secrets = [SECRET, REPLY]
    if level is not Disclosure.RESTRICTED:
        secrets += [TEXT, "expert_ids"]
        shown = json.loads(files["disclosed.json"])
        masks = shown.get("record", {}).get("masks", [])
        assert all(mask["experts"] == [] for mask in masks)
        assert shown.get("record", {}).get("selections", []) == []
        assert "evidence.json" not in files
        assert f'"layer":{LAYER}'.encode() not in b"".join(files.values())
    for name, data in files.items():
        for secret in secrets:
            assert secret.encode() not in data, (name, secret)
    if level is Disclosure.PUBLIC:
        shown = json.loads(files["disclosed.json"])
        assert not shown.keys() & {"record", "trials", "selectors", "roles", "matches"}
        for prompt in planted().suite.prompts:
            assert f'"{prompt.id}"'.encode() not in files["disclosed.json"]
    if level is Disclosure.RESTRICTED:  # so that the test above can fail
        assert TEXT.encode() in files["evidence.json"]
        assert f'"layer":{LAYER}'.encode() in files["evidence.json"]


@cache
def shown(kind: str, level: Disclosure = Disclosure.COMMITTEE) -> bytes:
    case = audit(kind)
    verdict, asked = judge(case.evidence, case.policy, TODAY, earlier=True)
    assert verdict == case.verdict
    return disclosed_bytes(
        case.evidence, level, tool="x", lang="en", created=some(case.evidence.times).finished,
        card=None, layout=DEFAULT_LAYOUT, answers=asked.answers, baseline=asked.baseline,
    )  # fmt: skip


@pytest.mark.parametrize("kind", ["fail", "pass", "inconclusive"])
def test_the_pages_follow_from_it_alone(kind) -> None:
    case, read = audit(kind), read_disclosed(shown(kind), "x")
    whole = render_html(build_view(case.evidence, case.verdict, case.policy))
    again = view_of(some(read.disclosed), case.verdict, case.policy, read.lang, read.created)
    assert render_html(again) == whole


@pytest.mark.parametrize("kind", ["fail", "pass", "inconclusive"])
def test_numbers_follow_from_its_outcomes(kind) -> None:
    read = read_disclosed(shown(kind), "x")
    evidence = some(read.disclosed).evidence
    count, believed = recheck_findings(evidence, "x")
    asked, _ = recheck_answers(evidence, read.answers, "x")
    assert count > 50 and asked > 5
    assert not believed & FROM_OUTCOMES


def test_equal_input_gives_equal_bytes() -> None:
    first = shown("fail")
    shown.cache_clear()
    assert shown("fail") == first


def test_it_is_held_against_the_whole_record(tmp_path) -> None:
    evidence = write_bundle(planted(), tmp_path)
    data = disclosed_bytes(
        evidence, Disclosure.RESTRICTED, tool="x", lang="en",
        created=some(evidence.times).finished, card=None, layout=DEFAULT_LAYOUT,
        answers={}, baseline={},
    )  # fmt: skip
    read = some(read_disclosed(data, "x").disclosed).evidence
    whole = (tmp_path / "evidence.json").read_bytes()
    assert redacted_as(whole, read)
    assert not redacted_as(whole.replace(b'"resamples":51', b'"resamples":52'), read)
    assert not redacted_as(b"{}", read)


@pytest.mark.parametrize(
    "change",
    [
        lambda told: told.update(schema="x"),
        lambda told: told.update(level="secret"),
        lambda told: told.update(created="2026-11-23"),
        lambda told: told.update(lang=1),
        lambda told: told.update(answers=[1]),
        lambda told: told.pop("trials"),
        lambda told: told.update(selectors=[{}]),
        lambda told: told["record"]["masks"][1].update(experts=[[0, 1]]),
        lambda told: told["record"]["checkpoint"].update(digest="sha256:" + "0" * 64),
        lambda told: told["trials"]["masks"][0].update(outcomes="r"),
        lambda told: told["trials"]["masks"][0].update(prompts=99),
        lambda told: told["trials"]["masks"][0].update(mask="x"),
        lambda told: told["trials"]["masks"].append(told["trials"]["masks"][0]),
        lambda told: told["trials"]["prompts"][0].append(0),
        lambda told: told["trials"]["prompts"].__setitem__(0, [10**6]),
        lambda told: told["trials"].update(masks=3),
        lambda told: told.update(times={}),
        lambda told: told.update(card={}),
    ],
)
def test_what_is_none_is_refused(change) -> None:
    told = json.loads(shown("fail"))
    change(told)
    with pytest.raises(EvidenceError):
        read_disclosed(json.dumps(told).encode(), "x")


def test_nothing_asked_is_nothing_answered() -> None:
    assert Asked().answers == {} and Asked().baseline == {}
