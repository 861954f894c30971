"""Intervals about a population of categories, of which those of the suite are a sample.

The usual intervals are about requests like those of the suite, in its categories. Where a model
loses more in some categories than in others, and the next user's categories are not the suite's,
they are too short: prompts of one category then count as one cluster (a stage of sampling of its
own; Kish 1965, Survey Sampling, chapter 5). docs/validation.md has how often either covers.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import numpy as np

from gatekeeper.analysis.beside_trials import beside_trials
from gatekeeper.analysis.clusters import joined, text_key
from gatekeeper.analysis.intervals import effective_size
from gatekeeper.analysis.outcomes import outcome_table
from gatekeeper.analysis.paired import MINIMUM_N
from gatekeeper.records.evidence import Evidence, SuiteRef

_ABOUT = ", of a population of categories"
_WORDS = (("clustered by seed", "clustered by category"), ("over seeds", "over categories"))


@lru_cache(maxsize=4)
def by_category(evidence: Evidence) -> Evidence:
    """The evidence with each prompt's category for its seed.

    Categories that share a seed or a text are one. Only for metrics of measured prompts: orders,
    samples and splits follow from the seeds themselves.
    """
    return replace(evidence, suite=_suite(evidence))


@beside_trials(maxsize=4)
def _suite(evidence: Evidence) -> SuiteRef:
    prompts = evidence.suite.prompts
    run = [p for p in prompts if p.skipped is None]
    names = joined([(p.category, f"seed {p.seed_id}", text_key(p), f"exact {p.text_sha256}")
                    for p in run])  # fmt: skip
    cluster = {p.id: name for p, name in zip(run, names, strict=True)}
    seeds = (replace(p, seed_id=cluster.get(p.id, p.category)) for p in prompts)
    return replace(evidence.suite, prompts=tuple(seeds))


def too_few_categories(evidence: Evidence, prompt_set: str) -> str | None:
    """Why nothing is claimed of the population that a set's categories are of, or None.

    Args:
        evidence: as `by_category` gives it.
    """
    seeds = outcome_table(evidence).set_seeds(prompt_set)
    if len(seeds) and effective_size(seeds) >= MINIMUM_N:
        return None
    return (
        f"the set {prompt_set} has {len(np.unique(seeds))} independent categories: to tell of a "
        "population of them it takes 8 of equally many prompts"
    )


def method_about(method: str) -> str:
    """A method's name where it was asked of `by_category`."""
    for seed, category in _WORDS:
        method = method.replace(seed, category)
    return method + _ABOUT


def plain_method(method: str) -> str:
    """The method's name before `method_about` changed it; any other name as it is."""
    if not method.endswith(_ABOUT):
        return method
    method = method.removesuffix(_ABOUT)
    for seed, category in _WORDS:
        method = method.replace(category, seed)
    return method
