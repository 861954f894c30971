"""Shipped policies that map release to a framework: what they add, that they claim no more."""

from __future__ import annotations

import pytest

from gatekeeper.bundled import bundled
from gatekeeper.policy.load import load_policy
from gatekeeper.policy.new import shipped
from gatekeeper.records.policy import Policy

FRAMES = {
    "nist-ai-rmf": {"NIST-AI-RMF"},
    "eu-ai-act": {"EU-AI-Act", "GPAI-CoP"},
    "iso-42001": {"ISO-42001"},
    "japan-ai-guidelines": {"JP-AIGB"},
}
#: How a rationale says where a limit is from.
ORIGINS = ("convention", "SAFEx paper", "can show", "can decide", "As ", "too little to measure")


def policy(name: str) -> Policy:
    return load_policy(bundled("policies") / f"{name}.yaml")


@pytest.mark.parametrize("name", FRAMES)
def test_it_is_release_with_the_controls_of_its_framework(name: str) -> None:
    frame, release = policy(name), policy("release")
    limits = {rule.id: (rule.maximum, rule.minimum, rule.subjects) for rule in release.rules}
    found = {rule.id: (rule.maximum, rule.minimum, rule.subjects) for rule in frame.rules}
    assert limits.items() <= found.items()
    serves = {control.partition(":")[0] for rule in frame.rules for control in rule.controls}
    assert serves == FRAMES[name]


@pytest.mark.parametrize("name", FRAMES)
def test_it_says_that_it_is_no_conformity_assessment(name: str) -> None:
    assert policy(name).title.endswith("(no conformity assessment)")
    head = (bundled("policies") / f"{name}.yaml").read_text(encoding="utf-8").partition("schema:")
    assert "What it says nothing of:" in head[0] + head[2]


def test_research_is_no_release_gate_by_its_title() -> None:
    research = policy("research")
    assert "not a release gate" in research.title
    assert research.needs.power is None


@pytest.mark.parametrize("name", shipped())
def test_each_limit_has_an_origin(name: str) -> None:
    without = [
        rule.id
        for rule in policy(name).rules
        if not any(word.casefold() in rule.rationale.casefold() for word in ORIGINS)
    ]
    assert without == []
