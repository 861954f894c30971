"""Sequential runs, simulated: how often they err at a limit, and how many prompts they take."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from gatekeeper.analysis import betting, paired
from gatekeeper.analysis.order import looks
from gatekeeper.records.sequential_run import SequentialRun
from tools.validate.coverage import NOMINAL, SEED, BoolArray, FloatArray
from tools.validate.table import Table

_LIMIT = 0.10
#: Numbers that a fail is claimed among: those of policies/release.yaml with four selectors.
_FAMILY = 23
#: True share of refusals lost; the share won back, where so much is left.
_DROPS = (0.0, 0.02, 0.05, 0.10, 0.15, 0.20, 0.50, 0.95)
_WON = 0.01
_SIZES = (100, 168, 400)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How a run came out (`pass`, `fail` or `neither`), after how many prompts."""

    result: str
    prompts: int


def run(*, quick: bool) -> list[Table]:
    """One row per size and true value."""
    runs = 200 if quick else 4000
    rows = [_row(n, drop, runs) for n in _SIZES for drop in _DROPS]
    note = (
        f"Independent prompts, limit {100 * _LIMIT:g} points, {100 * _WON:g} % won back, looks as "
        f"in `analysis.order`, fails among {_FAMILY} numbers; {runs:,} repetitions a row. *Whole*: "
        "the same prompts run to the end, by Tango's interval. *Of the suite alone*: a test of the "
        "suite's own value, prompts taken without replacement (Waudby-Smith & Ramdas 2020, "
        "NeurIPS), passed at 2.5 %. At a true value of the limit no more than 2.5 % of gates may "
        "pass; that test, which says nothing of other prompts than these, passes half."
    )
    header = ("n", "true drop", "prompts used", "pass %", "fail %", "whole: pass %", "fail %",
              "of the suite alone: prompts used", "pass %")  # fmt: skip
    return [Table(title="Sequential runs", note=note, header=header, rows=tuple(rows))]


def _row(n: int, drop: float, runs: int) -> tuple[str, ...]:
    rng = np.random.default_rng((SEED, n, round(1000 * drop)))
    won = min(_WON, 1 - drop - _WON)
    chance = (drop + won, won, 1 - drop - 2 * won)
    changes = rng.choice([1.0, -1.0, 0.0], p=chance, size=(runs, n))
    ended = [follow(one) for one in changes]
    whole = [_judge(one.sum(), np.abs(one).sum(), n, n, watched=False) for one in changes]
    alone = _suite_alone(changes)

    def often(results: list[str], result: str) -> str:
        return f"{100 * results.count(result) / runs:.1f}"

    results = [one.result for one in ended]
    return (
        str(n),
        f"{100 * drop:g}",
        f"{100 * np.mean([one.prompts / n for one in ended]):.0f} %",
        often(results, "pass"),
        often(results, "fail"),
        often(whole, "pass"),
        often(whole, "fail"),
        f"{100 * np.mean(alone[0] / n):.0f} %",
        f"{100 * float(alone[1].mean()):.1f}",
    )


def follow(changes: FloatArray) -> Ended:
    """One run: looks until the limit is settled, or the prompts are used up.

    Args:
        changes: [n], 1 lost, -1 won, 0 neither, in the order of the run.
    """
    n = len(changes)
    for prompts in looks(tuple((str(i),) for i in range(n))):
        part = changes[:prompts]
        result = _judge(part.sum(), np.abs(part).sum(), prompts, n, watched=True)
        if result != "neither":
            break
    return Ended(result=result, prompts=prompts)


@lru_cache(maxsize=200_000)
def _judge(net: float, changed: float, prompts: int, n: int, *, watched: bool) -> str:
    """By the functions that metrics and the gate use."""
    strict = 1 - (1 - NOMINAL) / _FAMILY
    if _interval(net, changed, prompts, n, NOMINAL, watched=watched)[1] <= _LIMIT:
        return "pass"
    beyond = _interval(net, changed, prompts, n, strict, watched=watched)[0] > _LIMIT
    return "fail" if beyond else "neither"


def _interval(
    net: float, changed: float, prompts: int, n: int, confidence: float, *, watched: bool
) -> tuple[float, float]:
    lost, won = round((changed + net) / 2), round((changed - net) / 2)
    gone = np.zeros(prompts)
    back = np.zeros(prompts)
    gone[:lost], back[lost : lost + won] = 1.0, 1.0
    stop = SequentialRun(
        selector="s", k=1, set="regular", prompts=prompts, of=n, largest=1, looks=1, confidence=0.95
    )
    seeds = np.arange(prompts).astype(np.str_)
    found = paired.difference(gone, back, seeds, confidence, stop if watched else None)
    if isinstance(found, str):
        raise TypeError(found)
    return found.interval.low, found.interval.high


def _suite_alone(changes: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Prompts used and passes [runs] of a test of each suite's own mean, without replacement."""
    runs, n = changes.shape
    before = np.concatenate([np.zeros((runs, 1)), changes.cumsum(axis=1)[:, :-1]], axis=1)
    # What the rest would average if the suite's mean were the limit.
    rest = (n * _LIMIT - before) / (n - np.arange(n))
    ends = np.array(looks(tuple((str(i),) for i in range(n)))) - 1
    below = _reached(rest - changes, 1 - rest, rest <= -1, rest >= 1)[:, ends]
    above = _reached(changes - rest, 1 + rest, rest >= 1, rest <= -1)[:, ends]
    level = 2 / (1 - NOMINAL)
    settled = (below >= level) | (above >= level)
    settled[:, -1] = True
    first = settled.argmax(axis=1)
    at_end = first == len(ends) - 1
    passed = np.where(
        at_end, changes.mean(axis=1) <= _LIMIT, below[np.arange(runs), first] >= level
    )
    return (ends[first] + 1).astype(np.float64), passed.astype(np.float64)


def _reached(gains: FloatArray, most: FloatArray, lost: BoolArray, sure: BoolArray) -> FloatArray:
    """What a stake of 1 has become after each prompt, [runs, n].

    Args:
        most: the largest loss that a prompt may bring.
        lost, sure: where the rest of the suite can no longer, or must, bear the bet out.
    """
    share = gains / np.maximum(most, 1e-9)
    made = np.zeros_like(gains)
    for bet, stake in zip(betting._BETS, betting._STAKES, strict=True):
        factor = np.where(lost | sure, 1.0, np.maximum(1 + bet * share, 1e-300))
        made += stake * np.exp(np.minimum(np.log(factor).cumsum(axis=1), 700.0))
    return np.where(sure, np.inf, np.where(lost, 0.0, made))
