"""Roles of experts that contradict the selections, or themselves: forged, each in one place."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gatekeeper.cli import run
from gatekeeper.errors import EvidenceError
from gatekeeper.evidence.bundle import write_bundle
from gatekeeper.metrics import with_findings
from gatekeeper.records.finding import Interval
from gatekeeper.verify.numbers import recheck_numbers
from tests.policy.profiled import profiled_evidence
from tests.policy.told_roles import told_roles


def interval(low, high):
    return Interval(low=low, high=high, confidence=0.95, method="simulated")


@pytest.fixture(scope="module")
def honest():
    made = profiled_evidence()
    told = replace(made.settings, roles=True)
    return with_findings(replace(made, settings=told, roles=told_roles(made)))


def forged(evidence, **changes):
    return replace(evidence, roles=replace(evidence.roles, **changes))


def expert(evidence, **changes):
    first, *rest = evidence.roles.experts
    return forged(evidence, experts=(replace(first, **changes), *rest))


def group(evidence, name, **changes):
    return forged(
        evidence,
        groups=tuple(replace(g, **changes) if g.name == name else g for g in evidence.roles.groups),
    )


def probe(evidence, **changes):
    return expert(evidence, probe=replace(evidence.roles.experts[0].probe, **changes))


FORGED = {
    "none": (lambda e: forged(e, experts=()), "other experts than were selected first"),
    "few": (lambda e: forged(e, experts=e.roles.experts[:1]), "other experts than were selected"),
    "sets": (lambda e: expert(e, by_sets=("other",)), "stable in other groups"),
    "loss": (lambda e: expert(e, detection_loss=0.9), "lies outside its interval"),
    "gain": (lambda e: expert(e, refusal_loss=-5.0), "lies outside its interval"),
    "group's loss": (
        lambda e: group(e, "all selected", refusal_loss=5.0),
        "lies outside its interval",
    ),
    "reversed": (
        lambda e: expert(e, refusal_interval=interval(0.15, 0.05)),
        "lies outside its interval",
    ),
    "confidence": (
        lambda e: expert(e, refusal_interval=replace(interval(0.0, 0.3), confidence=0.5)),
        "lies outside its interval",
    ),
    "auroc": (lambda e: probe(e, auroc=0.01), "a probe lies outside"),
    "probe reversed": (lambda e: probe(e, interval=interval(0.95, 0.85)), "a probe lies outside"),
    "n": (lambda e: forged(e, n=1, clusters=1), "rest on other prompts"),
    "probe's n": (lambda e: probe(e, n=3), "a probe rests on other prompts"),
    "clusters": (lambda e: forged(e, clusters=8), "a probe rests on other prompts"),
    "no groups": (lambda e: forged(e, groups=()), "groups of roles are not made"),
    "group": (lambda e: group(e, "all selected", experts=()), "groups of roles are not made"),
    "twice": (lambda e: forged(e, groups=e.roles.groups * 2), "groups of roles are not made"),
    "random": (
        lambda e: group(e, "random experts", experts=(e.roles.experts[0].expert,)),
        "were selected themselves",
    ),
    "no controls": (lambda e: forged(e, controls=()), "not those that are fitted"),
    "controls": (
        lambda e: forged(e, controls=(*e.roles.controls, replace(e.roles.controls[-1], name="x"))),
        "not those that are fitted",
    ),
    "unsure": (
        lambda e: expert(e, role="HRCG", confidence=0.01),
        "less sure than its intervals",
    ),
}


def test_honest_roles_hold(honest, tmp_path):
    recheck_numbers(honest)
    write_bundle(honest, tmp_path)
    assert run(["verify", str(tmp_path)]) == 0


def test_resamples_may_miss_their_value_a_little(honest):
    recheck_numbers(expert(honest, detection_loss=0.11))


@pytest.mark.parametrize("name", FORGED)
def test_a_contradiction_is_found(name, honest):
    forge, words = FORGED[name]
    with pytest.raises(EvidenceError, match=words):
        recheck_numbers(forge(honest))


def test_verify_says_so_of_a_bundle_sealed_anew(honest, tmp_path, capsys):
    write_bundle(FORGED["no groups"][0](honest), tmp_path)
    assert run(["verify", str(tmp_path)]) == 12
    assert "groups of roles" in capsys.readouterr().err
