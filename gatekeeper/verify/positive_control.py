"""The positive control held against what it follows from: its own table, and the split."""

from __future__ import annotations

from typing import NoReturn

from gatekeeper.errors import EvidenceError
from gatekeeper.records.evidence import Evidence
from gatekeeper.records.positive import Direction, PositiveControl, best_of
from gatekeeper.records.trial import POSITIVE

#: Sets that are run under it, all of their prompts that measure.
SETS = ("regular", "jailbreak", "benign")


def recheck_positive(evidence: Evidence) -> None:
    """Holds that the layer follows from the table; `verify.made` that the prompts were run.

    Replies that chose the layer are in no bundle, so the table itself is believed.

    Raises:
        EvidenceError: another layer was taken, prompts of the wrong half or set made the direction,
            or there is such an arm and no record of it.
    """
    masks = [mask for mask in evidence.masks if mask.arm == POSITIVE.arm]
    found = evidence.positive_control
    if not isinstance(found, PositiveControl):
        if masks:
            _refuse("there is an arm of the positive control and no record of it")
        return
    if masks != [POSITIVE] or len(found.directions) != 1 or not evidence.settings.positive_control:
        _refuse("the positive control is not the one arm that such an audit has")
    _recheck_direction(evidence, found.directions[0])


def _recheck_direction(evidence: Evidence, one: Direction) -> None:
    layers = [candidate.layer for candidate in one.candidates]
    if layers != sorted(set(layers)) or layers[-1] >= evidence.model.layers:
        _refuse("the positive control tried layers that this model does not have, or one twice")
    if one.layer != best_of(one.candidates):
        _refuse("the layer of the positive control does not follow from the table of layers")
    if any(
        c.lost > one.regular
        or c.newly_refused > one.benign
        or c.lost + c.newly_refused + c.broken > one.regular + one.benign
        for c in one.candidates
    ):
        _refuse("the positive control lost more replies than there were")
    selects = {(p.id, p.set) for p in evidence.suite.prompts if p.selects}
    for name, ids, tried in (
        ("regular", one.refused, one.regular),
        ("benign", one.answered, one.benign),
    ):
        own = {(prompt, name) for prompt in ids}
        if len(own) < len(ids) or not own <= selects or tried > len(ids):
            _refuse("the direction of the positive control is not made of prompts that select")


def _refuse(message: str) -> NoReturn:
    raise EvidenceError(
        message,
        where="evidence",
        remedy="do not trust this bundle; get it again from where the audit wrote it",
    )
