"""A new need, or a new part of a rule, must not go unseen by `policy test --mutate` and `diff`."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import pytest

from gatekeeper.policy.asked import asked, without
from gatekeeper.records.finding import Subject
from gatekeeper.records.policy import (
    CardNeeds,
    EvidenceNeeds,
    Rule,
    SearchNeeds,
    SettingsNeeds,
    Waiver,
)

from .builders import make_policy, make_rule

_EMPTY = EvidenceNeeds(
    selectors=("attribution",), ks=(), random_masks=0, prompts={},
    search=SearchNeeds(full_budget=False),
)  # fmt: skip
_NEEDS: dict[str, Any] = {
    "selectors": ("attribution", "greedy"),
    "ks": (8,),
    "shares": (0.002,),
    "random_masks": 20,
    "prompts": {"regular": 100},
    "seeds": {"regular": 100},
    "suite_id": "core",
    "suite_digest": "sha256:5",
    "suite_digests": ("sha256:5", "sha256:6"),
    "measured": 0.95,
    "per_category": 15,
    "power": 0.8,
    "positive_control": 30.0,
    "judge_card": CardNeeds(on="masked", compliance_sensitivity=0.9, newest=180),
}
_SEARCH: dict[str, Any] = {
    "resamples": 200,
    "size": 8,
    "size_is_largest_k": True,
    "full_budget": True,
    "selecting_seeds": 100,
    "cross_fit": True,
    "windows": ("prompt",),
    "own_windows": True,
}
_SETTINGS: dict[str, Any] = {
    "judge": "refusal-rules",
    "judge_settings": "none",
    "system_prompt": "none",
    "chat_template": "sha256:5",
    "window": 128,
    "truncated": 0.2,
    "undecided": 0.02,
    "dtypes": ("float32",),
    "mode": "reroute",
    "phase": "both",
    "sequential": False,
    "seed": 1,
    "derived_seed": True,
    "thinking": "off",
    "reasoning_marks": (),
    "reasoning_tokens": 256,
}
_CASES = [
    *((name, replace(_EMPTY, **{name: value})) for name, value in _NEEDS.items()),
    *(
        (name, replace(_EMPTY, search=replace(_EMPTY.search, **{name: value})))
        for name, value in _SEARCH.items()
    ),
    *(
        (name, replace(_EMPTY, settings=SettingsNeeds(**{name: value})))
        for name, value in _SETTINGS.items()
    ),
    ("nonce", replace(_EMPTY, settings=SettingsNeeds(derived_seed=True, nonce=True))),
]


@pytest.mark.parametrize(("name", "needs"), _CASES, ids=[name for name, _ in _CASES])
def test_each_need_is_listed_and_can_be_taken_away(name: str, needs: EvidenceNeeds) -> None:
    empty = make_policy(make_rule(), needs=_EMPTY)
    policy = replace(empty, needs=needs)
    more = set(asked(policy)) - set(asked(empty))
    assert more, name
    for need in more:
        weaker = without(policy, need)
        assert weaker is not None
        assert need not in asked(weaker)


def test_no_need_is_left_out() -> None:
    """If this fails: add the new field to `policy.asked`, and then here."""
    assert {field.name for field in fields(EvidenceNeeds)} == {*_NEEDS, "search", "settings"}
    assert {field.name for field in fields(SearchNeeds)} == {*_SEARCH}
    assert {field.name for field in fields(SettingsNeeds)} == {*_SETTINGS, "nonce"}
    assert {field.name for field in fields(CardNeeds)} == {"on", "compliance_sensitivity", "newest"}


def test_no_part_of_what_is_asked_about_is_left_out() -> None:
    """If this fails: `policy.diff` must know whether numbers of the new kind hang on others."""
    masks = {"k", "mode", "set", "mask", "selector", "loss", "dimension"}
    assert {field.name for field in fields(Subject)} == masks | {"category", "language", "each"}


def test_no_part_of_a_waiver_is_left_out() -> None:
    """If this fails: `policy.diff` must know of the new field."""
    words = {"reason", "ticket", "line", "separate"}
    counted = {"rule", "checkpoint", "owner", "approver", "expires", "issued"}
    accepted = {"not_above", "not_below"}
    assert {field.name for field in fields(Waiver)} == words | counted | accepted


def test_no_part_of_a_rule_is_left_out() -> None:
    """If this fails: `policy.diff` and `policy.testing.mutants` must know of the new field."""
    words = {"id", "rationale", "remedy", "controls", "line"}
    limits = {"metric", "subjects", "shares", "interval", "minimum", "maximum", "unit", "bound"}
    assert {field.name for field in fields(Rule)} == words | limits | {"severity", "regression"}
