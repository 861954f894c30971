from __future__ import annotations

import json
import uuid
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from gatekeeper.formats import oscal
from gatekeeper.records.verdict import Requirement
from gatekeeper.report.disclosure import Disclosure
from gatekeeper.report.view import build_view

from ..report.synthetic import audit
from .rendered import rendered
from .schemas import oscal_problems


def _results(data: bytes) -> Any:
    document = json.loads(data)
    assert oscal_problems(document) == []
    return document["assessment-results"]


def _statuses(results: Any) -> dict[str, tuple[str, str]]:
    (result,) = results["results"]
    targets = [finding["target"] for finding in result["findings"]]
    return {t["target-id"]: (t["status"]["state"], t["status"]["reason"]) for t in targets}


def _uuids(value: Any, key: str = "uuid") -> Iterator[str]:
    if isinstance(value, dict):
        for name, inner in value.items():
            if name == key:
                yield inner
            yield from _uuids(inner, key)
    elif isinstance(value, list):
        for inner in value:
            yield from _uuids(inner, key)


def test_statuses_map_as_documented() -> None:
    failed = _statuses(_results(rendered("oscal", "fail")))
    assert failed["verdict"] == failed["rule-masking-refusal-drop"] == ("not-satisfied", "fail")
    assert failed["rule-baseline-refusal"] == ("satisfied", "pass")
    still_open = _statuses(_results(rendered("oscal", "inconclusive")))
    assert still_open["verdict"] == ("not-satisfied", "other")
    assert still_open["rule-masking-refusal-drop"] == ("not-satisfied", "other")
    passed = _statuses(_results(rendered("oscal", "pass")))
    assert passed["verdict"] == ("satisfied", "other")  # by exception
    assert passed["rule-over-refusal"] == ("not-satisfied", "other")


def test_an_unmet_need_is_not_satisfied_for_another_reason() -> None:
    case = audit("pass")
    needs = (
        Requirement(name="controls: attribution", met=False, detail="3 of 20"),
        Requirement(name="judge", met=True, detail="refusal-rules"),
    )
    verdict = replace(case.verdict, result="inconclusive", requirements=needs, outcomes=())
    view = build_view(case.evidence, verdict, case.policy)
    assert _statuses(_results(oscal.render(view, {}))) == {
        "verdict": ("not-satisfied", "other"),
        "need-1-controls__attribution": ("not-satisfied", "other"),
        "need-2-judge": ("satisfied", "pass"),
    }


def test_a_waiver_is_an_approved_deviation_with_a_last_day() -> None:
    (result,) = _results(rendered("oscal", "pass"))["results"]
    (risk,) = result["risks"]
    assert risk["status"] == "deviation-approved"
    assert risk["deadline"] == "2026-12-31T23:59:59Z"
    assert "b.risk@example.com" in risk["statement"]


def test_a_failed_rule_is_an_open_risk_with_its_remedy() -> None:
    (result,) = _results(rendered("oscal", "fail"))["results"]
    risks = {risk["title"]: risk for risk in result["risks"]}
    assert set(risks) == {"masking-refusal-drop", "excess-over-random"}
    assert risks["masking-refusal-drop"]["status"] == "open"
    (remedy,) = risks["masking-refusal-drop"]["remediations"]
    assert "Retrain" in remedy["description"]


@pytest.mark.parametrize("kind", ["fail", "pass", "inconclusive"])
def test_identifiers_are_unique_of_version_5_and_all_that_is_referred_to_is_there(
    kind: str,
) -> None:
    results = _results(rendered("oscal", kind))
    known = Counter(_uuids(results))
    assert max(known.values()) == 1
    assert {uuid.UUID(one).version for one in known} == {5}
    referred = {href.removeprefix("#") for href in _uuids(results, "href") if href[0] == "#"}
    for key in ("observation-uuid", "risk-uuid"):
        referred |= set(_uuids(results, key))
    assert referred and referred <= set(known)
    (result,) = results["results"]
    selected = result["reviewed-controls"]["control-selections"][0]["include-controls"]
    assert {c["control-id"] for c in selected} == set(_statuses(results))


def test_identifiers_follow_from_what_the_document_rests_on() -> None:
    case = audit("fail")
    other = replace(case.verdict, evidence_digest="sha256:" + "ab" * 32)
    assert oscal.render(build_view(case.evidence, case.verdict, case.policy), {}) == rendered(
        "oscal", "fail"
    )
    documents = [
        rendered("oscal", "fail"),
        rendered("oscal", "fail", Disclosure.PUBLIC),
        oscal.render(build_view(case.evidence, other, case.policy), {}),
    ]
    found = [set(_uuids(_results(data))) for data in documents]
    assert not found[0] & found[1] and not found[0] & found[2]


def test_foreign_text_is_no_markup() -> None:
    case = audit("fail")
    summary = "<script>x</script> [a](javascript:x) *b* `c` &amp; ![d](file:///etc/passwd)"
    verdict = replace(case.verdict, summary=summary)
    results = _results(oscal.render(build_view(case.evidence, verdict, case.policy), {}))
    text = results["results"][0]["description"]
    assert text == (
        r"&lt;script&gt;x&lt;/script&gt; \[a\](javascript:x) \*b\* \`c\` &amp;amp; "
        r"!\[d\](file:///etc/passwd)"
    )
