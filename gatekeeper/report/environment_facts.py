"""How environments change the selection of experts, as rows of a table."""

from __future__ import annotations

from dataclasses import dataclass

from gatekeeper.records.environment import DIMENSIONS, VARIANTS, Change
from gatekeeper.records.evidence import Evidence
from gatekeeper.records.finding import Finding

_ORDER = (*DIMENSIONS, *VARIANTS)


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvironmentRow:
    """One kind of environment and one selector.

    Attributes:
        changes: how alike its selections are: one for parts of the suite, one per variant, and
            under cross-fitting those of both folds; none where that could not be told.
        transfer: refusals lost by masks selected there beyond those selected elsewhere.
    """

    dimension: str
    selector: str
    changes: tuple[Change, ...]
    transfer: Finding | None


def environment_rows(evidence: Evidence) -> tuple[EnvironmentRow, ...]:
    """A row per dimension and selector."""
    transfer = {
        (f.subject.dimension, f.subject.selector): f
        for f in evidence.findings
        if isinstance(f, Finding) and f.metric == "environment-transfer"
    }
    changes: dict[tuple[str | None, str | None], list[Change]] = {}
    for change in evidence.changes:
        changes.setdefault((change.dimension, change.selector), []).append(change)
    return tuple(
        EnvironmentRow(
            dimension=str(key[0]),
            selector=str(key[1]),
            changes=tuple(changes.get(key, ())),
            transfer=transfer.get(key),
        )
        for key in sorted(
            {key for key in (*changes, *transfer) if key[0] in _ORDER},
            key=lambda key: (_ORDER.index(str(key[0])), key[1]),
        )
    )


def what_changes(rows: tuple[EnvironmentRow, ...]) -> tuple[Change, ...]:
    """The changes that exceed chance."""
    return tuple(change for row in rows for change in row.changes if change.changes)
