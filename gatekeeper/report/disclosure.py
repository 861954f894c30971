"""The one place where a disclosure level takes data away.

What leaves `disclose` is all that the rest of the report can see, so no template or format can
show what its level forbids.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from gatekeeper.analysis.folds import views
from gatekeeper.analysis.matching import Match, match
from gatekeeper.analysis.overlap import Overlap, between, standing
from gatekeeper.analysis.stability import reportable
from gatekeeper.records.bundle_files import EVIDENCE
from gatekeeper.records.evidence import Evidence, SelfTestCheck
from gatekeeper.records.model import ExpertId
from gatekeeper.records.positive import Candidate, Direction, PositiveControl
from gatekeeper.records.selection import Phi, Selection
from gatekeeper.records.trials import without_replies
from gatekeeper.report.environment_facts import EnvironmentRow, environment_rows
from gatekeeper.report.role_facts import RoleFacts, role_facts


class Disclosure(StrEnum):
    """Who may read a report.

    `public`: verdict and aggregates. `committee`: also how stably safety sits in which layers, no
    single expert named. `restricted`: everything, expert ids and replies included.
    """

    PUBLIC = "public"
    COMMITTEE = "committee"
    RESTRICTED = "restricted"


#: Files of a bundle that name experts: attached to a restricted report only. The manifest holds
#: their digests, so a reader who is handed them can still check that they belong to the report.
_RESTRICTED_FILES = frozenset({EVIDENCE})


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerStability:
    """One MoE layer of a stability map.

    Attributes:
        layer: decoder layer, from 0.
        probabilities: π̂ of each routed expert; in order of expert id at the restricted level,
            else sorted from high to low so that a position identifies no expert.
        stable: whether each is at or above the selector's threshold, in the same order.
        ids: expert ids in the same order; empty below the restricted level.
    """

    layer: int
    probabilities: tuple[float, ...]
    stable: tuple[bool, ...]
    ids: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SelectorFacts:
    """What may be said of one selector's outcome.

    Attributes:
        layers: the map; empty at the public level.
        stable, stable_layers: number of stable experts, and of the layers they lie in.
        groups: stable experts per group (`HCDG`, `HRCG`).
        phi: stability over resamples; None where it is not defined, or of too few to be told.
        standing: overlap with the experts that are always on.
        shared: overlap with the rankings of other selectors, by name.
        selection: the full ranking; None below the restricted level.
        fold: under cross-fitting, the fold whose prompts selected; else 0.
    """

    selector: str
    version: int
    window: str
    size: int
    resamples: int
    threshold: float
    error_bound: float | None
    prompts: Mapping[str, int]
    notes: tuple[str, ...]
    stable: int
    stable_layers: int
    borderline: int
    groups: Mapping[str, int]
    phi: Phi | None
    standing: Overlap | None
    shared: Mapping[str, Overlap]
    layers: tuple[LayerStability, ...]
    selection: Selection | None
    fold: int = 0

    @property
    def name(self) -> str:
        """The selector, and under cross-fitting its fold."""
        return f"{self.selector} ({self.fold})" if self.fold else self.selector


@dataclass(frozen=True, slots=True, kw_only=True)
class Disclosed:
    """Evidence as far as a level shows it.

    Attributes:
        evidence: without expert ids, routing counts, replies and details of the self-test, unless
            the level is `restricted`.
        matches: how busy random masks are beside each selected one; they name no expert.
    """

    level: Disclosure
    evidence: Evidence
    selectors: tuple[SelectorFacts, ...]
    roles: RoleFacts | None
    environments: tuple[EnvironmentRow, ...]
    matches: tuple[Match, ...]


def disclose(evidence: Evidence, level: Disclosure) -> Disclosed:
    """Take away what `level` may not show."""
    selectors = tuple(
        replace(_selector_facts(view, s, level), fold=fold if len(views(evidence)) > 1 else 0)
        for fold, view in enumerate(views(evidence), start=1)
        for s in view.selections
    )
    roles = role_facts(evidence.roles)
    matches = _matches(evidence)
    # How stably safety sits is not for the public.
    environments = () if level is Disclosure.PUBLIC else environment_rows(evidence)
    if level is not Disclosure.RESTRICTED:
        evidence = redacted(evidence)
    return Disclosed(
        level=level,
        evidence=evidence,
        selectors=selectors,
        roles=roles,
        environments=environments,
        matches=matches,
    )


def redacted(evidence: Evidence) -> Evidence:
    """The evidence without what only the restricted level shows."""
    return replace(
        evidence,
        profile=None,
        roles=None,
        environments=(),
        changes=(),
        usefulness=(),
        selections=(),
        masks=tuple(replace(mask, experts=()) for mask in evidence.masks),
        trials=without_replies(evidence.trials),
        positive_control=_unplaced(evidence.positive_control),
        # A check may say on which expert it was made.
        self_test=tuple(
            SelfTestCheck(name=c.name, passed=c.passed, detail="") for c in evidence.self_test
        ),
    )


#: In place of where a refusal direction came from.
_NOWHERE = Direction(
    layer=0,
    candidates=(Candidate(layer=0, lost=0, broken=0, newly_refused=0),),
    regular=1,
    benign=1,
    refused=("-",),
    answered=("-",),
)


def _unplaced(control: PositiveControl | str | None) -> PositiveControl | str | None:
    """The positive control without the layers that tell how to undo the model's refusals."""
    if not isinstance(control, PositiveControl):
        return control
    return PositiveControl(
        directions=tuple(replace(_NOWHERE, fold=direction.fold) for direction in control.directions)
    )


def _matches(evidence: Evidence) -> tuple[Match, ...]:
    """How near random masks come to the selected ones, where that is known."""
    matches = (
        match(evidence, selector, k)
        for selector in sorted(evidence.settings.selectors)
        for k in sorted(evidence.settings.ks)
    )
    return tuple(m for m in matches if m is not None)


def permitted_attachments(
    attachments: Mapping[str, bytes], level: Disclosure
) -> Mapping[str, bytes]:
    """The files that may travel inside a report of this level."""
    if level is Disclosure.RESTRICTED:
        return dict(attachments)
    return {n: data for n, data in attachments.items() if n not in _RESTRICTED_FILES}


def _selector_facts(evidence: Evidence, selection: Selection, level: Disclosure) -> SelectorFacts:
    stable = selection.stable
    public = level is Disclosure.PUBLIC
    return SelectorFacts(
        selector=selection.selector,
        version=selection.version,
        window=selection.window,
        size=selection.size,
        resamples=selection.resamples,
        threshold=selection.threshold,
        error_bound=selection.error_bound,
        prompts=selection.prompts,
        notes=() if public else selection.notes,
        stable=len(stable),
        stable_layers=len({ranked.expert.layer for ranked in stable}),
        borderline=sum(ranked.borderline for ranked in selection.ranked),
        groups={
            group: sum(group in ranked.groups for ranked in stable) for group in ("HCDG", "HRCG")
        },
        phi=reportable(selection.phi),
        standing=standing(evidence, selection),
        shared={
            other.selector: between(selection, other)
            for other in evidence.selections
            if other.selector != selection.selector
        },
        layers=() if public else _layers(evidence, selection, level),
        selection=selection if level is Disclosure.RESTRICTED else None,
    )


def _layers(
    evidence: Evidence, selection: Selection, level: Disclosure
) -> tuple[LayerStability, ...]:
    probability = {ranked.expert: ranked.probability for ranked in selection.ranked}
    rows = []
    for site in evidence.model.sites:
        values = [(probability.get(ExpertId(site.layer, e), 0.0), e) for e in range(site.experts)]
        if level is not Disclosure.RESTRICTED:
            values.sort(reverse=True)
        rows.append(
            LayerStability(
                layer=site.layer,
                probabilities=tuple(value for value, _ in values),
                stable=tuple(value >= selection.threshold for value, _ in values),
                ids=tuple(e for _, e in values) if level is Disclosure.RESTRICTED else (),
            )
        )
    return tuple(rows)
