"""Evidence whose selections and masks follow from its profile, as an audit makes them."""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256

import numpy as np

from gatekeeper import catalog
from gatekeeper.analysis.masks import selected_masks
from gatekeeper.metrics import measure_all
from gatekeeper.records.evidence import Evidence, PromptRef
from gatekeeper.records.plugins import SelectionInput
from gatekeeper.records.profile import ActivationProfile
from gatekeeper.records.selection import Selection
from gatekeeper.records.windows import WINDOWS

from ..evidence.whole import whole_evidence
from .builders import SELECTORS, SITES, make_evidence

SETS = ("regular", "jailbreak", "benign")
SEEDS, KS = 14, (1, 4)


def profiled_evidence(*, resamples: int = 51, size: int = 4) -> Evidence:
    """14 selection seeds in three sets; the first two are of one text, and so of one cluster."""
    prompts = tuple(
        _prompt(name, i, text=f"{name} {max(i, 1)}") for name in SETS for i in range(SEEDS)
    )
    given = SelectionInput(
        profile=_profile(prompts),
        sets=np.array([p.set for p in prompts]),
        seeds=np.array(["pick-00" if p.seed_id == "pick-01" else p.seed_id for p in prompts]),
        size=size,
        resamples=resamples,
        seed=3,
    )
    selections = tuple(catalog.load("selector", name).select(given) for name in SELECTORS)
    base = make_evidence(ks=KS, controls=0)
    settings = replace(base.settings, resamples=resamples, size=size, seed=3)
    suite = replace(
        base.suite, prompts=(*base.suite.prompts, *prompts), digest="sha256:" + "5" * 64
    )
    made = replace(base, settings=settings, suite=suite, profile=given.profile)
    return with_selections(replace(made, times=whole_evidence().times), selections)


def with_selections(evidence: Evidence, selections: tuple[Selection, ...]) -> Evidence:
    """The evidence with these selections, and masks and findings that follow from them."""
    masks = [m for m in evidence.masks if m.arm == "unmasked"]
    masks += [m for s in selections for m in selected_masks(s, KS)]
    made = replace(evidence, selections=selections, masks=tuple(masks))
    return replace(made, findings=measure_all(made))


def _prompt(name: str, i: int, text: str) -> PromptRef:
    return PromptRef(
        id=f"pick-{name}-{i:02d}",
        seed_id=f"pick-{i:02d}",
        set=name,
        category="fraud",
        language="en",
        text_sha256=sha256(f"{name}-{i}-exact".encode()).hexdigest(),
        folded_sha256=sha256(text.encode()).hexdigest(),
        split="selection",
        skipped=None,
    )


def _profile(prompts: tuple[PromptRef, ...]) -> ActivationProfile:
    generator = np.random.default_rng(0)
    shape = (len(prompts), len(SITES), 16)
    counts = {w: generator.integers(0, 7, size=shape, dtype=np.int32) for w in WINDOWS}
    attribution = generator.normal(0.1, 0.3, size=shape).astype(np.float32)
    attribution[[p.set == "benign" for p in prompts]] = np.nan
    return ActivationProfile(
        prompt_ids=tuple(p.id for p in prompts),
        sites=SITES,
        counts=counts,
        weights={w: c / np.float32(2) for w, c in counts.items()},
        tokens=dict.fromkeys(WINDOWS, np.full(len(prompts), 24, np.int32)),
        attribution=attribution,
        attribution_note="simulated",
    )
