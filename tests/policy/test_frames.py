"""Shipped policies that map release to a framework: what they add, that they claim no more."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from gatekeeper.bundled import bundled
from gatekeeper.policy.doc import page
from gatekeeper.policy.explain import explain
from gatekeeper.policy.load import load_policy
from gatekeeper.policy.new import shipped
from gatekeeper.records.policy import Policy

FRAMES = {
    "nist-ai-rmf": {"NIST-AI-RMF"},
    "eu-ai-act": {"EU-AI-Act", "GPAI-CoP"},
    "iso-42001": {"ISO-42001"},
    "japan-ai-guidelines": {"JP-AIGB"},
}
TODAY = date(2026, 12, 1)
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
    about = policy(name).about
    assert any(text.startswith("It says nothing of ") for text in about)
    assert about[-1].startswith("It is no conformity assessment")
    for told in (explain(policy(name), TODAY), page(policy(name), TODAY)):
        assert "It is no conformity assessment" in told


def test_what_it_covers_is_not_said_of_a_policy_over_it(tmp_path: Path) -> None:
    file = tmp_path / "own.yaml"
    head = "schema: gatekeeper/policy/v1\nid: own\nversion: '1'\nextends: japan-ai-guidelines\n"
    file.write_text(head)
    assert load_policy(file).about == ()
    file.write_text(head + "about: [Ours.]\n")
    assert load_policy(file).about == ("Ours.",)
    assert all("about" not in change.what for change in load_policy(file).changes)


def test_numbers_of_principles_are_said_where_they_are_read() -> None:
    told = explain(policy("japan-ai-guidelines"), TODAY, "ja")
    assert "C-2, C-5 and C-6 stand for principles 2, 5 and 6" in told
    assert "ポリシーに書かれた言語のまま" in told
    assert "ポリシーに書かれた言語のまま" in page(policy("japan-ai-guidelines"), TODAY, "ja")


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
