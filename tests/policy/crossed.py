"""Cross-fitted evidence of two folds, made of the small evidence of `builders`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from gatekeeper.analysis.folds import pool
from gatekeeper.records.evidence import Evidence
from gatekeeper.records.trial import Mask


def crossed(
    make: Callable[[Callable[[Mask, str, int], str]], Evidence],
    outcome: Callable[[int, Mask, str, int], str],
) -> Evidence:
    """Two folds that measure every other prompt each.

    Args:
        make: outcome -> evidence of one fold's masks on all prompts.
        outcome: is told the fold, 1 or 2, and then what `builders.Outcome` is told.
    """
    sides = []
    for fold in (1, 2):
        made = make(lambda *given, fold=fold: outcome(fold, *given))
        prompts = tuple(
            replace(p, split="measurement" if place(p.id) % 2 == fold - 1 else "selection")
            for p in made.suite.prompts
        )
        own = {p.id for p in prompts if p.split == "measurement"}
        trials = tuple(t for t in made.trials if t.prompt_id in own)
        sides.append(replace(made, suite=replace(made.suite, prompts=prompts), trials=trials))
    both = pool(*sides)
    return replace(both, settings=replace(both.settings, cross_fit=True))


def place(prompt_id: str) -> int:
    """The number of a prompt within its set."""
    return int(prompt_id.rpartition("-")[2])
