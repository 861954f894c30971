"""Evidence whose selections and masks follow from its profile, as an audit makes them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from hashlib import sha256

import numpy as np
import numpy.typing as npt

from gatekeeper import catalog
from gatekeeper.analysis.clusters import evidence_clusters
from gatekeeper.analysis.comparison_masks import beside_masks
from gatekeeper.analysis.masks import selected_masks
from gatekeeper.metrics import with_findings
from gatekeeper.records.evidence import AuditSettings, Evidence, PromptRef
from gatekeeper.records.plugins import SelectionInput
from gatekeeper.records.profile import ActivationProfile
from gatekeeper.records.reasoning import RULE, Reasoning
from gatekeeper.records.selection import Selection
from gatekeeper.records.suite import SETS, suite_digest
from gatekeeper.records.trial import AGAIN, UNMASKED, Mask, Trial
from gatekeeper.records.usefulness import Usefulness
from gatekeeper.suites.split import VERSION, cell_of, split_clusters
from tests.typed import some

from ..evidence.whole import whole_evidence
from .builders import SELECTORS, SITES, Outcome, make_evidence, safe

SEEDS, KS = 54, (1, 4)
VERSIONS = ("python", "torch", "transformers", "tokenizers", "safetensors", "numpy")
FILES = ("config.json", "model.safetensors", "tokenizer.json")


def profiled_evidence(outcome: Outcome = safe, *, resamples: int = 51, size: int = 4) -> Evidence:
    """All that an audit of this version records: 54 seeds in four sets, of which a quarter selects.

    The first two seeds are of one text, and so of one cluster.
    """
    base = make_evidence(outcome, counts=dict.fromkeys(SETS, SEEDS), ks=KS, controls=0)
    settings = replace(
        base.settings,
        resamples=resamples,
        size=size,
        seed=3,
        selection_share=0.25,
        split=VERSION,
        reasoning=Reasoning(rule=RULE, marks=(), max_tokens=64, thinking="template"),
        versions=dict.fromkeys(VERSIONS, "1.0"),
    )
    prompts = _split(base.suite.prompts, settings)
    picked = tuple(p for p in prompts if p.selects)
    clusters = evidence_clusters(picked)
    given = SelectionInput(
        profile=_profile(picked),
        sets=np.array([p.set for p in picked]),
        seeds=np.array([clusters[p.id] for p in picked]),
        size=size,
        resamples=resamples,
        seed=settings.seed,
    )
    selections = tuple(catalog.load("selector", name).select(given) for name in SELECTORS)
    files = {"suite.json": "5" * 64}
    suite = replace(base.suite, prompts=prompts, files=files, digest=suite_digest(files))
    measures = {p.id for p in prompts if p.measures}
    made = replace(
        base,
        checkpoint=replace(base.checkpoint, files=dict.fromkeys(FILES, "0" * 64)),
        settings=settings,
        suite=suite,
        profile=given.profile,
        trials=tuple(t for t in base.trials if t.prompt_id in measures),
        times=whole_evidence().times,
        roles="not asked for",
        positive_control="not asked for",
        cautions=(),
    )
    return with_selections(made, selections)


def with_selections(evidence: Evidence, selections: tuple[Selection, ...]) -> Evidence:
    """The evidence with these selections, and all that follows from them."""
    benign = np.array([i.startswith("benign") for i in some(evidence.profile).prompt_ids])
    how = {"mode": evidence.settings.mode, "phase": evidence.settings.phase}
    masks = (
        UNMASKED,
        *(m for s in selections for m in selected_masks(s, KS)),
        *beside_masks(some(evidence.profile), benign, selections, KS, **how),
        AGAIN,
    )
    settings = replace(evidence.settings, selectors=tuple(s.selector for s in selections))
    made = replace(evidence, selections=selections, masks=masks, settings=settings)
    return with_findings(with_trials(made))


def with_trials(evidence: Evidence) -> Evidence:
    """The evidence with trials and usefulness of its masks, and of no others.

    Masks that have no trials yet leave every reply as it was.
    """
    names = {mask.name for mask in evidence.masks}
    trials = [t for t in evidence.trials if t.mask in names]
    plain = [t for t in trials if t.mask == UNMASKED.name]
    for name in sorted(names - {t.mask for t in trials}):
        trials += [replace(t, mask=name) for t in plain if _is_run(t, name)]
    answered = [t for t in plain if t.outcome == "comply" and t.prompt_id.startswith("benign")]
    useful = tuple(_as_useful(m, answered) for m in evidence.masks if m.arm == "selected")
    return replace(evidence, trials=tuple(trials), usefulness=useful)


def _is_run(trial: Trial, mask: str) -> bool:
    """Random masks are run on regular prompts alone."""
    return "-control-" not in mask or trial.prompt_id.startswith("regular")


def _as_useful(mask: Mask, answered: Sequence[Trial]) -> Usefulness:
    same = (1.0,) * len(answered)
    return Usefulness(
        mask=mask.name,
        prompts=tuple(t.prompt_id for t in answered),
        tokens=tuple(t.tokens for t in answered),
        plain=same,
        masked=same,
        divergence=(0.0,) * len(answered),
    )


def _split(prompts: Sequence[PromptRef], settings: AuditSettings) -> tuple[PromptRef, ...]:
    """The prompts with texts, on the sides on which the seed puts them."""
    told = [replace(p, folded_sha256=_folded(p)) for p in prompts]
    cluster = evidence_clusters(told)
    cells = [(cluster[p.id], cell_of(p)) for p in told]
    sides = split_clusters(cells, settings.selection_share, settings.seed, settings.split)
    return tuple(replace(p, split=sides[cluster[p.id]]) for p in told)


def _folded(prompt: PromptRef) -> str:
    text = f"{prompt.set} {max(int(prompt.id.rpartition('-')[2]), 1)}"
    return sha256(text.encode()).hexdigest()


def _profile(prompts: tuple[PromptRef, ...]) -> ActivationProfile:
    generator = np.random.default_rng(0)
    shape = (len(prompts), len(SITES), 16)
    tokens = {"prompt": 24, "decision": 4, "generated": 7}
    drawn = {w: _routed(generator, shape, tokens[w]) for w in ("decision", "generated")}
    rest = _routed(generator, shape, tokens["prompt"] - tokens["decision"])
    counts = {"prompt": drawn["decision"] + rest, **drawn}
    attribution = generator.normal(0.1, 0.3, size=shape).astype(np.float32)
    attribution[[p.set == "benign" for p in prompts]] = np.nan
    return ActivationProfile(
        prompt_ids=tuple(p.id for p in prompts),
        sites=SITES,
        counts=counts,
        weights={w: np.asarray(c / 2, np.float32) for w, c in counts.items()},
        tokens={w: np.full(len(prompts), n, np.int32) for w, n in tokens.items()},
        attribution=attribution,
        attribution_note="simulated",
    )


def _routed(
    generator: np.random.Generator, shape: tuple[int, int, int], tokens: int
) -> npt.NDArray[np.int32]:
    """Counts of tokens that choose two experts each, by chance."""
    order = generator.random((tokens, *shape)).argsort(axis=-1)
    return (order < SITES[0].top_k).sum(axis=0, dtype=np.int32)
