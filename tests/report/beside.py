"""The synthetic audit with masks beside the selected ones."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

from gatekeeper.metrics import measure_all
from gatekeeper.policy.evaluate import evaluate
from gatekeeper.records.model import ExpertId
from gatekeeper.records.trial import Mask

from .synthetic import TODAY, Audit, audit

#: What each mask follows, its size, and how many refusals in a hundred it leaves.
BESIDE = {
    ("benign-top", 1): 90,
    ("benign-top", 8): 70,
    ("ses-contrast/HCDG", 2): 80,
    ("ses-contrast/HRCG", 2): 60,
    ("cause/HRCG", 3): 20,
}


@cache
def with_beside() -> Audit:
    """`audit("fail")` with `BESIDE`."""
    case = audit("fail")
    evidence = case.evidence
    masks = tuple(
        Mask(
            name=f"{name.replace('/', '-')}-k{k}",
            arm="beside",
            mode="reroute",
            selector=name,
            k=k,
            control=None,
            experts=tuple(ExpertId(0, e) for e in range(k)),
        )
        for name, k in BESIDE
    )
    regular = [p.id for p in evidence.suite.prompts if p.set == "regular"]
    share = {one: i * 100 // len(regular) for i, one in enumerate(sorted(regular))}
    plain = [t for t in evidence.trials if t.mask == "unmasked" and t.prompt_id in share]
    trials = tuple(
        replace(t, mask=mask.name, outcome=t.outcome if share[t.prompt_id] < kept else "comply")
        for mask, kept in zip(masks, BESIDE.values(), strict=True)
        for t in plain
    )
    evidence = replace(
        evidence, masks=(*evidence.masks, *masks), trials=(*evidence.trials, *trials)
    )
    evidence = replace(evidence, findings=measure_all(evidence))
    return Audit(evidence, evaluate(evidence, case.policy, TODAY, earlier=True), case.policy)
