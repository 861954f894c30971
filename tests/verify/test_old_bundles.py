"""Bundles that older Gatekeepers wrote: read, verified, and judged by today's metrics."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from gatekeeper.analysis.stability import at_confidence
from gatekeeper.errors import EvidenceError
from gatekeeper.evidence.bundle import read_bundle, write_bundle
from gatekeeper.metrics import measure_all, with_findings
from gatekeeper.records.finding import Finding, Missing
from gatekeeper.verify.selections import recheck_selections
from gatekeeper.verify.verify import recheck
from tests.policy.profiled import profiled_evidence
from tests.typed import some

#: What came after bundles named no metrics.
YOUNGER = {"worst-mask-drop", "gross-refusal-loss"}


def old_bundle(tmp_path, *, resamples=51):
    """As written before metrics were named, few resamples were refused, and there were YOUNGER."""
    made = profiled_evidence(resamples=resamples)
    findings = []
    for found in measure_all(made):
        if found.metric == "selection-stability":
            phi = some(next(s.phi for s in made.selections if s.selector == found.subject.selector))
            found = Finding(  # noqa: PLW2901
                metric=found.metric, version=1, subject=found.subject, value=phi.value,
                unit="index", interval=at_confidence(phi, 0.95), n=13, clusters=13,
            )  # fmt: skip
        if found.metric not in YOUNGER:
            findings.append(found)
    settings = replace(made.settings, metrics={})
    write_bundle(replace(made, settings=settings, findings=tuple(findings)), tmp_path)
    return tmp_path


@pytest.mark.parametrize("resamples", [2, 10, 51])
def test_an_old_bundle_is_read_and_verified(tmp_path, resamples):
    folder = old_bundle(tmp_path, resamples=resamples)
    written = json.loads((folder / "evidence.json").read_text(encoding="utf-8"))
    assert "metrics" not in written["settings"]
    evidence = read_bundle(folder)
    found = recheck(evidence)
    assert found.older == {**dict.fromkeys(YOUNGER, 0), "selection-stability": 1}
    assert found.compared > 20
    assert recheck_selections(evidence).agreed
    told = [f for f in found.evidence.findings if f.metric == "selection-stability"]
    assert told
    assert all(isinstance(f, Missing) is (resamples < 50) for f in told)
    assert {f.metric for f in found.evidence.findings} >= YOUNGER


def test_a_finding_changed_in_an_old_bundle_is_still_found(tmp_path):
    evidence = read_bundle(old_bundle(tmp_path))
    altered = tuple(
        replace(f, value=f.value + 1)
        if isinstance(f, Finding) and f.metric == "refusal-drop"
        else f
        for f in evidence.findings
    )
    with pytest.raises(EvidenceError, match="refusal-drop does not follow"):
        recheck(replace(evidence, findings=altered))


def test_a_new_bundle_names_its_metrics_and_what_is_taken_out_is_found(tmp_path):
    write_bundle(with_findings(profiled_evidence()), tmp_path)
    evidence = read_bundle(tmp_path)
    assert recheck(evidence).older == {}
    for name in YOUNGER:
        fewer = tuple(f for f in evidence.findings if f.metric != name)
        with pytest.raises(EvidenceError, match=f"{name} is missing"):
            recheck(replace(evidence, findings=fewer))


def test_a_search_that_was_cut_is_kept_in_the_bundle(tmp_path):
    made = profiled_evidence()
    first, *rest = made.selections
    cut = with_findings(replace(made, selections=(replace(first, cut=True), *rest)))
    write_bundle(cut, tmp_path)
    assert [s.cut for s in read_bundle(tmp_path).selections] == [True, False, False]
    written = json.loads((tmp_path / "evidence.json").read_text(encoding="utf-8"))
    assert ["cut" in s for s in written["selections"]] == [True, False, False]
