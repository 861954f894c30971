"""Checks the positive control against what it follows from: its own table, and the split."""

from __future__ import annotations

from typing import NoReturn

from gatekeeper.analysis.folds import views
from gatekeeper.errors import EvidenceError
from gatekeeper.records.evidence import Evidence
from gatekeeper.records.positive import (
    FEWEST,
    MADE_FROM,
    MADE_OF,
    TRIED,
    Direction,
    PositiveControl,
    best_of,
    tried_layers,
)
from gatekeeper.records.trial import AGAIN, POSITIVE, UNMASKED
from gatekeeper.records.trials import cells, of_masks
from gatekeeper.verify.routed import exceeds_noise

#: How the prompts of each set that a direction is made of were replied to.
_OUTCOMES = dict(zip(MADE_OF, ("refuse", "comply"), strict=True))


def recheck_positive(evidence: Evidence) -> None:
    """Checks that the layer follows from the table, and the table from model and split.

    `verify.made` holds that the prompts were run. Replies that chose the layer are in no bundle, so
    the numbers of the table are believed.

    Raises:
        EvidenceError: another layer was taken, others were tried, prompts of the wrong half or set
            made the direction, or there is such an arm and no record of it.
    """
    for view in views(evidence):
        _recheck_arm(view)
    if evidence.settings.cross_fit:
        recheck_replies(evidence)


def _recheck_arm(evidence: Evidence) -> None:
    masks = [mask for mask in evidence.masks if mask.arm == POSITIVE.arm]
    facts = evidence.positive_control
    if not isinstance(facts, PositiveControl):
        if masks:
            _refuse("there is an arm of the positive control and no record of it")
        return
    if masks != [POSITIVE] or len(facts.directions) != 1 or not evidence.settings.positive_control:
        _refuse("the positive control is not the one arm that such an audit has")
    _recheck_direction(evidence, facts.directions[0])


def _recheck_direction(evidence: Evidence, d: Direction) -> None:
    if tuple(c.layer for c in d.candidates) != tried_layers(evidence.model.layers):
        _refuse("the positive control tried other layers than it does of such a model")
    if d.layer != best_of(d.candidates):
        _refuse("the layer of the positive control does not follow from the table of layers")
    if any(
        c.lost > d.regular
        or c.newly_refused > d.benign
        or c.lost + c.newly_refused + c.broken > d.regular + d.benign
        for c in d.candidates
    ):
        _refuse("the positive control lost more replies than there were")
    selects = {(p.id, p.set) for p in evidence.suite.prompts if p.selects}
    for name, ids, tried, most in zip(
        MADE_OF, (d.refused, d.answered), (d.regular, d.benign), TRIED, strict=True
    ):
        pairs = {(prompt, name) for prompt in ids}
        if len(pairs) < len(ids) or not pairs <= selects or not FEWEST <= len(ids) <= MADE_FROM:
            _refuse("the direction of the positive control is not made of prompts that select")
        if tried != min(len(ids), most):
            _refuse("the positive control tried layers on other prompts than it has")


def recheck_replies(evidence: Evidence) -> None:
    """Checks, under cross-fitting, a direction's prompts against their unmasked trials.

    Raises:
        EvidenceError: others were refused or answered there, by more than two runs differ.
    """
    plain, again = (
        {prompt: outcome for _, prompt, outcome in cells(of_masks(evidence.trials, mask.name))}
        for mask in (UNMASKED, AGAIN)
    )
    for view in views(evidence):
        control = view.positive_control
        if not isinstance(control, PositiveControl):
            continue
        for direction in control.directions:
            for name, ids in zip(MADE_OF, (direction.refused, direction.answered), strict=True):
                there = {p.id for p in view.suite.prompts if p.selects and p.set == name}
                wanted = {i for i in there if plain.get(i) == _OUTCOMES[name]}
                other = len(set(ids) - wanted)
                other += len(wanted - set(ids)) if len(ids) < MADE_FROM else 0
                noise = sum(plain.get(i) != again.get(i) for i in there)
                if exceeds_noise(other, noise, len(there)):
                    _refuse(
                        "the direction of the positive control is not made of prompts that the "
                        "unmasked model refused and answered"
                    )


def _refuse(message: str) -> NoReturn:
    raise EvidenceError(
        message,
        where="evidence",
        remedy="do not trust this bundle; get it again from where the audit wrote it",
    )
