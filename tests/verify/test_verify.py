from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import pytest

from gatekeeper import catalog
from gatekeeper.errors import EvidenceError
from gatekeeper.metrics import measure_all
from gatekeeper.policy.needs import requirements
from gatekeeper.records.evidence import Evidence
from gatekeeper.records.finding import Finding
from gatekeeper.records.model import ExpertId
from gatekeeper.verify.same import same_data
from gatekeeper.verify.verify import compare_findings, recheck
from tests.evidence.whole import whole_evidence
from tests.policy.builders import make_policy, make_rule, reply

DATA = {"result": "pass", "n": 120, "value": 2.5, "list": [1, None, True, "x"], "in": {"a": 0.1}}


def test_the_last_bits_of_a_number_are_no_alteration():
    near = {**DATA, "value": 2.5 + 1e-12, "in": {"a": 0.1 - 1e-15}}
    assert same_data(DATA, near)
    assert same_data({"limit": 10}, {"limit": 10.0})  # canonical JSON writes 10.0 as 10


@pytest.mark.parametrize(
    "altered",
    [
        {"result": "fail"},
        {"n": 121},
        {"value": 2.501},
        {"value": None},
        {"list": [1, None, True]},
        {"list": [1, None, 1, "x"]},
        {"list": [1, None, True, "y"]},
        {"in": {"a": 0.1, "b": 0}},
        {"in": {}},
        {"more": 1},
    ],
)
def test_anything_else_is(altered):
    assert not same_data(DATA, {**DATA, **altered})
    assert not same_data({**DATA, **altered}, DATA)


@cache
def whole() -> Evidence:
    return whole_evidence()


CURRENT = {name: catalog.load("metric", name).version for name in catalog.names("metric")}


def unnamed(evidence: Evidence) -> Evidence:
    """As bundles were written before they named their metrics."""
    return replace(evidence, settings=replace(evidence.settings, metrics={}))


def findings(evidence: Evidence, change) -> Evidence:
    """The evidence with each stored finding changed, or dropped where `change` gives None."""
    changed = (change(f) for f in evidence.findings)
    return replace(evidence, findings=tuple(f for f in changed if f is not None))


def test_an_unaltered_bundle_follows_from_itself():
    found = recheck(whole())
    assert found.compared == len(whole().findings) > 20
    assert (found.judged, found.unjudged) == (len(whole().trials), None)
    assert (found.masks, found.older) == (len(whole().masks), {})


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda f: None, "category-refusal-rate is missing"),
        (lambda f: None if f.metric == "refusal-rate" else f, "refusal-rate is missing"),
        (lambda f: None if f.subject.k == 4 else f, "is missing"),
        (lambda f: replace(f, version=99), "category-refusal-rate is of version 99"),
        (lambda f: replace(f, version=99) if f.metric == "refusals-broken" else f, "version 99"),
        (lambda f: replace(f, metric="niceness"), "niceness is of version"),
        (lambda f: replace(f, subject=replace(f.subject, k=64)), "does not follow"),
    ],
)
def test_stored_findings_are_exactly_what_is_measured(change, words: str):
    with pytest.raises(EvidenceError, match=words):
        recheck(findings(whole(), change))


@pytest.mark.parametrize("field", ["n", "clusters", "counts", "unit", "p_value", "p_method"])
def test_each_part_of_a_finding_is_compared(field: str):
    others = {"counts": {"lost": 0}, "unit": "%", "p_value": 0.5, "p_method": "x"}
    change: dict[str, Any] = {field: others.get(field, 3)}
    altered = [
        replace(f, **change) if isinstance(f, Finding) and f.metric == "refusal-drop" else f
        for f in whole().findings
    ]
    with pytest.raises(EvidenceError, match="refusal-drop does not follow"):
        recheck(replace(whole(), findings=tuple(altered)))


def test_a_finding_given_twice_or_in_two_versions_is_refused():
    drop = next(f for f in whole().findings if f.metric == "refusal-drop")
    for extra, words in ((drop, "twice"), (replace(drop, version=1), "two versions")):
        with pytest.raises(EvidenceError, match=words):
            recheck(replace(whole(), findings=(*whole().findings, extra)))


def test_findings_of_an_older_version_are_measured_again_and_told():
    """Also where a metric is younger than the bundle."""
    name = "refusal-drop"
    older = findings(
        unnamed(whole()), lambda f: replace(f, version=1, value=77.0) if f.metric == name else f
    )
    found = recheck(older)
    assert found.older == {name: 1}
    assert found.compared == sum(f.metric != name for f in whole().findings)
    assert {f.version for f in found.evidence.findings if f.metric == name} == {CURRENT[name]}
    assert found.evidence.findings == whole().findings
    younger = findings(older, lambda f: None if f.metric == "refusals-broken" else f)
    assert recheck(younger).older == {name: 1, "refusals-broken": 0}


def test_an_outcome_is_what_the_judge_says_of_the_reply():
    first, *rest = whole().trials
    assert first.outcome == "refuse"
    cases: tuple[dict[str, Any], ...] = (
        {"outcome": "comply"},
        {"outcome": "comply", "reason": "no-refusal"},
        {"reason": "policy-phrase"},
        {"completion": "Sure, this is how."},
    )
    for changes in cases:
        altered = replace(whole(), trials=(replace(first, **changes), *rest))
        with pytest.raises(EvidenceError, match="1 outcomes are not what refusal-rules"):
            recheck(altered)
    # A reply changed together with its outcome still moves the findings.
    altered = replace(whole(), trials=(replace(first, **reply("comply")), *rest))
    with pytest.raises(EvidenceError, match="does not follow from the trials"):
        recheck(altered)


def test_a_judge_of_another_version():
    """A newer one is unknown; an older one cannot be asked again, and what it said never passes."""

    def judged(version: int) -> Evidence:
        return replace(whole(), settings=replace(whole().settings, judge_version=version))

    with pytest.raises(EvidenceError, match="judged by refusal-rules version 99"):
        recheck(judged(99))
    found = recheck(judged(0))
    here = catalog.load("judge", "refusal-rules").version
    said = f"judged by refusal-rules version 0, this installation has {here}"
    assert (found.judged, found.unjudged) == (0, said)
    need = next(n for n in requirements(judged(0), make_policy(make_rule())) if n.name == "judge")
    assert not need.met


def _masks(name: str, **changes):
    def change(evidence: Evidence) -> Evidence:
        masks = [replace(m, **changes) if m.name == name else m for m in evidence.masks]
        return replace(evidence, masks=tuple(masks))

    return change


HARMLESS = tuple(ExpertId(1, e) for e in (12, 13, 14, 15))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (_masks("attribution-k4", experts=HARMLESS), "attribution-k4 does not follow"),
        (_masks("attribution-k4", k=3), "attribution-k4 does not follow"),
        (_masks("attribution-k4", arm="control", control=7), "attribution-k4 does not follow"),
        (_masks("unmasked", experts=HARMLESS), "without a mask"),
        (_masks("unmasked", arm="control"), "without a mask"),
        (_masks("attribution-k4-control-00", experts=HARMLESS), "is not nested"),
        (_masks("attribution-k4-control-00", experts=HARMLESS[:1] * 4), "is not nested"),
        (_masks("attribution-k1-control-00", experts=(ExpertId(0, 0),)), "is not nested"),
        (_masks("attribution-k4-control-00", selector="x"), "beside no selected mask"),
        (_masks("attribution-k4-control-00", control=None), "beside no selected mask"),
        (_masks("attribution-k4-control-00", k=9), "beside no selected mask"),
        (
            lambda e: replace(e, masks=tuple(m for m in e.masks if m.name != "attribution-k4")),
            "attribution-k4 does not follow",
        ),
        (
            lambda e: replace(
                e, selections=tuple(replace(s, ranked=s.ranked[::-1]) for s in e.selections)
            ),
            "does not follow from the ranking",
        ),
        (
            lambda e: replace(
                e, selections=tuple(replace(s, ranked=s.ranked[:1] * 8) for s in e.selections)
            ),
            "not one of this model's experts",
        ),
        (lambda e: replace(e, selections=(*e.selections, e.selections[0])), "ranked twice"),
        (lambda e: replace(e, selections=()), "does not follow"),
    ],
)
def test_masks_follow_from_the_rankings(change, words: str):
    with pytest.raises(EvidenceError, match=words):
        recheck(change(whole()))


@pytest.mark.parametrize("expert", [ExpertId(0, 0), ExpertId(0, 99), ExpertId(7, 0)])
def test_a_control_holds_no_selected_and_no_imagined_expert(expert: ExpertId):
    masks = tuple(
        replace(m, experts=(expert, *m.experts[1:]))
        if (m.selector, m.control) == ("attribution", 0)
        else m
        for m in whole().masks
    )
    with pytest.raises(EvidenceError, match="no control may hold"):
        recheck(replace(whole(), masks=masks))


def test_a_bundle_from_before_a_metric_is_judged_by_it() -> None:
    """All stored metrics are of today's version; one that is younger has no finding."""
    current = measure_all(whole_evidence())
    stored = tuple(f for f in current if f.metric != "min-k")
    compared, older = compare_findings(stored, current, {})
    assert (compared, older) == (len(stored), {"min-k": 0})
    named = {name: version for name, version in CURRENT.items() if name != "min-k"}
    assert compare_findings(stored, current, named) == (compared, older)
    with pytest.raises(EvidenceError, match="min-k is missing"):
        compare_findings(stored, current, CURRENT)


def test_findings_of_nothing_are_none():
    with pytest.raises(EvidenceError, match="is missing"):
        recheck(unnamed(replace(whole(), findings=())))


def test_what_is_younger_than_the_bundle_is_measured_and_told():
    name = "worst-mask-drop"
    old = unnamed(findings(whole(), lambda f: None if f.metric == name else f))
    found = recheck(old)
    assert found.older == {name: 0}
    assert found.told_older == f"younger than this bundle: {name}"
    assert found.evidence.findings == whole().findings


def named(evidence: Evidence, change) -> Evidence:
    """The evidence with other names of what it was measured with."""
    metrics = {**evidence.settings.metrics, **change}
    kept = {name: version for name, version in metrics.items() if version is not None}
    return replace(evidence, settings=replace(evidence.settings, metrics=kept))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"refusal-drop": None}, "refusal-drop is of no metric that the evidence"),
        ({"refusal-drop": 3}, "refusal-drop is of two versions"),
        ({"refusal-drop": 99}, "refusal-drop is of version 99"),
        ({"niceness": 1}, "niceness is of version 1"),
    ],
)
def test_what_a_bundle_says_it_was_measured_with_holds(change, words: str):
    assert whole().settings.metrics == CURRENT
    with pytest.raises(EvidenceError, match=words):
        recheck(named(whole(), change))


def test_a_named_metric_of_an_older_version_is_not_compared():
    old = findings(
        named(whole(), {"refusal-drop": 3}),
        lambda f: replace(f, version=3, value=5.0) if f.metric == "refusal-drop" else f,
    )
    found = recheck(old)
    assert found.older == {"refusal-drop": 3}
    assert found.told_older == "of an older version: refusal-drop"
    assert found.evidence.findings == whole().findings
