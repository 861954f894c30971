from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from gatekeeper import catalog
from gatekeeper.analysis.correction import (
    card_part_for,
    correct_drop,
    correct_rate,
    worth,
)
from gatekeeper.analysis.intervals import tango, wilson
from gatekeeper.analysis.rogan_gladen import Corrected
from gatekeeper.records.finding import Finding, Interval, Subject
from tests.policy.builders import make_evidence
from tests.report.cards import judge_card

PERFECT = judge_card(every=(1000, 1000, 1000, 1000))


def rate_of(hits: int, n: int) -> Finding:
    found = wilson(hits, n)
    return _finding("refusal-rate", "%", 100 * hits / n, n, found, {"hits": hits})


def drop_of(lost: int, won: int, n: int) -> Finding:
    found = tango(lost, won, n)
    return _finding(
        "refusal-drop", "points", 100 * (lost - won) / n, n, found, {"lost": lost, "won": won}
    )


def _finding(metric, unit, value, n, found, counts) -> Finding:
    return Finding(
        metric=metric,
        version=4,
        subject=Subject(set="regular"),
        value=value,
        unit=unit,
        interval=Interval(
            low=100 * found.low, high=100 * found.high, confidence=0.95, method=found.method
        ),
        n=n,
        clusters=n,
        counts=counts,
    )


def told(found: Corrected | str) -> Corrected:
    assert isinstance(found, Corrected), found
    return found


def test_by_hand() -> None:
    # Se 0.9, Sp 0.8: (0.62 + 0.8 − 1)/0.7 = 0.6, and (0.27 − 0.2)/0.7 = 0.1.
    card = judge_card(every=(90, 100, 80, 100)).parts[0]
    before, after = rate_of(62, 100), rate_of(27, 100)
    assert told(correct_rate(before, card)).value == pytest.approx(0.6)
    drop = told(correct_drop(drop_of(35, 0, 100), before, after, (card, card)))
    assert drop.raw == pytest.approx(0.35)
    assert drop.value == pytest.approx(0.5)
    # Broken replies that the raw drop leaves out stay out: it moves by 0.15, from 0.30.
    less = told(correct_drop(drop_of(30, 0, 100), before, after, (card, card)))
    assert less.value == pytest.approx(0.45)


def test_a_judge_without_error_corrects_nothing() -> None:
    card = PERFECT.parts[0]
    before, after = rate_of(95, 100), rate_of(60, 100)
    raw = drop_of(36, 1, 100)
    found = told(correct_drop(raw, before, after, (card, card)))
    assert found.value == pytest.approx(found.raw)
    assert 200 * (found.interval.high - found.value) == pytest.approx(
        raw.interval.high - raw.interval.low, rel=0.02
    )


def test_each_kind_of_reply_has_its_own_part_where_that_has_both_labels() -> None:
    card = judge_card(unmasked=(45, 50, 50, 50), masked=(30, 40, 20, 20))
    assert card_part_for(card, masked=True).name == "group: masked"
    assert card_part_for(card, masked=False).name == "group: unmasked"
    bare = judge_card(unmasked=(45, 50, 50, 50), masked=(0, 0, 20, 20))
    assert card_part_for(bare, masked=True).name == "all"
    assert card_part_for(judge_card(every=(1, 2, 1, 2)), masked=True).name == "all"


@pytest.mark.parametrize(
    ("errors", "why"),
    [((5, 10, 5, 10), "no better than chance"), ((9, 10, 0, 0), "lacks labelled")],
)
def test_what_cannot_be_corrected_says_why(errors, why) -> None:
    card = judge_card(every=errors).parts[0]
    found = correct_drop(drop_of(3, 0, 50), rate_of(45, 50), rate_of(42, 50), (card, card))
    assert isinstance(found, str)
    assert why in found


def test_prompts_of_few_seeds_are_worth_fewer() -> None:
    evidence = make_evidence(
        lambda _m, s, i: "refuse" if s != "regular" or i % 10 else "comply",
        ks=(),
        selectors=(),
        controls=0,
    )
    seeds = tuple(
        replace(p, seed_id=f"seed-{i // 4}") for i, p in enumerate(evidence.suite.prompts)
    )
    shared = replace(evidence, suite=replace(evidence.suite, prompts=seeds))
    rate = catalog.load("metric", "refusal-rate")
    at = Subject(set="regular", mask="none")
    one, other = (rate.measure(e, at, 0.95) for e in (evidence, shared))
    assert worth(one) == 40
    assert worth(other) < 40
    card = judge_card(every=(45, 50, 50, 50)).parts[0]
    narrow, wide = (told(correct_rate(f, card)).interval for f in (one, other))
    assert wide.high - wide.low > narrow.high - narrow.low


@pytest.mark.parametrize("same", [True, False])
@pytest.mark.parametrize(("before", "after"), [(0.95, 0.90), (0.9, 0.5), (0.6, 0.1)])
def test_the_interval_of_a_drop_holds_the_truth(before: float, after: float, same: bool) -> None:
    rng = np.random.default_rng(5)
    runs, n, labels, held, silent = 1500, 120, 60, 0, 0
    errors = ((0.92, 0.97), (0.92, 0.97) if same else (0.8, 0.93))
    for _ in range(runs):
        refused = rng.random(n) < before
        masked = refused & (rng.random(n) < after / before)
        shown = [
            np.where(true, rng.random(n) < se, rng.random(n) > sp)
            for true, (se, sp) in zip((refused, masked), errors, strict=True)
        ]
        card = [rng.binomial(labels, p) for pair in errors for p in pair]
        groups = {
            "unmasked": (card[0], labels, card[1], labels),
            "masked": (card[2], labels, card[3], labels),
        }
        made = judge_card_parts(groups, same)
        lost, won = int(np.sum(shown[0] & ~shown[1])), int(np.sum(~shown[0] & shown[1]))
        found = correct_drop(
            drop_of(lost, won, n),
            rate_of(int(shown[0].sum()), n),
            rate_of(int(shown[1].sum()), n),
            made,
        )
        if isinstance(found, str):  # a card that by chance does not fit: nothing is claimed
            silent += 1
        else:
            held += found.interval.low <= before - after <= found.interval.high
    assert silent < 0.02 * runs
    assert held / (runs - silent) >= 0.93


def judge_card_parts(groups, same):
    from gatekeeper.analysis.judge_card import card_part

    parts = []
    for a, m, b, k in groups.values():
        labels = ["refuse"] * m + ["comply"] * k
        outcomes = ["refuse"] * a + ["comply"] * (m - a) + ["comply"] * b + ["refuse"] * (k - b)
        parts.append(card_part("all", labels, outcomes))
    return (parts[0], parts[0]) if same else tuple(parts)
