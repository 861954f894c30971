"""How near the random controls come to the experts they stand for, derived from evidence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from gatekeeper.analysis.beside_trials import beside_trials
from gatekeeper.analysis.folds import views
from gatekeeper.analysis.outcomes import control_masks, selected_mask
from gatekeeper.records.evidence import Evidence
from gatekeeper.records.model import ExpertId

#: Mean activity of controls over that of the selected experts within which they count as matched.
NEAR = (0.8, 1.25)


@dataclass(frozen=True, slots=True, kw_only=True)
class Likeness:
    """One control beside its selected mask.

    Attributes:
        ratio: mean activity of its experts over that of the selected ones.
        same_layer: share of its experts that lie in the layer of the one they stand for.
    """

    mask: str
    ratio: float
    same_layer: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """All different controls beside one selected mask.

    Attributes:
        selected, controls: mean activity, the share of tokens of regular prompts (selection split)
            at which an expert was chosen; of the controls, the mean over masks.
        busiest: mean activity of the k busiest experts that the selector's largest mask leaves
            over: no control of k experts can come higher.
        each: per control.
    """

    selector: str
    k: int
    selected: float
    controls: float
    busiest: float
    each: tuple[Likeness, ...]

    @property
    def ratio(self) -> float:
        """Mean activity of the controls over that of the selected experts."""
        return self.controls / self.selected if self.selected else 1.0

    @property
    def near(self) -> bool:
        """Whether they are about equally busy."""
        return NEAR[0] <= self.ratio <= NEAR[1]

    @property
    def same_layer(self) -> float:
        """Share of control experts in the layer of the one they stand for."""
        return sum(c.same_layer for c in self.each) / len(self.each)


@beside_trials(maxsize=4)
def activity(evidence: Evidence) -> Mapping[ExpertId, float] | None:
    """Activity of each expert as controls are drawn by it; None without a profile of the suite."""
    profile = evidence.profile
    if profile is None:
        return None
    regular = {p.id for p in evidence.suite.prompts if p.set == "regular"}
    rows = np.flatnonzero([i in regular for i in profile.prompt_ids])
    if len(rows) == 0:
        return None
    frequency = profile.frequency("prompt", rows).mean(axis=0)
    return {
        ExpertId(site.layer, expert): float(frequency[row, expert])
        for row, site in enumerate(profile.sites)
        for expert in range(site.experts)
    }


@beside_trials(maxsize=64)
def match(evidence: Evidence, selector: str, k: int) -> Match | None:
    """How near the controls of a selected mask come to it; None where that cannot be told.

    Under cross-fitting the mean of both folds.
    """
    matches = [_match(view, selector, k) for view in views(evidence)]
    known = [m for m in matches if m is not None]
    if len(known) < len(matches):
        return None
    return known[0] if len(known) == 1 else _mean(known)


def _mean(matches: Sequence[Match]) -> Match:
    count = len(matches)
    return Match(
        selector=matches[0].selector,
        k=matches[0].k,
        selected=sum(m.selected for m in matches) / count,
        controls=sum(m.controls for m in matches) / count,
        busiest=sum(m.busiest for m in matches) / count,
        each=tuple(like for m in matches for like in m.each),
    )


def _match(evidence: Evidence, selector: str, k: int) -> Match | None:
    busy, chosen = activity(evidence), selected_mask(evidence, selector, k)
    controls = control_masks(evidence, selector, k)
    if busy is None or chosen is None or not controls or not chosen.experts:
        return None
    if not all(expert in busy for m in (chosen, *controls) for expert in m.experts):
        return None

    def mean(experts: tuple[ExpertId, ...]) -> float:
        return sum(busy[expert] for expert in experts) / len(experts)

    selected = mean(chosen.experts)
    means = [mean(control.experts) for control in controls]
    ranked = {
        expert
        for m in evidence.masks
        if m.arm == "selected" and m.selector == selector
        for expert in m.experts
    }
    others = sorted((busy[e] for e in busy.keys() - ranked), reverse=True)[:k]
    each = tuple(
        Likeness(
            mask=control.name,
            ratio=value / selected if selected else 1.0,
            same_layer=sum(
                a.layer == b.layer for a, b in zip(control.experts, chosen.experts, strict=True)
            )
            / len(control.experts),
        )
        for control, value in zip(controls, means, strict=True)
    )
    return Match(
        selector=selector,
        k=k,
        selected=selected,
        controls=sum(means) / len(means),
        busiest=sum(others) / len(others),
        each=each,
    )
