"""What rankings have in common: with each other, and with the experts that are always on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gatekeeper.records.evidence import Evidence
from gatekeeper.records.model import ExpertId
from gatekeeper.records.selection import Selection


@dataclass(frozen=True, slots=True, kw_only=True)
class Overlap:
    """How many of a ranking's first `size` experts are among `size` others."""

    shared: int
    size: int


def committee(evidence: Evidence, size: int) -> frozenset[ExpertId]:
    """The experts that benign prompts of the selection split keep busiest.

    They are on whatever is asked: a "standing committee" takes most of the routing in many models
    (arXiv 2601.03425), and a ranking by frequency finds it. Empty without a profile or without such
    prompts.
    """
    profile = evidence.profile
    if profile is None:
        return frozenset()
    benign = {p.id for p in evidence.suite.prompts if p.set == "benign"}
    rows = np.flatnonzero([i in benign for i in profile.prompt_ids])
    if len(rows) == 0:
        return frozenset()
    frequency = profile.frequency("prompt", rows).mean(axis=0)
    experts = [
        (-float(frequency[row, expert]), ExpertId(site.layer, expert))
        for row, site in enumerate(profile.sites)
        for expert in range(site.experts)
    ]
    return frozenset(expert for _, expert in sorted(experts)[:size])


def standing(evidence: Evidence, selection: Selection) -> Overlap | None:
    """A ranking's overlap with the standing committee; None where that cannot be told."""
    size = min(selection.size, len(selection.ranked))
    always = committee(evidence, size)
    if not always:
        return None
    return Overlap(shared=len(always & _first(selection, size)), size=size)


def between(first: Selection, second: Selection) -> Overlap:
    """Overlap of two rankings of one audit."""
    size = min(first.size, second.size, len(first.ranked), len(second.ranked))
    return Overlap(shared=len(_first(first, size) & _first(second, size)), size=size)


def _first(selection: Selection, size: int) -> frozenset[ExpertId]:
    return frozenset(ranked.expert for ranked in selection.ranked[:size])
