"""Whether the files of a bundle speak of the same prompts, masks and experts.

Digests show that nothing changed since the manifest was written; a manifest can be written again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, NoReturn

import numpy as np

from gatekeeper.errors import EvidenceError, excerpt
from gatekeeper.records.evidence import FOLDS, Evidence
from gatekeeper.records.positive import PositiveControl
from gatekeeper.records.profile import ActivationProfile
from gatekeeper.records.reasoning import bare, parts
from gatekeeper.records.selection import Selection
from gatekeeper.records.trial import UNMASKED
from gatekeeper.records.trials import (
    cells,
    codes_of,
    cut,
    judged_twice,
    longest,
    of_masks,
    off_window,
)
from gatekeeper.records.windows import WINDOWS

#: Tokens by which the end of reasoning may be noticed late (`engine.generate.batch_state`).
SEEN_LATE = 4


def check_coherent(evidence: Evidence, summary: Mapping[str, Any]) -> None:
    """Checks that each trial is there once, of a known prompt and mask; and summary and profile.

    Args:
        summary: `trials` of evidence.json.

    Raises:
        EvidenceError: they do not.
    """
    _once("prompt", (p.id for p in evidence.suite.prompts))
    _once("mask", (m.name for m in evidence.masks))
    _folds(evidence)
    _trials(evidence)
    outcomes = Counter(outcome for _, _, outcome in cells(evidence.trials))
    truncated = cut(evidence.trials)
    summarised = summary["count"], dict(summary["outcomes"]), summary["truncated"]
    if summarised != (len(evidence.trials), dict(outcomes), truncated):
        _refuse("the summary of trials does not follow from them")
    _window(evidence)
    for selection in evidence.selections:
        _stability(selection)
    _usefulness(evidence)
    if evidence.profile is not None:
        _profile(evidence, evidence.profile)


def _window(evidence: Evidence) -> None:
    """Checks lengths: a reply that was cut fills the token window; only reasoning exceeds it.

    A row that runs has at least one token, be it the one that ends it.
    """
    reasoning, window = evidence.settings.reasoning, evidence.settings.max_new_tokens
    thought = 0 if reasoning is None else reasoning.max_tokens + SEEN_LATE
    if longest(evidence.trials) > window + thought:
        _refuse("a reply is longer than the token window")
    marks = () if reasoning is None else reasoning.marks
    for trial in off_window(evidence.trials, window):
        reply = _of(trial.mask, trial.prompt_id)
        if trial.tokens < 1:
            _refuse(f"{reply} has no tokens")
        if trial.tokens > window and (reasoning is None or bare(trial.completion, marks)):
            _refuse(f"{reply} is longer than the token window, without reasoning")
        if trial.tokens < window and (reasoning is None or parts(trial.completion, marks).plain):
            _refuse(f"{reply} was cut before it filled the token window")


def _folds(evidence: Evidence) -> None:
    """Checks that selections, masks and prompts are of the folds that the audit had."""
    wanted = {1, 2} if evidence.settings.cross_fit else {0}
    folds = {selection.fold for selection in evidence.selections}
    folds |= {environment.fold for environment in evidence.environments}
    folds |= {change.fold for change in evidence.changes}
    folds |= {mask.fold for mask in evidence.masks if mask.arm not in {"unmasked", "again"}}
    if isinstance(evidence.positive_control, PositiveControl):
        folds |= {direction.fold for direction in evidence.positive_control.directions}
    splits = {"selection", "measurement"} if evidence.settings.cross_fit else set(FOLDS)
    if folds - wanted or splits & {prompt.split for prompt in evidence.suite.prompts}:
        _refuse("selections, masks or prompts are of folds that the audit did not have")
    for fold in sorted(wanted):
        _once("mask", (m.label for m in evidence.masks if m.fold in {0, fold}))
    named = (mask for mask in evidence.masks if mask.fold)
    if any(mask.label == mask.name for mask in named) or any(
        mask.fold for mask in evidence.masks if mask.arm in {"unmasked", "again"}
    ):
        _refuse("a mask is not named after its fold")


def _stability(selection: Selection) -> None:
    """Checks that a stored Φ has possible numbers; others would break what is computed from it."""
    if selection.phi is None:
        return
    value, interval = selection.phi.value, selection.phi.interval
    ordered = interval.low <= value <= interval.high <= 1 and interval.low < 1
    if not ordered or not 0 < interval.confidence < 1 or selection.phi.resamples < 1:
        _refuse(f"the stability of {excerpt(selection.selector)} is no possible one")
    if value == 1 and interval.high - interval.low > 0 and not interval.method.startswith("rule"):
        _refuse(f"the stability of {excerpt(selection.selector)} is no possible one")


def _usefulness(evidence: Evidence) -> None:
    """Checks usefulness: each selected mask once, on the benign prompts it is measured on."""
    fold = {m.name: m.fold for m in evidence.masks if m.arm == "selected"}
    split = {p.id: p.split for p in evidence.suite.prompts if p.measures and p.set == "benign"}
    answered = {
        t.prompt_id for t in of_masks(evidence.trials, UNMASKED.name) if t.outcome == "comply"
    }
    _once("usefulness under a mask", (u.mask for u in evidence.usefulness))
    for u in evidence.usefulness:
        lengths = {len(u.tokens), len(u.plain), len(u.masked), len(u.divergence)}
        allowed = {
            p for p, name in split.items() if p in answered and name != f"fold-{fold.get(u.mask)}"
        }
        if u.mask not in fold or lengths != {len(u.prompts)} or set(u.prompts) != allowed:
            _refuse(f"usefulness under {excerpt(u.mask)} is not of the prompts it was measured on")


def _once(what: str, names: Iterable[str]) -> None:
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        _refuse(f"{what} {excerpt(twice[0])} is there twice")


def _trials(evidence: Evidence) -> None:
    masks = {m.name for m in evidence.masks}
    selecting = {(m.name, FOLDS[m.fold - 1]) for m in evidence.masks if m.fold}
    split = {p.id: p.split for p in evidence.suite.prompts}
    codes = codes_of(evidence.trials)
    for name in (name for name in codes.masks if name not in masks):
        _refuse(f"a trial is of mask {excerpt(name)}, which evidence.json does not have")
    for name in (name for name in codes.prompts if name not in split):
        _refuse(f"a trial is of prompt {excerpt(name)}, which evidence.json does not have")
    for mask, prompt, _ in cells(evidence.trials) if selecting else ():
        if (mask, split[prompt]) in selecting:
            _refuse(f"{_of(mask, prompt)} measures with a prompt that selected the mask")
    places = codes.mask.astype(np.int64) * len(codes.prompts) + codes.prompt
    places.sort()
    if np.any(twice := places[1:] == places[:-1]):
        first, second = divmod(int(places[1:][twice][0]), len(codes.prompts))
        _refuse(f"{_of(codes.masks[first], codes.prompts[second])} is there twice")
    if evidence.settings.second is None:
        for trial in judged_twice(evidence.trials):
            reply = _of(trial.mask, trial.prompt_id)
            _refuse(f"{reply} was judged twice, and there was no second judge")


def _of(mask: str, prompt: str) -> str:
    return f"a trial of prompt {excerpt(prompt)} under mask {excerpt(mask)}"


def _profile(evidence: Evidence, profile: ActivationProfile) -> None:
    ids, sites = len(profile.prompt_ids), profile.sites
    shape = (ids, len(sites), max((site.experts for site in sites), default=0))
    counts = [profile.counts[window] for window in WINDOWS]
    weights = [profile.weights[window] for window in WINDOWS]
    tokens = [profile.tokens[window] for window in WINDOWS]
    attributed = [] if profile.attribution is None else [profile.attribution]
    fits = all(array.shape == shape for array in (*counts, *weights, *attributed))
    fits = fits and all(array.shape == (ids,) for array in tokens)
    integer = all(np.issubdtype(array.dtype, np.integer) for array in (*counts, *tokens))
    real = all(np.issubdtype(array.dtype, np.floating) for array in (*weights, *attributed))
    if not (fits and integer and real) or sites != evidence.model.maskable_sites:
        _refuse("the routing profile is not one of this model")
    if any(np.any(array < 0) for array in (*counts, *tokens)) or not all(
        np.isfinite(array).all() for array in weights
    ):
        _refuse("the routing profile counts what cannot be counted")


def _refuse(message: str) -> NoReturn:
    raise EvidenceError(
        message,
        where="evidence",
        remedy="do not trust this bundle; get it again from where the audit wrote it",
    )
