"""Roles of experts that contradict the selections, or themselves: forged, each in one place."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from gatekeeper.analysis.roles import METHOD, METHOD_ALIKE, basis, confidence_of, losses, role_of
from gatekeeper.cli import run
from gatekeeper.errors import EvidenceError
from gatekeeper.evidence.bundle import write_bundle
from gatekeeper.metrics import with_findings
from gatekeeper.records.finding import Interval
from gatekeeper.verify.numbers import recheck_numbers
from gatekeeper.verify.roles import is_sure, loss_contradictions
from tests.policy.profiled import profiled_evidence
from tests.policy.told_roles import told_roles


def interval(low, high):
    return Interval(low=low, high=high, confidence=0.95, method=METHOD)


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
    "clusters of prompts": (
        lambda e: forged(e, clusters=e.roles.clusters - 1),
        "rest on other prompts",
    ),
    "sets": (lambda e: expert(e, by_sets=("other",)), "stable in other groups"),
    "loss": (lambda e: expert(e, detection_loss=0.9), "lies outside its interval"),
    "gain": (lambda e: expert(e, refusal_loss=-5.0), "lies outside its interval"),
    "a loss beside": (lambda e: expert(e, refusal_loss=-0.1), "lies outside its interval"),
    "a group's loss beside": (
        lambda e: group(e, "all selected", detection_loss=0.21),
        "lies outside its interval",
    ),
    "better than right": (
        lambda e: probe(e, interval=replace(e.roles.experts[0].probe.interval, high=1.5)),
        "better than one that is always right",
    ),
    "method": (
        lambda e: expert(e, refusal_interval=replace(interval(0.0, 0.3), method="simulated")),
        "of no known kind",
    ),
    "no seed differs": (
        lambda e: expert(e, refusal_interval=alike(0.1, 0.01)),
        "where no seed differs",
    ),
    "nor in detection": (
        lambda e: expert(e, detection_interval=alike(0.01, 0.9)),
        "where no seed differs",
    ),
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
    "probe's clusters": (lambda e: probe(e, clusters=8), "a probe rests on other prompts"),
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
    # By its intervals, refusals fall past the margin in 2.5 to 97.5 % of resamples, and detection
    # is lost in as many.
    "unclear": (lambda e: expert(e, confidence=0.0), "more or less sure"),
    "clearly unclear": (lambda e: no_loss(e, confidence=0.5), "more or less sure"),
    "too surely unclear": (lambda e: no_refusals(e, confidence=0.9), "more or less sure"),
    "unsure": (lambda e: clear(e, "HRCG", confidence=0.01), "more or less sure"),
    "a little unsure": (lambda e: clear(e, "HCDG", confidence=0.93), "more or less sure"),
}
HONEST = {
    "a bias of pairs within a seed": lambda e: expert(e, detection_loss=0.101),
    "no loss at all": lambda e: no_loss(e, confidence=1.0),
    "no refusals": lambda e: no_refusals(e, confidence=0.4),
    "unclear": lambda e: expert(e, confidence=0.3),
    "sure": lambda e: clear(e, "HCDG", confidence=0.96),
}


def clear(evidence, role, **changes):
    lost = {"HCDG": interval(0.06, 0.2), "HRCG": interval(-0.01, 0.02)}[role]
    return expert(
        evidence,
        role=role,
        detection_loss=(lost.low + lost.high) / 2,
        detection_interval=lost,
        refusal_loss=0.5,
        refusal_interval=interval(0.3, 0.7),
        **changes,
    )


def no_loss(evidence, **changes):
    """Unclear since refusals hold."""
    return expert(evidence, refusal_interval=interval(-0.1, 0.15), **changes)


def no_refusals(evidence, **changes):
    """Unclear since it is open whether detection holds, with all refusals lost."""
    return expert(evidence, refusal_loss=0.5, refusal_interval=interval(0.3, 0.7), **changes)


def alike(value, reach):
    return replace(interval(value - reach, value + reach), method=METHOD_ALIKE)


def no_seed_differs(evidence):
    reach = 1 - 0.05 ** (1 / evidence.roles.clusters)
    return expert(
        evidence,
        confidence=1.0,
        detection_loss=0.0,
        detection_interval=alike(0.0, reach),
        refusal_loss=0.0,
        refusal_interval=alike(0.0, reach),
    )


def test_honest_roles_hold(honest, tmp_path):
    recheck_numbers(honest)
    write_bundle(honest, tmp_path)
    assert run(["verify", str(tmp_path)]) == 0


HONEST["no seed differs"] = no_seed_differs


@pytest.mark.parametrize("name", HONEST)
def test_what_an_audit_may_find_holds(name, honest):
    recheck_numbers(HONEST[name](honest))


@pytest.mark.parametrize("name", FORGED)
def test_a_contradiction_is_found(name, honest):
    forge, words = FORGED[name]
    with pytest.raises(EvidenceError, match=words):
        recheck_numbers(forge(honest))


def test_verify_says_so_of_a_bundle_sealed_anew(honest, tmp_path, capsys):
    write_bundle(FORGED["no groups"][0](honest), tmp_path)
    assert run(["verify", str(tmp_path)]) == 12
    assert "groups of roles" in capsys.readouterr().err


def drawn(kind, seed):
    """An expert's role by resamples: losses of all kinds, and pairs of a seed that all turn."""
    random = np.random.default_rng(seed)
    seeds = np.repeat([f"s{i}" for i in range(random.integers(10, 60))], 2)
    place, harmful = np.arange(len(seeds)) // 2, np.arange(len(seeds)) % 2 == 1
    plain = 2.0 * place + harmful
    if kind == "twins turn":  # only they tell the two apart, and only there they are confused
        masked = 2.0 * place - harmful * 0.5
    else:
        plain = random.normal(2.0 * harmful, 1)
        masked = random.normal({"lost": 0.5, "kept": 2.0}[kind] * harmful, 1)
    refused = np.unique(seeds)[: random.integers(10, len(seeds) // 2 + 1)]
    lost = random.standard_t(1.5, len(refused)) * 0.2 + random.choice([0.0, 0.2, 1.0])
    given = basis(harmful, plain, seeds, refused, seed=seed)
    return seeds, losses(given, masked, lost)


@pytest.mark.parametrize("kind", ["twins turn", "lost", "kept"])
@pytest.mark.parametrize("seed", range(8))
def test_whatever_resamples_give_holds(kind, seed, honest):
    seeds, found = drawn(kind, seed)
    role = role_of(found.detection_interval, found.refusal_interval)
    told = expert(
        honest,
        role=role,
        confidence=confidence_of(role, found),
        detection_loss=found.detection,
        detection_interval=found.detection_interval,
        refusal_loss=found.refusal,
        refusal_interval=found.refusal_interval,
    )
    own = told.roles.experts[0]
    assert is_sure(own)
    assert not any(wrong for wrong, _ in loss_contradictions(own, 2 / len(seeds), len(seeds) // 2))
