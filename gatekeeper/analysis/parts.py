"""The prompts of one category or one language, on which a metric is measured as on a whole set."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from gatekeeper.analysis.beside_trials import beside_trials
from gatekeeper.analysis.clusters import evidence_clusters
from gatekeeper.errors import excerpt
from gatekeeper.records.evidence import Evidence, PromptRef
from gatekeeper.records.finding import PARTS, Subject
from gatekeeper.records.sequential_run import SequentialRun


def part_names(evidence: Evidence, prompt_set: str, of: str) -> tuple[str, ...]:
    """The categories or languages of a set, of prompts that were run and of others, sorted."""
    prompts = evidence.suite.prompts
    return tuple(sorted({getattr(p, of) for p in prompts if p.set == prompt_set}))


def in_part(prompt: PromptRef, subject: Subject) -> bool:
    """Whether a prompt is of the category and the language that a subject names."""
    return all(getattr(subject, of) in {None, getattr(prompt, of)} for of in PARTS)


def part_of(evidence: Evidence, subject: Subject) -> Evidence | str:
    """The evidence with those measured prompts only that a subject is about, or why it has none.

    Prompts that share a text or a seed with each other by way of one that is left out stay one
    cluster. A run that stopped early was ordered, and looked at, as of the whole set: what its
    first prompts of one part show has no interval.
    """
    named = [f"{of} {excerpt(getattr(subject, of))}" for of in PARTS if getattr(subject, of)]
    if subject.each is not None:
        return f"the suite names no {subject.each} of the prompts asked about"
    if not named:
        return evidence
    part = _part(evidence, *(getattr(subject, of) for of in PARTS))
    if part is None:
        return f"the suite has no prompts of {' and '.join(named)}"
    if any(stop.early and _about(stop, subject) for stop in part.stops):
        return "the mask's run stopped early, and its prompts are the first of the whole set"
    return replace(evidence, suite=part.suite, stops=part.stops)


def _about(stop: SequentialRun, subject: Subject) -> bool:
    same_set = subject.set in {None, stop.set}
    return same_set and (stop.selector, stop.k) == (subject.selector, subject.k)


@beside_trials(maxsize=64)
def _part(evidence: Evidence, category: str | None, language: str | None) -> Evidence | None:
    subject = Subject(category=category, language=language)
    clusters = evidence_clusters(evidence.suite.prompts)
    prompts = tuple(
        replace(p, seed_id=clusters[p.id]) for p in evidence.suite.prompts if in_part(p, subject)
    )
    if not prompts:
        return None
    counts = Counter(p.set for p in prompts if p.measures)
    stops = tuple(
        stop if stop.early else replace(stop, prompts=counts[stop.set], of=counts[stop.set])
        for stop in evidence.stops
    )
    return replace(evidence, suite=replace(evidence.suite, prompts=prompts), stops=stops)
