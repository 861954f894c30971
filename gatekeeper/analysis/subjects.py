"""Which subjects an audit has data for: the findings it stores."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from gatekeeper.analysis.outcomes import control_masks, outcome_table
from gatekeeper.records.evidence import Evidence
from gatekeeper.records.finding import Subject
from gatekeeper.records.suite import SETS
from gatekeeper.records.trial import MODE, Mask


def masked_subjects(
    evidence: Evidence, sets: Sequence[str | None], *, controls: bool = False
) -> tuple[Subject, ...]:
    """One subject per selected mask and set that was measured.

    Args:
        sets: prompt sets; None leaves the set to the metric.
        controls: only masks that have random controls.
    """
    table = outcome_table(evidence)
    measured = set(table.sets.tolist())
    return _once(
        Subject(k=mask.k, mode=_mode(mask), set=name, selector=mask.selector)
        for mask in _chosen(evidence)
        if not (controls and not control_masks(evidence, mask.selector or "", mask.k))
        for name in sets
        if name is None or (name in measured and _ran(mask, name))
    )


def _chosen(evidence: Evidence) -> Iterator[Mask]:
    """Masks that are asked about one by one, in both folds if there are two."""
    table = outcome_table(evidence)
    for mask in evidence.masks:
        if mask.arm in {"selected", "beside", "dose"} and mask.label in table.masks:
            yield mask


def _ran(mask: Mask, name: str) -> bool:
    return mask.arm != "dose" or name == "regular"


def _once(subjects: Iterable[Subject]) -> tuple[Subject, ...]:
    """Each subject once: under cross-fitting both folds have a mask of it."""
    return tuple(dict.fromkeys(subjects))


def _mode(mask: Mask) -> str | None:
    """A mask's mode as a subject names it: None for the one that rules speak of."""
    return None if mask.how == MODE else mask.how


def rate_subjects(evidence: Evidence) -> tuple[Subject, ...]:
    """Each measured set, unmasked and under each selected mask."""
    table = outcome_table(evidence)
    measured = [name for name in SETS if name in set(table.sets.tolist())]
    plain = tuple(Subject(set=name, mask="none") for name in measured)
    masked = _once(
        Subject(set=name, mask="selected", k=mask.k, mode=_mode(mask), selector=mask.selector)
        for mask in _chosen(evidence)
        for name in measured
        if _ran(mask, name)
    )
    return plain + masked
