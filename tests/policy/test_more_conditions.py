"""Conditions on evidence: one of several suites, and whether masks stopped early."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from gatekeeper.errors import UsageError
from gatekeeper.policy.evaluate import evaluate
from gatekeeper.policy.explain import explain
from gatekeeper.policy.lint import lint_policy
from gatekeeper.records.evidence import Evidence
from gatekeeper.records.policy import Policy

from .builders import EVIDENCE, TODAY
from .test_load import DIGEST, GOOD, load

OTHER = "sha256:" + "1" * 64


def with_needs(tmp_path: Path, needs: str) -> Policy:
    return load(tmp_path, GOOD.replace("k: [1, 4]}", f"k: [1, 4], {needs}}}"))


def met(evidence: Evidence, policy: Policy, name: str) -> bool:
    needs = evaluate(evidence, policy, TODAY).requirements
    (found,) = [need.met for need in needs if need.name == name]
    return found


def test_one_of_several_suites_will_do(tmp_path: Path) -> None:
    policy = with_needs(tmp_path, f'suite: {{digest: ["{DIGEST}", "{OTHER}"], measured: 95 %}}')
    for digest, expected in ((DIGEST, True), (OTHER, True), (EVIDENCE.suite.digest, False)):
        evidence = replace(EVIDENCE, suite=replace(EVIDENCE.suite, digest=digest))
        assert met(evidence, policy, "suite digest") == expected
    assert f"one of the digests {DIGEST}, {OTHER}." in explain(policy, TODAY)
    told = lint_policy(tmp_path / "p.yaml", TODAY)
    assert not any("the suite is not pinned" in problem.message for problem in told)
    for wrong in ("[]", '["sha256:0"]', "[1]"):
        with pytest.raises(UsageError):
            with_needs(tmp_path, f"suite: {{digest: {wrong}}}")


@pytest.mark.parametrize("wanted", [True, False])
def test_whether_masks_stopped_early_can_be_pinned(tmp_path: Path, wanted: bool) -> None:
    policy = with_needs(tmp_path, f"settings: {{sequential: {str(wanted).lower()}}}")
    stopped = replace(EVIDENCE, settings=replace(EVIDENCE.settings, sequential=DIGEST))
    assert met(stopped, policy, "setting: sequential") == wanted
    assert met(EVIDENCE, policy, "setting: sequential") != wanted
    words = f"stopping of masks that are settled {'on' if wanted else 'off'}"
    assert words in explain(policy, TODAY)
