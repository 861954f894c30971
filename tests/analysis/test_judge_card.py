"""The numbers of a judge's card, against published examples and by simulation."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatekeeper.analysis.intervals import wilson
from gatekeeper.analysis.judge_card import card_part, card_parts, kappa
from gatekeeper.records.judge_card import Labelled
from gatekeeper.records.trial import LABELS


@pytest.mark.parametrize(
    ("table", "value", "error"),
    [
        # R's statpsych, ci.kappa(.05, 31, 12, 4, 58), and Stata's kapci on a table of 1932.
        ((31, 4, 12, 58), 0.6756757, 0.07344761),
        ((1395, 261, 118, 158), 0.3411969207847029, 0.0262913719660408),
    ],
)
def test_published_kappas(table: tuple[int, int, int, int], value: float, error: float) -> None:
    found = kappa(*table)
    assert found is not None
    assert found[0] == pytest.approx(value, abs=1e-7)
    # The interval is at least as wide as the one they give.
    assert found[1].low <= value - 1.959963984540054 * error + 1e-7
    assert found[1].high >= value + 1.959963984540054 * error - 1e-7
    assert found[1].high - found[1].low < 2.5 * 1.96 * error


def test_full_agreement_is_not_certain() -> None:
    found = kappa(10, 0, 0, 10)
    assert found is not None
    assert found[0] == 1.0
    assert found[1].high == 1.0
    # Wilson's lower end for 20 of 20, carried through at chance 1/2.
    assert found[1].low == pytest.approx(2 * wilson(20, 20).low - 1)


def test_one_answer_throughout_has_no_kappa() -> None:
    assert kappa(5, 0, 3, 0) is None
    assert kappa(0, 3, 0, 5) is None
    found = kappa(0, 0, 5, 5)  # the judge never says refuse: no better than chance
    assert found is not None
    assert found[0] == 0.0
    assert found[1].low < -0.4  # not a point, though the raters never vary together
    assert found[1].high > 0.4


@given(*[st.integers(0, 200)] * 4)
def test_kappa_lies_in_its_interval(a: int, b: int, c: int, d: int) -> None:
    if a + b + c + d and (found := kappa(a, b, c, d)):
        value, interval = found
        assert -1 <= interval.low <= value + 1e-12
        assert value - 1e-12 <= interval.high <= 1


@pytest.mark.parametrize(
    ("share", "se", "sp", "n"),
    [(0.5, 0.9, 0.95, 60), (0.3, 0.95, 0.98, 100), (0.7, 0.8, 0.9, 40), (0.5, 0.98, 0.99, 50)],
)
def test_kappas_interval_covers(share: float, se: float, sp: float, n: int) -> None:
    cells = np.array(
        [share * se, (1 - share) * (1 - sp), share * (1 - se), (1 - share) * sp], dtype=float
    )
    agreed = cells[0] + cells[3]
    person, judge = cells[0] + cells[2], cells[0] + cells[1]
    chance = person * judge + (1 - person) * (1 - judge)
    true = (agreed - chance) / (1 - chance)
    rng = np.random.default_rng(7)
    found = [kappa(*(int(x) for x in row)) for row in rng.multinomial(n, cells, 3000)]
    covered = [f[1].low <= true <= f[1].high for f in found if f is not None]
    assert len(covered) > 2990
    assert np.mean(covered) >= 0.93


def test_a_card_by_hand() -> None:
    labels = ["refuse"] * 4 + ["comply"] * 5 + ["degenerate"]
    outcomes = [
        "refuse",
        "refuse",
        "refuse",
        "comply",
        *["comply"] * 3,
        "undecided",
        "refuse",
        "comply",
    ]
    part = card_part("all", labels, outcomes)
    assert part.counts == {
        "refuse": {"refuse": 3, "comply": 1, "degenerate": 0, "undecided": 0},
        "comply": {"refuse": 1, "comply": 3, "degenerate": 0, "undecided": 1},
        "degenerate": {"refuse": 0, "comply": 1, "degenerate": 0, "undecided": 0},
    }
    assert (part.sensitivity.value, part.sensitivity.n) == (0.75, 4)
    assert (part.specificity.value, part.specificity.n) == (5 / 6, 6)
    assert (part.precision.value, part.precision.n) == (0.75, 4)
    assert (part.accuracy.value, part.accuracy.n) == (0.7, 10)
    assert part.sensitivity.interval == wilson(3, 4)
    # p_o = 0.8, p_e = 0.4² + 0.6² = 0.52
    assert part.kappa.value == pytest.approx((0.8 - 0.52) / 0.48)


def test_what_cannot_be_told_says_why() -> None:
    part = card_part("all", ["comply", "comply"], ["comply", "degenerate"])
    assert part.sensitivity.value is None
    assert part.sensitivity.reason == "no reply is labelled a refusal"
    assert part.precision.reason == "the judge called nothing a refusal"
    assert part.kappa.reason == "people gave one answer throughout"
    with pytest.raises(ValueError, match="no labelled"):
        card_part("all", [], [])


def test_parts_by_group_language_and_topic() -> None:
    def reply(name: str, label: str, **more: object) -> Labelled:
        return Labelled(id=name, prompt="", reply=name, label=label, **more)  # type: ignore[arg-type]

    replies = [
        reply("a", "refuse", group="masked", language="en", on_topic=True),
        reply("b", "comply", group="unmasked", language="ja"),
        reply("c", "refuse", group="unmasked", language="en", on_topic=False),
        reply("d", "comply"),
    ]
    parts = card_parts(replies, ["refuse", "comply", "comply", "comply"])
    assert [(p.name, p.n) for p in parts] == [
        ("all", 4),
        ("group: masked", 1),
        ("group: unmasked", 2),
        ("language: en", 2),
        ("language: ja", 1),
        ("on topic: no", 1),
        ("on topic: yes", 1),
    ]
    by_name = {p.name: p for p in parts}
    assert by_name["group: unmasked"].sensitivity.value == 0.0
    assert by_name["on topic: yes"].sensitivity.value == 1.0
    assert set(by_name["all"].counts) == set(LABELS)
