from __future__ import annotations

import numpy as np
import pytest

from gatekeeper.analysis.probing import Probe, probe, transfer
from gatekeeper.analysis.ranking import in_turn
from gatekeeper.analysis.roles import (
    DETECTION_MARGIN,
    METHOD_ALIKE,
    REFUSAL_MARGIN,
    basis,
    by_sets,
    expert_role,
    losses,
    matched_experts,
    role_of,
)
from gatekeeper.records.finding import Interval
from gatekeeper.records.model import ExpertId, MoeSite
from gatekeeper.records.selection import RankedExpert, Selection
from tests.typed import only

SEEDS, WIDTH = 80, 10
EXPERT = ExpertId(2, 5)


def world(seed=0):
    """Features with harm in two channels; a probe on them; a basis with 30 refused seeds."""
    generator = np.random.default_rng(seed)
    labels = np.tile([True, False], SEEDS)
    seeds = np.repeat([f"s{i}" for i in range(SEEDS)], 2)
    topics = np.repeat([f"t{i % 8}" for i in range(SEEDS)], 2)
    features = generator.normal(size=(2 * SEEDS, WIDTH))
    features[:, :2] += 2.0 * labels[:, None]
    fitted = only(Probe, probe(features, labels, topics, seeds, seed=seed))
    given = basis(labels, fitted.scores, seeds, np.array([f"s{i}" for i in range(30)]), seed=seed)
    return generator, features, labels, fitted, given


def masked_role(given, fitted, features, refusal):
    found = losses(given, transfer(fitted, features), refusal)
    return expert_role(EXPERT, found, ("HCDG",), None)


def test_a_detector_is_found():
    generator, features, _, fitted, given = world()
    blind = features.copy()
    blind[:, :2] = generator.normal(size=(2 * SEEDS, 2)) + 1
    role = masked_role(given, fitted, blind, generator.normal(2, 1, 30))
    assert role.role == "HCDG"
    assert role.confidence > 0.95
    assert role.detection_loss > 0.3
    assert role.detection_interval.low < role.detection_loss < role.detection_interval.high
    assert (role.expert, role.by_sets, role.probe) == (EXPERT, ("HCDG",), None)


def test_a_controller_is_found():
    generator, features, _, fitted, given = world()
    slightly = features + generator.normal(0, 0.02, features.shape)
    role = masked_role(given, fitted, slightly, generator.normal(2, 1, 30))
    assert role.role == "HRCG"
    assert role.confidence > 0.95
    assert 1.5 < role.refusal_interval.low < role.refusal_loss < role.refusal_interval.high < 2.6


def test_a_bystander_and_what_only_detects_are_unclear():
    generator, features, _, fitted, given = world()
    nothing = generator.normal(0, 0.3, 30)
    blind = features.copy()
    blind[:, :2] = 1
    for masked in (features, blind):
        role = masked_role(given, fitted, masked, nothing)
        assert role.role == "unclear"
        assert role.confidence > 0.8


def test_what_lies_about_the_margin_is_unclear_and_unsure():
    generator, features, labels, fitted, given = world()
    between = features.copy()
    between[:, :2] -= 0.5 * labels[:, None]
    role = masked_role(given, fitted, between, generator.normal(2, 1, 30))
    interval = role.detection_interval
    assert interval.low < DETECTION_MARGIN < interval.high
    assert role.role == "unclear"
    assert role.confidence < 0.5


def test_null_worlds_are_unclear():
    for seed in range(5):
        generator, features, _, fitted, given = world(seed)
        other = features + generator.normal(0, 0.1, features.shape)
        assert masked_role(given, fitted, other, generator.normal(0, 1, 30)).role == "unclear"


def test_detection_is_paired():
    """The interval of a difference on the same prompts is far narrower than that of its parts."""
    generator, features, _, fitted, given = world()
    masked = transfer(fitted, features + generator.normal(0, 0.02, features.shape))
    interval = losses(given, masked, np.ones(30)).detection_interval
    own = fitted.interval
    assert interval.high - interval.low < (own.high - own.low) / 4


def test_the_interval_is_of_the_middle_95_percent_of_resamples():
    generator, features, _, fitted, given = world()
    masked = transfer(fitted, features + generator.normal(0, 1.0, features.shape))
    found = losses(given, masked, np.ones(30))
    low, high = np.quantile(found.detection_drawn, [0.025, 0.975])
    assert high - low > 0.001
    assert (found.detection_interval.low, found.detection_interval.high) == (low, high)


def test_where_no_resample_differs_the_interval_has_width():
    _, _, _, fitted, given = world()
    found = losses(given, fitted.scores, np.full(30, 2.0))
    assert found.detection == 0
    assert found.detection_interval.method == METHOD_ALIKE
    assert found.detection_interval.high == pytest.approx(1 - 0.05 ** (1 / SEEDS))


def test_detection_intervals_cover():
    """The true loss of AUROC, with the probe fixed, lies in nine of ten intervals at least."""
    covered = 0
    for seed in range(40):
        generator = np.random.default_rng(seed)
        labels = np.tile([True, False], SEEDS)
        seeds = np.repeat([f"s{i}" for i in range(SEEDS)], 2)
        plain = generator.normal(size=2 * SEEDS) + 2.0 * labels
        masked = 0.5 * plain + 0.866 * generator.normal(size=2 * SEEDS) + 0.2 * labels
        # Shifts of 2 and 1.2 at unit variance: Φ(2/√2) − Φ(1.2/√2).
        given = basis(labels, plain, seeds, seeds[:60:2], seed=seed)
        interval = losses(given, masked, np.ones(30)).detection_interval
        covered += interval.low <= 0.92135 - 0.80193 <= interval.high
    assert covered >= 35


def interval(low, high):
    return Interval(low=low, high=high, confidence=0.95, method="given")


@pytest.mark.parametrize(
    ("detection", "refusal", "role"),
    [
        ((0.06, 0.2), (0.5, 1), "HCDG"),
        ((-0.02, 0.04), (0.5, 1), "HRCG"),
        ((-0.4, -0.1), (0.5, 1), "HRCG"),
        ((0.04, 0.2), (0.5, 1), "unclear"),
        ((0.06, 0.2), (REFUSAL_MARGIN, 1), "unclear"),
        ((-0.02, 0.04), (-1, -0.5), "unclear"),
    ],
)
def test_roles_follow_the_intervals(detection, refusal, role):
    assert role_of(interval(*detection), interval(*refusal)) == role


def selection(name, *ranked):
    return Selection(
        selector=name,
        version=1,
        window="prompt",
        ranked=tuple(
            RankedExpert(expert=e, score=1.0, probability=1.0, groups=groups, borderline=False)
            for e, groups in ranked
        ),
        prompts={},
        resamples=1,
        size=1,
        threshold=1.0,
        seed=0,
        error_bound=None,
        notes=(),
    )


A, B, C, D = (ExpertId(1, i) for i in range(4))


def test_experts_are_taken_in_turn_and_their_groups_joined():
    one = selection("one", (A, ("HCDG",)), (B, ()), (C, ()))
    two = selection("two", (A, ("HRCG",)), (D, ("HRCG",)))
    assert in_turn([one, two], 8) == (A, B, D, C)
    assert in_turn([one, two], 2) == (A, B)
    assert in_turn([], 2) == ()
    assert by_sets([one, two], [A, B, D]) == {A: ("HCDG", "HRCG"), B: (), D: ("HRCG",)}


def test_matched_experts_are_as_busy_and_of_the_layer():
    sites = [MoeSite(layer=i, path="x", experts=16, top_k=2, shared=0) for i in (1, 2)]
    frequency = np.tile(np.repeat([0.3, 0.02], 8), (2, 1))
    first = {ExpertId(1, 1), ExpertId(2, 9)}
    drawn = matched_experts([A, D], frequency, sites, first.__contains__, seed=0)
    assert len(set(drawn)) == 2
    assert all(e.layer == 1 and e.expert < 8 and e not in {A, D, *first} for e in drawn)
    assert matched_experts([A], frequency, sites, lambda _e: True, seed=0) == ()
