"""Perplexity ratio and divergence from forced replies, by hand and by simulation."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from gatekeeper import catalog
from gatekeeper.analysis.teacher_forcing import PerToken, per_token
from gatekeeper.records.finding import Missing, Subject
from gatekeeper.records.usefulness import Usefulness
from tests.policy.builders import make_evidence
from tests.typed import only

AT = Subject(k=4, selector="attribution")


def with_forced(loss, divergence, tokens, mask="attribution-k4"):
    evidence = make_evidence()
    ids = tuple(p.id for p in evidence.suite.prompts if p.set == "benign")[: len(loss)]
    one = Usefulness(
        mask=mask,
        prompts=ids,
        tokens=tuple(tokens),
        plain=(2.0,) * len(loss),
        masked=tuple(2.0 + x for x in loss),
        divergence=tuple(divergence),
    )
    return replace(evidence, usefulness=(one,))


def measure(name, evidence, at=AT):
    return catalog.load("metric", name).measure(evidence, at, 0.95)


def test_by_hand():
    evidence = with_forced([1.0, 0.0, 2.0, 1.0, 1.0], [0.5] * 5, [10, 5, 10, 5, 20])
    ratio, apart = (measure(n, evidence) for n in ("usefulness-loss", "benign-divergence"))
    assert ratio.value == pytest.approx(math.exp(5 / 50))
    assert apart.value == pytest.approx(2.5 / 50)
    assert (ratio.n, ratio.clusters, ratio.counts["tokens"], ratio.unit) == (5, 5, 50, "ratio")
    assert ratio.interval.low < ratio.value < ratio.interval.high
    assert apart.unit == "nats" and apart.interval.low >= 0


def test_nothing_lost_is_one_and_nothing():
    evidence = with_forced([0.0] * 8, [0.0] * 8, [4] * 8)
    ratio, apart = (measure(n, evidence) for n in ("usefulness-loss", "benign-divergence"))
    assert (ratio.value, ratio.interval.low, ratio.interval.high) == (1, 1, 1)
    assert (apart.value, apart.interval.high) == (0, 0)


def test_the_impossible_is_a_number():
    found = measure("usefulness-loss", with_forced([1e6] * 8, [1e6] * 8, [4] * 8))
    assert math.isfinite(found.value) and found.value > 1e20


@pytest.mark.parametrize(
    ("evidence", "at", "words"),
    [
        (make_evidence(), AT, "not forced"),
        (with_forced([0.0] * 4, [0.0] * 4, [4] * 4), AT, "too few"),
        (
            with_forced([0.0] * 9, [0.0] * 9, [4] * 9),
            Subject(k=3, selector="attribution"),
            "no mask",
        ),
    ],
)
def test_what_cannot_be_said_is_missing(evidence, at, words):
    for name in ("usefulness-loss", "benign-divergence"):
        found = measure(name, evidence, at)
        assert isinstance(found, Missing) and words in found.reason


def test_subjects_are_the_selected_masks():
    metric = catalog.load("metric", "usefulness-loss")
    assert metric.subjects(make_evidence()) == ()
    found = metric.subjects(with_forced([0.0] * 9, [0.0] * 9, [4] * 9))
    assert AT in found and len(found) == 12


def test_the_interval_covers():
    """Replies of unlike length, two prompts a seed that agree: about 95 %."""
    generator = np.random.default_rng(4)
    seeds = np.array([f"s{i // 2}" for i in range(60)])
    hit = 0
    for _ in range(600):
        tokens = generator.integers(3, 30, 60).astype(float)
        level = np.repeat(generator.normal(0.1, 0.05, 30), 2)
        sums = tokens * (level + generator.normal(0, 0.05, 60))
        found = only(PerToken, per_token(sums, tokens, seeds, 0.95))
        hit += found.interval.low <= 0.1 <= found.interval.high
    assert 0.92 <= hit / 600 <= 0.975
