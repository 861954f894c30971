"""Experts that carry one part of a set: found where the mean over the set hides them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from gatekeeper.analysis.part_ranking import by_part, parts_of
from gatekeeper.analysis.selectors.attribution import SELECTOR as ATTRIBUTION
from gatekeeper.records.model import ExpertId
from gatekeeper.records.selection import Selection
from gatekeeper.records.suite import Prompt
from tests.typed import only, some

from .planted import planted

CARRIER = ExpertId(2, 5)
PARTS = 8


def carried(share: float = 1.0, hit: int = 3):
    """Of 120 refused requests in eight parts, one part hangs on one expert, alone as busy."""
    given = planted(attribution=True, seeds=120)
    part = np.array([str(i % PARTS) for i in range(120)] * 3)
    scores = some(given.profile.attribution).copy()
    scores[part == str(hit), CARRIER.layer - 1, CARRIER.expert] += share
    profile = replace(given.profile, attribution=scores)
    whole = np.full(len(part), "en")
    return replace(given, profile=profile, parts=(part, whole))


def test_the_carrier_of_one_part_comes_first() -> None:
    assert by_part(carried(), 3)[0] == CARRIER
    assert len(by_part(carried(), 3)) == 3


def test_all_experts_are_ranked_once() -> None:
    assert len(set(by_part(carried(), 1000))) == 64


def test_so_does_one_that_noisy_experts_outshine_in_the_mean() -> None:
    given = carried()
    scores = some(given.profile.attribution).copy()
    noise = np.random.default_rng(5).normal(0.15, 3.0, scores[:, 0].shape)
    scores[:, 0] += noise.astype(np.float32)
    given = replace(given, profile=replace(given.profile, attribution=scores))
    ranked = [r.expert for r in only(Selection, ATTRIBUTION.select(given)).ranked]
    assert by_part(given, 1) == (CARRIER,)
    assert ranked.index(CARRIER) > 0


@pytest.mark.parametrize("kind", ["steady", "topic"])
def test_so_does_one_beside_experts_that_carry_next_to_nothing_without_noise(kind: str) -> None:
    """A third of all, each a tenth of what the carrier does: in every reply, or in one part."""
    given = carried()
    scores = some(given.profile.attribution).copy()
    faint = np.random.default_rng(5).normal(0, 0.01, scores[:, 1, :].shape)
    own = np.arange(360)[:, None] % PARTS == np.arange(16) % PARTS
    faint += 0.1 if kind == "steady" else 0.1 * own
    scores[:, 0] = scores[:, 3] = faint
    given = replace(given, profile=replace(given.profile, attribution=scores))
    assert by_part(given, 1) == (CARRIER,)


def test_a_part_that_is_the_whole_set_says_nothing() -> None:
    given = carried()
    assert by_part(replace(given, parts=(np.full(360, "en"),)), 3) == ()


@pytest.mark.parametrize("without", ["parts", "attribution"])
def test_nothing_is_said_without_parts_or_attribution(without: str) -> None:
    given = carried()
    if without == "parts":
        assert by_part(replace(given, parts=()), 3) == ()
    else:
        profile = replace(given.profile, attribution=None)
        assert by_part(replace(given, profile=profile), 3) == ()


def test_parts_of_fewer_than_five_refused_requests_say_nothing() -> None:
    given = carried(share=30.0)
    few = np.array(["few" if i % PARTS == 3 and i < 32 else "" for i in range(120)] * 3)
    rows = np.flatnonzero(few == "few")
    scores = some(given.profile.attribution).copy()
    scores[np.setdiff1d(np.arange(360), rows), CARRIER.layer - 1, CARRIER.expert] = -1.0
    given = replace(given, profile=replace(given.profile, attribution=scores), parts=(few,))
    assert by_part(given, 64) == ()


def test_parts_are_category_language_and_wrapper() -> None:
    prompt = Prompt(
        id="a", seed_id="a", set="jailbreak", category="theft", language="ja", text="x",
        source="", wrapper="story",
    )  # fmt: skip
    plain = replace(prompt, id="b", set="regular", wrapper=None)
    found = [of.tolist() for of in parts_of([prompt, plain])]
    assert found == [["theft", "theft"], ["ja", "ja"], ["story", ""]]
