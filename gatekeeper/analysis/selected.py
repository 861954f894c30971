"""What selectors found, for metrics that ask about a selection itself."""

from __future__ import annotations

from gatekeeper.analysis.clusters import evidence_clusters
from gatekeeper.analysis.ranking import MINIMUM_SEEDS
from gatekeeper.records.evidence import Evidence
from gatekeeper.records.finding import Missing, Subject
from gatekeeper.records.selection import Selection


def selection_of(evidence: Evidence, selector: str | None) -> Selection | None:
    """The selection of a selector, if it ran on enough seeds."""
    if too_few_seeds(evidence):
        return None
    return next((s for s in evidence.selections if s.selector == selector), None)


def selection_seeds(evidence: Evidence) -> int:
    """Independent seeds of the regular prompts that selectors saw, counted in the suite."""
    clusters = evidence_clusters(evidence.suite.prompts)
    return len({clusters[p.id] for p in evidence.suite.prompts if p.selects and p.set == "regular"})


def too_few_seeds(evidence: Evidence) -> str | None:
    """Why nothing is claimed of selections from so few seeds, or None."""
    seeds = selection_seeds(evidence)
    if seeds >= MINIMUM_SEEDS:
        return None
    return f"experts were selected from {seeds} independent regular seeds only"


def selector_subjects(evidence: Evidence) -> tuple[Subject, ...]:
    """One subject per selector that ran."""
    names = dict.fromkeys(s.selector for s in evidence.selections)
    return tuple(Subject(selector=name) for name in names)


def missing_selection(metric: str, version: int, evidence: Evidence, subject: Subject) -> Missing:
    """Why a selector's selection is not there."""
    reason = evidence.skipped_selectors.get(subject.selector or "") or too_few_seeds(evidence)
    return Missing(
        metric=metric,
        version=version,
        subject=subject,
        reason=reason or f"the selector {subject.selector or ''} was not run",
    )
