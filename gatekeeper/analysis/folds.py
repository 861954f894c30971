"""Cross-fitting: every prompt selects and every prompt measures, but no mask that it selected.

Two audits with the sides of the split changed over, pooled: each prompt is measured under the masks
that the other half selected (Chernozhukov et al. 2018, Econometrics Journal 21, definition 3.2: one
estimate over both halves). Twice as many prompts are measured. What is measured is the selector and
not one set of experts, since the halves may select different ones.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache, wraps

import numpy as np

from gatekeeper.analysis.beside_trials import beside_trials
from gatekeeper.records.evidence import FOLDS, Evidence, PromptRef
from gatekeeper.records.finding import Finding, Missing, Subject
from gatekeeper.records.positive import PositiveControl
from gatekeeper.records.profile import ActivationProfile
from gatekeeper.records.role import Roles
from gatekeeper.records.trial import POSITIVE, Trial
from gatekeeper.records.trials import Trials

#: Arms that no fold selected: each prompt is run once under them.
_UNMASKED = frozenset({"unmasked", "again"})
#: Evidence of which views and tables are kept: each rule asks for the folds of an audit, and of it
#: with open replies told in each way (`policy.undecided`: up to nine for a pass, nine for a fail).
SEEN = 64


@lru_cache(maxsize=SEEN)
def views(evidence: Evidence) -> tuple[Evidence, ...]:
    """The evidence itself, or under cross-fitting each fold's as of an audit of its own."""
    if not evidence.settings.cross_fit:
        return (evidence,)
    return tuple(
        replace(
            frame,
            findings=evidence.findings,
            trials=_under(
                evidence.trials, names, {p.id for p in frame.suite.prompts if p.measures}
            ),
        )
        for frame, names in _frames(evidence)
    )


@beside_trials(maxsize=4)
def _frames(evidence: Evidence) -> tuple[tuple[Evidence, Mapping[str, str]], ...]:
    """Each fold's view without trials, and what its masks are called there, by name."""
    return tuple(_frame(evidence, fold) for fold in range(1, len(FOLDS) + 1))


def _frame(evidence: Evidence, fold: int) -> tuple[Evidence, Mapping[str, str]]:
    selecting = FOLDS[fold - 1]
    prompts = tuple(
        replace(p, split="selection" if p.split == selecting else "measurement")
        if p.split in FOLDS
        else p
        for p in evidence.suite.prompts
    )
    masks = {
        mask.name: replace(mask, name=mask.label, fold=0)
        for mask in evidence.masks
        if mask.fold in {0, fold}
    }
    frame = replace(
        evidence,
        suite=replace(evidence.suite, prompts=prompts),
        settings=replace(evidence.settings, cross_fit=False),
        selections=tuple(replace(s, fold=0) for s in evidence.selections if s.fold == fold),
        environments=tuple(replace(e, fold=0) for e in evidence.environments if e.fold == fold),
        changes=tuple(replace(c, fold=0) for c in evidence.changes if c.fold == fold),
        usefulness=tuple(
            replace(u, mask=masks[u.mask].name) for u in evidence.usefulness if u.mask in masks
        ),
        masks=tuple(masks.values()),
        profile=_rows(evidence.profile, prompts),
        roles=evidence.roles if fold == 1 else None,
        positive_control=_of_fold(evidence.positive_control, fold),
    )
    return frame, {name: mask.name for name, mask in masks.items()}


def _under(trials: Sequence[Trial], masks: Mapping[str, str], prompts: set[str]) -> Sequence[Trial]:
    """The trials of some prompts under some masks, which are called otherwise."""
    if isinstance(trials, Trials):
        return trials.under(masks, prompts)
    return tuple(
        _renamed(trial, masks[trial.mask])
        for trial in trials
        if trial.mask in masks and trial.prompt_id in prompts
    )


def _renamed(trial: Trial, mask: str) -> Trial:
    # Spelt out: `replace` takes three times as long, and an audit has a trial for every reply.
    return Trial(
        mask=mask,
        prompt_id=trial.prompt_id,
        outcome=trial.outcome,
        reason=trial.reason,
        tokens=trial.tokens,
        truncated=trial.truncated,
        completion=trial.completion,
        second=trial.second,
    )


def _rows(
    profile: ActivationProfile | None, prompts: tuple[PromptRef, ...]
) -> ActivationProfile | None:
    """The profile of the prompts that select."""
    if profile is None:
        return None
    selects = {p.id for p in prompts if p.split == "selection"}
    rows = np.array([i in selects for i in profile.prompt_ids], dtype=np.bool_)
    attribution = profile.attribution
    if attribution is not None and len(attribution) == len(rows):
        attribution = attribution[rows]
        # A fold without a target was not attributed at all.
        attribution = None if np.isnan(attribution).all() else attribution
    return replace(
        profile,
        prompt_ids=tuple(i for i, keep in zip(profile.prompt_ids, rows, strict=True) if keep),
        counts={w: a[rows] for w, a in profile.counts.items()},
        weights={w: a[rows] for w, a in profile.weights.items()},
        tokens={w: a[rows] for w, a in profile.tokens.items()},
        attribution=attribution,
    )


def pool(first: Evidence, second: Evidence) -> Evidence:
    """Joins the evidence of two audits whose sides of the split are changed over.

    A selector that could not run in one of them counts as left out: half of its prompts would have
    no mask.
    """
    folds = (first, second)
    skipped: dict[str, str] = {}
    for number, half in enumerate(folds, start=1):
        for name, reason in half.skipped_selectors.items():
            skipped.setdefault(name, f"fold {number}: {reason}")
    positive = _of_both(first.positive_control, second.positive_control)
    plain = tuple(m for m in first.masks if m.arm in _UNMASKED)
    masks, trials, useful = list(plain), [], []
    for number, half in enumerate(folds, start=1):
        named = {m.name: m for m in plain} | {
            m.name: replace(m, name=f"{m.name}-fold-{number}", fold=number)
            for m in half.masks
            if m.arm not in _UNMASKED
            and (m.selector or "").partition("/")[0] not in skipped
            and (m.arm != POSITIVE.arm or isinstance(positive, PositiveControl))
        }
        masks += [m for m in named.values() if m.fold]
        trials += [_renamed(t, named[t.mask].name) for t in half.trials if t.mask in named]
        useful += [replace(u, mask=named[u.mask].name) for u in half.usefulness if u.mask in named]
    side = {"selection": FOLDS[0], "measurement": FOLDS[1]}
    return replace(
        first,
        suite=replace(
            first.suite,
            prompts=tuple(
                replace(p, split=side.get(p.split, p.split)) for p in first.suite.prompts
            ),
        ),
        selections=tuple(
            replace(s, fold=number)
            for number, half in enumerate(folds, start=1)
            for s in half.selections
            if s.selector not in skipped
        ),
        environments=tuple(
            replace(e, fold=number)
            for number, half in enumerate(folds, start=1)
            for e in half.environments
            if e.selector not in skipped
        ),
        changes=tuple(
            replace(c, fold=number)
            for number, half in enumerate(folds, start=1)
            for c in half.changes
            if c.selector not in skipped
        ),
        usefulness=tuple(useful),
        skipped_selectors=skipped,
        masks=tuple(masks),
        trials=tuple(trials),
        profile=_joined(first.profile, second.profile),
        roles=_told_of_fold(first.roles),
        positive_control=positive,
    )


def _of_fold(control: PositiveControl | str | None, fold: int) -> PositiveControl | str | None:
    """The positive control of one fold, as of an audit of its own."""
    if not isinstance(control, PositiveControl):
        return control
    directions = tuple(replace(d, fold=0) for d in control.directions if d.fold == fold)
    return PositiveControl(directions=directions)


def _of_both(
    first: PositiveControl | str | None, second: PositiveControl | str | None
) -> PositiveControl | str | None:
    """The positive controls of two folds; what one of them lacks is missing."""
    if isinstance(first, PositiveControl) and isinstance(second, PositiveControl):
        return PositiveControl(
            directions=tuple(
                replace(direction, fold=number)
                for number, control in enumerate((first, second), start=1)
                for direction in control.directions
            )
        )
    if isinstance(first, str) and first == second:
        return first
    return next(
        (
            f"fold {number}: {control}"
            for number, control in enumerate((first, second), start=1)
            if isinstance(control, str)
        ),
        None,
    )


def _told_of_fold(roles: Roles | str | None) -> Roles | str | None:
    """Roles are told of one fold's experts, and say so."""
    if not isinstance(roles, Roles):
        return roles
    return replace(roles, notes=(*roles.notes, "Roles are of the experts that fold 1 selected."))


def _joined(
    first: ActivationProfile | None, second: ActivationProfile | None
) -> ActivationProfile | None:
    if first is None or second is None:
        return None
    both = (first, second)
    notes = dict.fromkeys(p.attribution_note for p in both)
    attribution = None
    if any(p.attribution is not None for p in both):
        shape = first.counts["prompt"].shape[1:]
        attribution = np.concatenate(
            [
                np.full((len(p.prompt_ids), *shape), np.nan, np.float32)
                if p.attribution is None
                else p.attribution
                for p in both
            ]
        )
    return replace(
        first,
        prompt_ids=(*first.prompt_ids, *second.prompt_ids),
        counts={w: np.concatenate([p.counts[w] for p in both]) for w in first.counts},
        weights={w: np.concatenate([p.weights[w] for p in both]) for w in first.weights},
        tokens={w: np.concatenate([p.tokens[w] for p in both]) for w in first.tokens},
        attribution=attribution,
        attribution_note=" ".join(notes),
    )


def worse_fold(
    measure: Callable[[Evidence, Subject, float], Finding | Missing], *, higher_is_worse: bool
) -> Callable[[Evidence, Subject, float], Finding | Missing]:
    """A measure of a selection itself, under cross-fitting that of the worse fold.

    The count `fold` then says which; what one fold lacks is missing.
    """

    @wraps(measure)
    def measured(evidence: Evidence, subject: Subject, confidence: float) -> Finding | Missing:
        if len(views(evidence)) == 1:
            return measure(evidence, subject, confidence)
        findings: list[Finding] = []
        for fold, view in enumerate(views(evidence), start=1):
            finding = measure(view, subject, confidence)
            if isinstance(finding, Missing):
                return replace(finding, reason=f"fold {fold}: {finding.reason}")
            findings.append(replace(finding, counts={**finding.counts, "fold": fold}))
        return (max if higher_is_worse else min)(findings, key=lambda f: f.value)

    return measured
