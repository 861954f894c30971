from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from gatekeeper.analysis.probing import (
    Probe,
    bag_of_words,
    newcombe,
    probe,
    transfer,
    weighted_auroc,
)
from tests.typed import only

TOPICS, PER_TOPIC, WIDTH = 8, 10, 12


def prompts(seed=0):
    """A harmful prompt and its benign twin per seed, ten seeds a topic."""
    generator = np.random.default_rng(seed)
    labels = np.tile([True, False], TOPICS * PER_TOPIC)
    topics = np.repeat([f"t{i}" for i in range(TOPICS)], 2 * PER_TOPIC)
    seeds = np.repeat([f"s{i}" for i in range(TOPICS * PER_TOPIC)], 2)
    return generator, labels, topics, seeds


def test_what_tells_harm_in_every_topic_is_found():
    generator, labels, topics, seeds = prompts()
    features = generator.normal(size=(len(labels), WIDTH))
    features[:, 3] += 3.0 * labels
    found = only(Probe, probe(features.astype(np.float32), labels, topics, seeds, seed=1))
    assert 0.93 < found.auroc < 1
    assert found.interval.low < found.auroc < found.interval.high <= 1
    assert found.auroc == pytest.approx(roc_auc_score(labels, found.scores))
    assert (found.n, found.clusters) == (len(labels), TOPICS * PER_TOPIC)


def test_noise_gives_a_half_on_average():
    values, covered = [], 0
    for run in range(20):
        generator, labels, topics, seeds = prompts(run)
        found = only(
            Probe,
            probe(generator.normal(size=(len(labels), WIDTH)), labels, topics, seeds, seed=run),
        )
        values.append(found.auroc)
        covered += found.interval.low <= 0.5 <= found.interval.high
    assert abs(np.mean(values) - 0.5) < 0.04
    assert covered >= 18


def test_a_feature_of_the_topic_alone_does_not_score():
    """Half of the topics are mostly harmful: a split by prompts would learn them by heart."""
    generator, labels, topics, seeds = prompts()
    seeds = np.array([f"s{i}" for i in range(len(labels))])
    number = np.array([int(t[1:]) for t in topics])
    labels = generator.random(len(labels)) < np.where(number % 2 == 0, 0.9, 0.1)
    features = np.eye(TOPICS)[number] + 0.01 * generator.normal(size=(len(labels), TOPICS))
    assert only(Probe, probe(features, labels, topics, seeds, seed=0)).auroc < 0.6
    # The same features do score where every prompt is a topic of its own.
    assert only(Probe, probe(features, labels, seeds, seeds, seed=0)).auroc > 0.8


def test_no_model_scores_a_topic_or_a_seed_it_was_fitted_on():
    _, labels, topics, seeds = prompts()
    # The benign twins are filed under the next topic, so that seeds straddle folds.
    topics = np.where(labels, topics, np.roll(topics, -2 * PER_TOPIC))
    marks = np.eye(TOPICS * PER_TOPIC)[np.arange(len(labels)) // 2]
    leak = np.concatenate([marks * np.where(labels, 1, -1)[:, None], marks], axis=1)
    found = only(Probe, probe(leak, labels, topics, seeds, seed=0))
    for fold in found.folds:
        held = np.isin(np.arange(len(marks)), [int(s[1:]) for s in seeds[fold.rows]])
        seen = np.flatnonzero(np.abs(fold.weights).reshape(2, -1).max(axis=0) > 1e-12)
        assert not held[seen % (TOPICS * PER_TOPIC)].any()
    assert sorted(np.concatenate([fold.rows for fold in found.folds])) == list(range(len(labels)))


def test_folds_are_brought_to_one_scale_by_their_training_rows():
    generator, labels, topics, seeds = prompts()
    features = generator.normal(size=(len(labels), 3)) + 2.0 * labels[:, None]
    found = only(Probe, probe(features, labels, topics, seeds, seed=0))
    for fold in found.folds:
        rows = np.setdiff1d(np.arange(len(labels)), fold.rows)
        scores = features[rows] @ fold.weights + fold.offset
        assert abs(scores.mean()) < 1e-9
        assert scores.std() == pytest.approx(1.0)


def test_transfer_holds_the_probe_fixed():
    generator, labels, topics, seeds = prompts()
    features = generator.normal(size=(len(labels), WIDTH))
    features[:, 0] += 4.0 * labels
    found = only(Probe, probe(features, labels, topics, seeds, seed=0))
    assert np.allclose(transfer(found, features), found.scores)
    # So does a mask that moves all prompts alike: no fold's order has changed.
    assert np.allclose(transfer(found, features + 3.0), found.scores)
    # The signal moves to a direction that the probe does not look in: it is lost to it.
    moved = np.roll(features, 1, axis=1)
    assert abs(roc_auc_score(labels, transfer(found, moved)) - 0.5) < 0.2
    assert only(Probe, probe(moved, labels, topics, seeds, seed=0)).auroc > 0.95


def test_too_little_is_a_reason():
    generator, labels, topics, seeds = prompts()
    features = generator.normal(size=(len(labels), WIDTH))
    assert "one topic" in only(
        str, probe(features, labels, np.full_like(topics, "x"), seeds, seed=0)
    )
    assert "only 4 seeds of harmful" in only(
        str, probe(features[:8], labels[:8], topics[:8], seeds[:8], seed=0)
    )
    assert "no features" in only(str, probe(features[:, :0], labels, topics, seeds, seed=0))
    two = np.where(labels, "a", "b")
    assert "are left to fit" in only(str, probe(features, labels, two, seeds, seed=0))


def test_constant_features_are_chance_not_an_error():
    _, labels, topics, seeds = prompts()
    found = only(Probe, probe(np.zeros((len(labels), 2)), labels, topics, seeds, seed=0))
    assert found.auroc == pytest.approx(0.5, abs=0.1)


def test_weighted_auroc_is_that_of_repeated_prompts():
    generator = np.random.default_rng(0)
    scores = generator.integers(0, 6, 40).astype(float)  # with ties
    labels = generator.random(40) < 0.4
    weights = generator.integers(0, 4, (3, 40)).astype(float)
    found = weighted_auroc(scores, labels, weights)
    for row, value in zip(weights.astype(int), found, strict=True):
        again = roc_auc_score(np.repeat(labels, row), np.repeat(scores, row))
        assert value == pytest.approx(again)
    assert np.isnan(weighted_auroc(scores, labels, labels[None].astype(float)))


def test_a_perfect_probe_still_has_an_interval():
    _, labels, topics, seeds = prompts()
    found = only(Probe, probe(labels[:, None] * 1.0, labels, topics, seeds, seed=0))
    assert found.auroc == 1.0
    assert 0.9 < found.interval.low < 0.98
    assert found.interval.high == 1.0


def test_newcombe_brackets_its_estimate_and_narrows_with_n():
    for value in (0.0, 0.5, 0.8, 1.0):
        low, high = newcombe(value, 30, 30)
        assert 0 <= low <= value <= high <= 1
        more = newcombe(value, 300, 300)
        assert more[1] - more[0] < high - low


def test_bag_of_words_counts_what_is_not_in_every_prompt():
    counts = bag_of_words([[1, 5, 5, 2], [1, 7, 2], [1, 5, 9, 2]])
    # Tokens 5 (two prompts), 7 and 9; 1 and 2 are the template's.
    assert counts.tolist() == [[2, 0, 0], [0, 1, 0], [1, 0, 1]]
    assert bag_of_words([[1, 5, 5, 2], [1, 7, 2], [1, 5, 9, 2]], most=1).tolist() == [[2], [0], [1]]
