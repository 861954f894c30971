"""Roles as an audit tells them of the experts that the selections of some evidence put first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from gatekeeper.analysis.clusters import evidence_clusters
from gatekeeper.analysis.ranking import in_turn
from gatekeeper.analysis.roles import METHOD, MOST, by_sets, matched_experts
from gatekeeper.records.evidence import Evidence
from gatekeeper.records.finding import Interval
from gatekeeper.records.role import ExpertRole, GroupRole, ProbeFact, Roles
from tests.typed import some

#: What masking an expert of a role costs: loss and interval of detection, and of refusal.
_LOST = {
    "HCDG": ((0.1, 0.06, 0.2), (0.5, 0.3, 0.7)),
    "HRCG": ((0.01, -0.01, 0.02), (0.5, 0.3, 0.7)),
    "unclear": ((0.01, -0.02, 0.1), (0.1, 0.0, 0.3)),
}


def told_roles(evidence: Evidence, names: Sequence[str] = ()) -> Roles:
    """These roles of the first experts, and unclear ones of the others."""
    chosen = in_turn(evidence.selections, MOST)
    own = [*names, *("unclear",) * len(chosen)][: len(chosen)]
    sets = by_sets(evidence.selections, chosen)
    first = {r.expert for s in evidence.selections for r in s.ranked[:MOST]}
    busy = some(evidence.profile).frequency("prompt", np.array([0])).mean(axis=0)
    random = matched_experts(chosen, busy, evidence.model.sites, first.__contains__, seed=0)
    groups = {f"{n} by sets": tuple(e for e in chosen if n in sets[e]) for n in ("HCDG", "HRCG")}
    groups |= {"all selected": chosen, "random experts": random}
    prompts = [p for p in evidence.suite.prompts if p.selects and p.set in {"regular", "benign"}]
    basis = {"n": len(prompts), "clusters": len(set(evidence_clusters(prompts).values()))}
    return Roles(
        experts=tuple(
            ExpertRole(
                expert=e,
                role=name,
                confidence=0.95,
                by_sets=sets[e],
                probe=_fact(f"expert {e.layer}.{e.expert}", basis),
                **_lost(name),
            )
            for e, name in zip(chosen, own, strict=True)
        ),
        groups=tuple(
            GroupRole(name=name, experts=experts, **_lost("unclear"))
            for name, experts in groups.items()
            if experts
        ),
        controls=(
            *(_fact(f"random expert {e.layer}.{e.expert}", basis) for e in random),
            _fact("residual stream", basis),
        ),
        **basis,
        notes=(),
    )


def _lost(name: str) -> dict[str, Any]:
    (detection, *around), (refusal, *beside) = _LOST[name]
    return {
        "detection_loss": detection,
        "detection_interval": _interval(*around),
        "refusal_loss": refusal,
        "refusal_interval": _interval(*beside),
    }


def _fact(name: str, basis: dict[str, int]) -> ProbeFact:
    return ProbeFact(name=name, auroc=0.9, interval=_interval(0.7, 1.0), **basis)


def _interval(low: float, high: float) -> Interval:
    return Interval(low=low, high=high, confidence=0.95, method=METHOD)
