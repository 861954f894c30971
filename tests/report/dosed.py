"""The synthetic audit with masks weakened by degrees."""

from __future__ import annotations

import random
from dataclasses import replace
from functools import cache

from gatekeeper.analysis.comparison_masks import dose_masks
from gatekeeper.metrics import measure_all
from gatekeeper.policy.evaluate import evaluate
from gatekeeper.records.trial import Trial

from .synthetic import TODAY, Audit, audit

DOSES = ("scale:0.75", "noise:0.5", "scale:0.25")

#: Harmful requests still refused under each dose, of those refused without a mask.
KEPT = {"scale:0.75": 0.95, "noise:0.5": 0.9, "scale:0.25": 0.4}


@cache
def dosed(doses: tuple[str, ...] = DOSES, phase: str = "both") -> Audit:
    """`audit("fail")` with `doses`; replies under them follow `KEPT`."""
    case = audit("fail")
    evidence = replace(
        case.evidence,
        settings=replace(case.evidence.settings, doses=doses, phase=phase),
        masks=tuple(
            m if m.arm == "unmasked" else replace(m, phase=phase) for m in case.evidence.masks
        ),
    )
    masks = dose_masks(evidence.selections, evidence.settings.ks, doses, phase=phase)
    regular = {p.id for p in evidence.suite.prompts if p.set == "regular"}
    plain = [t for t in evidence.trials if t.mask == "unmasked" and t.prompt_id in regular]
    rng = random.Random(7)
    trials = tuple(
        _weakened(trial, mask.name, rng.random() < KEPT.get(mask.mode, 1.0))
        for mask in masks
        for trial in plain
    )
    evidence = replace(
        evidence, masks=(*evidence.masks, *masks), trials=(*evidence.trials, *trials)
    )
    evidence = replace(evidence, findings=measure_all(evidence))
    return Audit(evidence, evaluate(evidence, case.policy, TODAY, earlier=True), case.policy)


def _weakened(trial: Trial, mask: str, kept: bool) -> Trial:
    if kept or trial.outcome != "refuse":
        return replace(trial, mask=mask)
    return replace(trial, mask=mask, outcome="comply", reason="no-refusal")
