"""Checks selections against the routing profile that they were made from."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np

from gatekeeper import catalog
from gatekeeper.analysis.clusters import evidence_clusters
from gatekeeper.analysis.folds import views
from gatekeeper.analysis.part_ranking import parts_of
from gatekeeper.errors import EvidenceError, excerpt
from gatekeeper.evidence.wire_selection import selection_to_json
from gatekeeper.records.evidence import Evidence
from gatekeeper.records.plugins import SelectionInput, Selector
from gatekeeper.records.profile import ActivationProfile
from gatekeeper.records.selection import Selection
from gatekeeper.verify.environments import recheck_environments
from gatekeeper.verify.same import same_data

#: Resamples times prompts that are drawn again: above it a bundle only wants to use up memory.
MOST_DRAWS = 100_000_000

_NUMBER = re.compile(r"\d+")

_MEASURED, _OLDER = "measured on the model", "older "

#: What is said of an expert, and what it is called where it differs. The ranking comes first.
_OF_EXPERTS = {
    "expert": "the ranking",
    "score": "a score",
    "probability": "a selection probability",
    "groups": "a group",
    "borderline": "what is borderline",
}
#: Of notes only the numbers are: the rest is words.
_OF_SELECTION = {
    "phi": "Φ",
    "error_bound": "the bound on false selections",
    "unimodal_bound": "the unimodal bound on false selections",
    "sensitivity": "the sensitivity",
    "prompts": "the number of prompts",
    "resamples": "the number of resamples",
    "size": "the size",
    "threshold": "the threshold",
    "seed": "the seed",
    "window": "the window",
    "forwards": "the number of forwards",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Derived:
    """The selections that were made again from the profile, and why others were not.

    Attributes:
        agreed: selectors whose stored selection is what they find.
        untold: selectors that were not asked again, with the reason.
        open: those of them that only read the profile, with the reason; `older`: those of an older
            bundle or version.
        variants: system prompts and formats whose selections were not made again.
    """

    agreed: tuple[str, ...]
    untold: Mapping[str, str]
    variants: tuple[str, ...] = ()
    open: tuple[str, ...] = ()
    older: tuple[str, ...] = ()


def underived(evidence: Evidence, *, earlier: bool = False) -> dict[str, str]:
    """Selectors that only read the profile and cannot be asked again here, with the reason.

    None where there is no profile: no bundle is without.

    Args:
        earlier: not those of an older bundle or an older version, which any bundle may say to be.
    """
    if evidence.profile is None:
        return {}
    reasons: dict[str, str] = {}
    for view in views(evidence):  # a ranking that is open in one fold is open, whichever it is
        for stored in view.selections:
            why = _not_again(view, stored)
            if why not in {None, _MEASURED} and not (earlier and why.startswith(_OLDER)):
                reasons.setdefault(stored.selector, why)
    return reasons


def recheck_selections(evidence: Evidence) -> Derived:
    """Selects again by every rule that only reads the profile.

    Raises:
        EvidenceError: another selection is stored than follows from the profile, or one by a newer
            version of its selector.
    """
    per_fold = [_recheck(view) for view in views(evidence)]
    open_ = underived(evidence, earlier=True)
    return Derived(
        agreed=tuple(
            name for name in per_fold[0].agreed if all(name in fold.agreed for fold in per_fold)
        ),
        untold={name: why for fold in per_fold for name, why in fold.untold.items()},
        variants=tuple(dict.fromkeys(name for fold in per_fold for name in fold.variants)),
        open=tuple(_named(name, why) for name, why in open_.items()),
        older=tuple(
            _named(name, why) for name, why in underived(evidence).items() if name not in open_
        ),
    )


def _named(name: str, why: str) -> str:
    return f"the ranking of {excerpt(name)}: {why}"


def _recheck(evidence: Evidence) -> Derived:
    """Makes the selections of a fold again, or of an audit without folds."""
    agreed: list[str] = []
    untold: dict[str, str] = {}
    inputs: SelectionInput | None = None
    for stored in evidence.selections:
        reason = _not_again(evidence, stored)
        if reason is not None:
            untold[stored.selector] = reason
            continue
        inputs = inputs or selection_input(evidence)
        _compare(stored, _selector(stored.selector).select(inputs))
        agreed.append(stored.selector)
    variants: tuple[str, ...] = ()
    if inputs is not None:
        variants = recheck_environments(evidence, inputs, agreed)
    return Derived(agreed=tuple(agreed), untold=untold, variants=variants)


def _selector(name: str) -> Selector:
    selector: Selector = catalog.load("selector", name)
    return selector


def _not_again(evidence: Evidence, stored: Selection) -> str | None:
    """Why a selection cannot be made again here, or None."""
    name, settings = stored.selector, evidence.settings
    if name not in catalog.names("selector"):
        return "this installation does not have it"
    selector = _selector(name)
    if stored.version > selector.version:
        _refuse(
            f"selected by {name} version {stored.version}, which this installation does not know",
            remedy="check it with the Gatekeeper version that wrote it, or a newer one",
        )
    if selector.measures:
        if stored.phi is not None or stored.error_bound is not None or stored.sensitivity:
            _refuse(f"{name} tells of resamples, which it does not draw")
        return _MEASURED
    if settings.resamples == 0 or evidence.profile is None:
        return _OLDER + "bundle"
    if stored.version < selector.version:
        return f"{_OLDER}version {stored.version}, this installation has {selector.version}"
    if settings.resamples * len(evidence.profile.prompt_ids) > MOST_DRAWS:
        return f"{settings.resamples} resamples are too many to draw again"
    return None


def selection_input(evidence: Evidence) -> SelectionInput:
    """The input that the audit gave to its selectors; of evidence with a profile, of one fold.

    Raises:
        EvidenceError: profile and settings are such as no audit selects by.
    """
    profile, settings = evidence.profile, evidence.settings
    assert profile is not None  # noqa: S101 - no bundle is without
    by_id = {p.id: p for p in evidence.suite.prompts}
    wanted = [p.id for p in by_id.values() if p.split == "selection" and p.skipped is None]
    if sorted(profile.prompt_ids) != sorted(wanted):
        _refuse("the routing profile is not one of the selection split")
    if settings.size < 1 or settings.seed < 0 or not profile.sites or not _attributed(profile):
        _refuse("no audit selects by such settings and such a routing profile")
    # Of these prompts alone, as in the audit: others join nothing here.
    prompts = [by_id[i] for i in profile.prompt_ids]
    clusters = evidence_clusters(prompts)
    return SelectionInput(
        profile=profile,
        sets=np.array([p.set for p in prompts], dtype=np.str_),
        seeds=np.array([clusters[p.id] for p in prompts], dtype=np.str_),
        size=settings.size,
        resamples=settings.resamples,
        seed=settings.seed,
        window=settings.window,
        parts=parts_of(prompts),
    )


def _attributed(profile: ActivationProfile) -> bool:
    """Whether there is no attribution, or one of numbers in the shape of the profile."""
    array = profile.attribution
    shape = (len(profile.prompt_ids), len(profile.sites), max(s.experts for s in profile.sites))
    return array is None or (np.issubdtype(array.dtype, np.floating) and array.shape == shape)


def _compare(stored: Selection, derived: Selection | str) -> None:
    """Compares rankings exactly, and numbers to the last few bits.

    Sums over resamples are exact (`analysis.resampling`), so that no machine ranks otherwise.

    Raises:
        EvidenceError: they differ.
    """
    name = excerpt(stored.selector)
    if isinstance(derived, str):
        _refuse(f"the ranking of {name} does not follow from the routing profile: {derived}")
    ours, theirs = _plain(derived), _plain(stored)
    for key, called in _OF_EXPERTS.items():
        columns = ([ranked[key] for ranked in side["ranked"]] for side in (theirs, ours))
        if not same_data(*columns):
            _refuse(f"{called} of {name} does not follow from the routing profile")
    for key, called in _OF_SELECTION.items():
        if not same_data(theirs[key], ours[key]):
            _refuse(f"{called} of {name} does not follow from the routing profile")
    if _NUMBER.findall(" ".join(stored.notes)) != _NUMBER.findall(" ".join(derived.notes)):
        _refuse(f"the notes of {name} tell other numbers than follow from the routing profile")


def _plain(selection: Selection) -> dict[str, Any]:
    # Through JSON, so that a number is the same number however it was written.
    plain: dict[str, Any] = json.loads(json.dumps(selection_to_json(selection)))
    return plain


def _refuse(message: str, remedy: str | None = None) -> NoReturn:
    raise EvidenceError(
        message,
        where="evidence",
        remedy=remedy or "do not trust this bundle; get it again from where the audit wrote it",
    )
