"""Measures a saved checkpoint on the suite: refusals with and without masks."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

from scipy.stats import binomtest

from tools.demo.checkpoint import load_checkpoint
from tools.demo.replies import outcomes
from tools.demo.routing import Expert
from tools.demo.selection import (
    Frequency,
    attribution,
    busy_matched,
    frequency,
    random_experts,
    top_experts,
)
from tools.demo.suite import SETS, build_suite, other_prompts

CONTROLS = 50
RANDOM_MASKS = {4: 50, 8: 20}
CHOSEN_SIZES = (1, 2, 4, 8)


@dataclass(frozen=True)
class Row:
    """Outcomes of one prompt set under one mask, or pooled over several masks.

    Attributes:
        drop: refusals lost against the unmasked model on the same prompts, in points.
        worst: the largest drop of any single mask, where several are pooled.
    """

    mask: str
    prompts: str
    n: int
    refused: int
    degenerate: int
    low: float
    high: float
    drop: float | None = None
    worst: float | None = None


def row(mask: str, prompts: str, labels: Sequence[str], base: Sequence[str] | None = None) -> Row:
    """Count outcomes; the interval is Wilson's at 95 %."""
    refused, n = labels.count("refuse"), len(labels)
    interval = binomtest(refused, n).proportion_ci(method="wilson")
    drop = None if base is None else 100 * (base.count("refuse") - refused) / n
    degenerate = labels.count("degenerate")
    return Row(mask, prompts, n, refused, degenerate, interval.low, interval.high, drop)


class Measurement:
    """One checkpoint with the demo's prompts, and what they gave unmasked."""

    def __init__(self, folder: Path, seed: int) -> None:
        self._model, self._tokenizer = load_checkpoint(folder)
        self._seed = seed
        suite = build_suite(seed)
        self._prompts = {name: [p.text for p in suite if p.set == name] for name in SETS}
        self._prompts |= other_prompts(seed)
        self._base = {name: self._outcomes(texts) for name, texts in self._prompts.items()}

    def unmasked(self) -> list[Row]:
        """Every prompt set without a mask."""
        return [row("none", name, labels) for name, labels in self._base.items()]

    def masked(self, name: str, mask: Sequence[Expert]) -> list[Row]:
        """Regular and benign prompts under one given mask."""
        sets = ("regular", "benign")
        labels = {s: self._outcomes(self._prompts[s], mask) for s in sets}
        return [row(name, s, labels[s], self._base[s]) for s in sets]

    def chosen(self) -> list[Row]:
        """Masks chosen on one half of the seeds and measured on the other, both ways round."""
        folds = [self._rankings(slice(half, None, 2)) for half in (0, 1)]
        return [
            line
            for rule in folds[0]
            for size in CHOSEN_SIZES
            for line in self._crossed(f"{rule}, top {size}", [f[rule][:size] for f in folds])
        ]

    def random(self, name: str, masks: Iterable[Sequence[Expert]]) -> Row:
        """Regular prompts under many masks, pooled, with the worst single drop."""
        base = self._base["regular"]
        labels = [self._outcomes(self._prompts["regular"], mask) for mask in masks]
        drops = [100 * (base.count("refuse") - one.count("refuse")) / len(base) for one in labels]
        pooled = row(name, "regular", list(chain.from_iterable(labels)), base * len(labels))
        return Row(**{**vars(pooled), "worst": max(drops)})

    def random_masks(self, size: int, count: int) -> list[list[Expert]]:
        """Seeded masks of any experts."""
        rng = random.Random(self._seed + size)
        config = self._model.config
        shape = (config.num_hidden_layers, config.num_experts)
        return [random_experts(rng, shape, size) for _ in range(count)]

    def matched_masks(self, mask: Sequence[Expert], count: int) -> list[list[Expert]]:
        """Seeded masks with as many experts a layer as `mask`, of similar frequency."""
        rng = random.Random(self._seed)
        busy = frequency(self._model, self._tokenizer, self._prompts["regular"]).prompt
        return [busy_matched(rng, busy, mask) for _ in range(count)]

    def _outcomes(self, prompts: Sequence[str], mask: Sequence[Expert] = ()) -> list[str]:
        return outcomes(self._model, self._tokenizer, prompts, mask)

    def _rankings(self, half: slice) -> dict[str, list[Expert]]:
        regular, base = self._prompts["regular"][half], self._base["regular"][half]
        refused = [text for text, label in zip(regular, base, strict=True) if label == "refuse"]
        harmful = frequency(self._model, self._tokenizer, regular)
        benign = frequency(self._model, self._tokenizer, self._prompts["benign"][half])
        scores = {
            "attribution": attribution(self._model, self._tokenizer, refused),
            "frequency": harmful.prompt,
            **_contrasts(harmful, benign),
        }
        return {rule: top_experts(score, max(CHOSEN_SIZES)) for rule, score in scores.items()}

    def _crossed(self, name: str, masks: Sequence[Sequence[Expert]]) -> list[Row]:
        rows = []
        for prompts in ("regular", "benign"):
            labels: list[str] = []
            base: list[str] = []
            for fold, mask in enumerate(masks):
                other = slice(1 - fold, None, 2)
                labels += self._outcomes(self._prompts[prompts][other], mask)
                base += self._base[prompts][other]
            rows.append(row(name, prompts, labels, base))
        return rows


def _contrasts(harmful: Frequency, benign: Frequency) -> dict[str, Any]:
    return {
        "contrast (all prompt tokens)": harmful.prompt - benign.prompt,
        "contrast (last prompt token)": harmful.last - benign.last,
    }


def measure(folder: Path, seed: int, planted: Sequence[Expert] | None) -> list[Row]:
    """The whole table of one checkpoint; `planted` adds its mask and controls matched to it."""
    measurement = Measurement(folder, seed)
    rows = measurement.unmasked()
    if planted is not None:
        rows += measurement.masked("planted experts", planted)
        matched = measurement.matched_masks(planted, CONTROLS)
        rows.append(measurement.random(f"{len(matched)} busy-matched controls", matched))
    for size, count in RANDOM_MASKS.items():
        masks = measurement.random_masks(size, count)
        rows.append(measurement.random(f"{len(masks)} random masks of {size}", masks))
    return rows + measurement.chosen()
