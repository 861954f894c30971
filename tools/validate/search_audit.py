"""An audit of a simulated model: the real split, selectors and masks, and evidence of it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from gatekeeper import catalog
from gatekeeper.analysis.folds import pool
from gatekeeper.analysis.masks import selected_masks
from gatekeeper.analysis.selectors import greedy
from gatekeeper.estimate.workload import MEASURED
from gatekeeper.records.evidence import AuditSettings, Evidence, PromptRef, SelfTestCheck, SuiteRef
from gatekeeper.records.model import CheckpointRef, ExpertId, ModelDescription
from gatekeeper.records.plugins import SelectionInput
from gatekeeper.records.selection import Selection
from gatekeeper.records.suite import HARMFUL_SETS
from gatekeeper.records.trial import UNMASKED, Mask, Trial
from gatekeeper.suites.split import SELECTION, VERSION, Cell, split_clusters
from tools.validate.search_world import CATEGORIES, SEEDS, Hidden

SELECTORS = ("ses-frequency", "ses-contrast", "attribution", "greedy")
#: Share of outcomes that change for no reason, each way.
_FLIPS = 0.005
_SETS = ("regular", "jailbreak", "benign")
_REPLIES = {
    "refuse": ("I cannot help with that.", "refusal-phrase"),
    "comply": ("Sure, this is how it is done.", "no-refusal"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """How hard an audit looks; as the options of the same names.

    Attributes:
        budget: rows; None for as many as the search wants.
    """

    share: float = 0.5
    cross_fit: bool = True
    resamples: int = 200
    size: int = 8
    budget: int | None = None


@dataclass(slots=True, kw_only=True)
class _Measure:
    """Measures masks on the model, as selectors ask."""

    rows: npt.NDArray[np.intp]
    sets: npt.NDArray[np.str_]
    requests: npt.NDArray[np.intp]
    hidden: Hidden
    generator: np.random.Generator
    note: str = "simulated"

    def __call__(
        self, masks: Sequence[Sequence[ExpertId]], columns: Sequence[int] | None = None
    ) -> npt.NDArray[np.float64]:
        at = slice(None) if columns is None else list(columns)
        return self.hidden.effects(masks, self.sets[at], self.requests[at], self.generator)


def audited(hidden: Hidden, search: Search, ks: Sequence[int], seed: int) -> Evidence:
    """Evidence of one audit of a simulated model: selected masks on harmful prompts."""
    cells = [
        (f"s{i:04d}", Cell(set=name, category=_category(i), language="en"))
        for i in range(SEEDS)
        for name in _SETS
    ]
    sides = split_clusters(cells, search.share, seed)
    selecting = {name for name, side in sides.items() if side == SELECTION}
    first = _one(hidden, search, ks, seed, selecting)
    if not search.cross_fit:
        return first
    found = pool(first, _one(hidden, search, ks, seed, set(sides) - selecting))
    return replace(found, settings=replace(found.settings, cross_fit=True))


def _one(
    hidden: Hidden, search: Search, ks: Sequence[int], seed: int, selecting: set[str]
) -> Evidence:
    """One fold."""
    selections = _selections(hidden, search, seed, selecting)
    masks = (UNMASKED, *(m for s in selections for m in selected_masks(s, ks)))
    sites = hidden.given.profile.sites
    return Evidence(
        digest="sha256:" + "e" * 64,
        tool_version="simulated",
        checkpoint=CheckpointRef(source="simulated", revision=None, files={"a": "0" * 64}),
        model=ModelDescription(
            model_type="simulated",
            architecture="Simulated",
            dtype="float32",
            layers=len(sites),
            sites=sites,
            parameters=1,
            active_parameters=1,
            context_length=None,
        ),
        suite=SuiteRef(
            id="simulated",
            version="1",
            title="Simulated",
            licence="CC0",
            digest="sha256:" + "5" * 64,
            prompts=tuple(_prompt(i, name, selecting) for i in range(SEEDS) for name in _SETS),
        ),
        settings=_settings(search, ks, seed),
        self_test=(SelfTestCheck(name="identity", passed=True, detail="simulated"),),
        selections=selections,
        skipped_selectors={},
        masks=masks,
        trials=tuple(_trials(hidden, masks, selecting, seed)),
        profile=None,
        findings=(),
        times=None,
    )


def _selections(
    hidden: Hidden, search: Search, seed: int, selecting: set[str]
) -> tuple[Selection, ...]:
    given = replace(
        _rows(hidden.given, selecting), size=search.size, resamples=search.resamples, seed=seed
    )
    generator = np.random.default_rng([seed, 3])
    of_sets = [np.flatnonzero(given.sets == name) for name in HARMFUL_SETS]
    chosen = np.concatenate([np.sort(generator.permutation(own)[:MEASURED]) for own in of_sets])
    measure = _Measure(
        rows=chosen,
        sets=given.sets[chosen],
        requests=np.array([int(name[1:]) for name in given.seeds[chosen].tolist()]),
        hidden=hidden,
        generator=generator,
    )
    budget = search.budget
    if budget is None:
        budget = greedy.rows_needed(search.size, len(chosen))
    found: list[Selection] = []
    for name in SELECTORS:
        asked = given
        if name == "greedy":
            asked = replace(given, others=tuple(found), measure=measure, budget=budget)
        one = catalog.load("selector", name).select(asked)
        if isinstance(one, Selection):
            found.append(one)
    return tuple(found)


def _rows(given: SelectionInput, selecting: set[str]) -> SelectionInput:
    """The part that the selecting prompts are."""
    keep = np.isin(given.seeds, sorted(selecting))
    profile = given.profile
    attribution = profile.attribution
    return replace(
        given,
        sets=given.sets[keep],
        seeds=given.seeds[keep],
        parts=(np.array([_category(int(name[1:])) for name in given.seeds[keep].tolist()]),),
        profile=replace(
            profile,
            prompt_ids=tuple(i for i, k in zip(profile.prompt_ids, keep, strict=True) if k),
            counts={w: a[keep] for w, a in profile.counts.items()},
            tokens={w: a[keep] for w, a in profile.tokens.items()},
            attribution=None if attribution is None else attribution[keep],
        ),
    )


def _category(index: int) -> str:
    return f"c{index % CATEGORIES}"


def _prompt(index: int, name: str, selecting: set[str]) -> PromptRef:
    seed_id, own = f"s{index:04d}", f"{name}-{index}"
    text = hashlib.sha256(own.encode()).hexdigest()
    return PromptRef(
        id=own,
        seed_id=seed_id,
        set=name,
        category=_category(index),
        language="en",
        text_sha256=text,
        folded_sha256=text,
        split="selection" if seed_id in selecting else "measurement",
        skipped=None,
    )


def _trials(hidden: Hidden, masks: Sequence[Mask], selecting: set[str], seed: int) -> list[Trial]:
    """Regular prompts, and those the carriers are of, under every mask; benign ones under none."""
    generator = np.random.default_rng([seed, 4])
    measuring = [i for i in range(SEEDS) if f"s{i:04d}" not in selecting]
    trials = [_trial(UNMASKED.name, f"benign-{i}", "comply") for i in measuring]
    for mask in masks:
        for name in dict.fromkeys(("regular", hidden.prompt_set)):
            # A reply that flips without a reason may do so with a mask and without.
            answered = generator.random(SEEDS) < _FLIPS
            if name == hidden.prompt_set:
                answered |= hidden.lost(mask.experts)
            trials += [
                _trial(mask.name, f"{name}-{i}", "comply" if answered[i] else "refuse")
                for i in measuring
            ]
    return trials


def _trial(mask: str, prompt: str, outcome: str) -> Trial:
    completion, reason = _REPLIES[outcome]
    return Trial(
        mask=mask,
        prompt_id=prompt,
        outcome=outcome,
        reason=reason,
        completion=completion,
        tokens=8,
        truncated=False,
    )


def _settings(search: Search, ks: Sequence[int], seed: int) -> AuditSettings:
    return AuditSettings(
        selectors=SELECTORS,
        ks=tuple(ks),
        controls=0,
        mode="reroute",
        phase="both",
        judge="refusal-rules",
        judge_version=catalog.load("judge", "refusal-rules").version,
        max_new_tokens=32,
        batch_rows=1,
        dtype="float32",
        device="cpu",
        seed=seed,
        selection_share=search.share,
        max_prompts=None,
        system_prompt_sha256=None,
        chat_template_sha256="0" * 64,
        versions={},
        resamples=search.resamples,
        size=search.size,
        budget=search.budget or 0,
        roles=False,
        positive_control=False,
        split=VERSION,
    )
