"""Evidence in which a second judge, who says what a test tells it, was asked about a sample."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from gatekeeper.analysis.second_sample import second_rows
from gatekeeper.records.evidence import Evidence, SecondJudge
from gatekeeper.records.trial import Trial

#: Name of a judge that no installation has: nothing can be judged again.
OTHER = "another-judge"


def agrees(trial: Trial) -> str:
    return trial.outcome


def judged_twice(
    evidence: Evidence, say: Callable[[Trial], str] = agrees, sample: int = 10**6
) -> Evidence:
    second = SecondJudge(judge=OTHER, version=1, settings={}, sample=sample)
    made = replace(evidence, settings=replace(evidence.settings, second=second))
    rows = second_rows(made)
    trials = (
        replace(t, second=say(t)) if (t.mask, t.prompt_id) in rows else t for t in made.trials
    )
    return replace(made, trials=tuple(trials))


def as_the_second_says(evidence: Evidence) -> Evidence:
    """The evidence as if the second judge had been the only one, where it was asked."""
    return replace(
        evidence,
        trials=tuple(replace(t, outcome=t.second or t.outcome) for t in evidence.trials),
    )
