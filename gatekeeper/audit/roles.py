"""Which of the experts selected first detect harm, and which control the response."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gatekeeper.analysis import roles as by_cause
from gatekeeper.analysis.probing import Probe, bag_of_words, probe, transfer
from gatekeeper.analysis.ranking import MINIMUM_SEEDS, in_turn
from gatekeeper.engine.generate.batching import Encoded
from gatekeeper.engine.measure.features import expert_features, residual_features
from gatekeeper.engine.measure.mask_effects import MeasuredEffect
from gatekeeper.engine.model.load import LoadedModel
from gatekeeper.records.model import ExpertId
from gatekeeper.records.profile import ActivationProfile
from gatekeeper.records.role import ProbeFact, Roles
from gatekeeper.records.selection import Selection
from gatekeeper.records.suite import HARMFUL_SETS
from gatekeeper.records.trial import bare_mask


@dataclass(frozen=True, slots=True, kw_only=True)
class _Study:
    """The prompts, labels and experts that all measurements of roles share.

    Attributes:
        chosen: the selected experts; `random`: those they are held against.
        groups: further sets to mask, by name.
    """

    loaded: LoadedModel
    prompts: Sequence[Encoded]
    labels: npt.NDArray[np.bool_]
    topics: npt.NDArray[np.str_]
    seeds: npt.NDArray[np.str_]
    chosen: tuple[ExpertId, ...]
    random: tuple[ExpertId, ...]
    groups: dict[str, tuple[ExpertId, ...]]
    batch_rows: int
    seed: int

    def probe(self, features: npt.NDArray[np.floating]) -> Probe | str:
        return probe(features, self.labels, self.topics, self.seeds, seed=self.seed)

    def stream(self, experts: Sequence[ExpertId] = ()) -> npt.NDArray[np.float32]:
        """What the head reads at the last prompt token, with these experts masked: [P, H]."""
        mask = bare_mask(experts) if experts else None
        return residual_features(
            self.loaded, self.prompts, mask, layer=None, batch_rows=self.batch_rows
        )


def find_roles(
    loaded: LoadedModel,
    prompts: Sequence[Encoded],
    topics: Sequence[str],
    seeds: Sequence[str],
    selections: Sequence[Selection],
    measure: MeasuredEffect,
    profile: ActivationProfile,
    *,
    most: int = 8,
    batch_rows: int,
    seed: int,
) -> Roles | str:
    """Roles of the experts that the selections put first, in turn.

    Args:
        prompts: regular and benign prompts of the selection split.
        topics, seeds: of each prompt; seeds are clusters, as in `analysis.clusters`.
        measure: refusal log-odds lost under masks, on refused prompts among these.
        profile: of the selection split, to find experts of like activity.
        most: experts that are looked at.

    Returns:
        A string with the reason where no roles can be told.

    Raises:
        AuditError: the device's memory does not hold a single row.
    """
    cluster = {p.prompt.id: s for p, s in zip(prompts, seeds, strict=True)}
    refusal_seeds = [cluster.get(p.prompt.id, p.prompt.seed_id) for p in measure.prompts]
    if len(set(refusal_seeds)) < MINIMUM_SEEDS:
        return (
            f"refusal can be measured on {len(set(refusal_seeds))} seeds only; "
            f"{MINIMUM_SEEDS} are needed. {measure.note}".rstrip()
        )
    chosen = in_turn(selections, most)
    if not chosen:
        return "no selector found an expert"
    study = _Study(
        loaded=loaded,
        prompts=prompts,
        labels=np.array([p.prompt.set in HARMFUL_SETS for p in prompts], dtype=np.bool_),
        topics=np.array(topics, dtype=np.str_),
        seeds=np.array(seeds, dtype=np.str_),
        chosen=chosen,
        random=_random(prompts, selections, profile, chosen, most, seed),
        groups={},
        batch_rows=batch_rows,
        seed=seed,
    )
    study.groups.update(_groups(selections, study))
    fixed = _fixed_probe(study)
    if isinstance(fixed, str):
        return fixed
    return _roles(study, selections, measure, fixed, np.array(refusal_seeds, dtype=np.str_))


def _fixed_probe(study: _Study) -> Probe | str:
    """The probe that detection is measured with, or why nothing can be measured with it."""
    fit = study.probe(study.stream())
    if isinstance(fit, Probe) and fit.interval.low <= 0.5 + by_cause.DETECTION_MARGIN:
        return (
            "a probe of the residual stream does not tell harmful from benign prompts "
            f"(AUROC {fit.auroc:.2f}): no detection could be lost"
        )
    return fit


def _roles(
    study: _Study,
    selections: Sequence[Selection],
    measure: MeasuredEffect,
    fixed: Probe,
    refusal_seeds: npt.NDArray[np.str_],
) -> Roles:
    masks = [*((expert,) for expert in study.chosen), *study.groups.values()]
    refusal = measure(masks)
    basis = by_cause.basis(study.labels, fixed.scores, study.seeds, refusal_seeds, seed=study.seed)
    losses: list[by_cause.Losses] = []
    refitted: list[str] = []
    names = [*(None for _ in study.chosen), *study.groups]
    for name, mask, lost in zip(names, masks, refusal, strict=True):
        stream = study.stream(mask)
        losses.append(by_cause.losses(basis, transfer(fixed, stream), lost))
        if name is not None:
            refitted += _refitted(name, study.probe(stream))
    by_expert, random, notes = _own_probes(study)
    sets = by_cause.by_sets(selections, study.chosen)
    experts = tuple(
        by_cause.expert_role(expert, loss, sets[expert], by_expert.get(expert))
        for expert, loss in zip(study.chosen, losses, strict=False)
    )
    groups = tuple(
        by_cause.group_role(name, members, loss)
        for (name, members), loss in zip(
            study.groups.items(), losses[len(study.chosen) :], strict=True
        )
    )
    words = study.probe(bag_of_words([p.ids for p in study.prompts]))
    return Roles(
        experts=experts,
        groups=groups,
        controls=(*random, _fact("residual stream", fixed), *_facts("bag of words", words)),
        n=fixed.n,
        clusters=fixed.clusters,
        notes=(*_premises(study, len(refusal_seeds), len(set(refusal_seeds))), *refitted, *notes),
    )


def _own_probes(
    study: _Study,
) -> tuple[dict[ExpertId, ProbeFact], list[ProbeFact], list[str]]:
    """Probes on the experts' own outputs: of the chosen, of the random ones; and notes."""
    everyone = (*study.chosen, *study.random)
    features = expert_features(study.loaded, study.prompts, everyone, batch_rows=study.batch_rows)
    if isinstance(features, str):
        return {}, [], [f"Experts were not probed: {features}."]
    by_expert: dict[ExpertId, ProbeFact] = {}
    random: list[ProbeFact] = []
    for column, expert in enumerate(everyone):
        fit = study.probe(features.outputs[:, column])
        if isinstance(fit, str):
            continue
        if expert in study.chosen:
            by_expert[expert] = _fact(f"expert {expert.layer}.{expert.expert}", fit)
        else:
            random.append(_fact(f"random expert {expert.layer}.{expert.expert}", fit))
    return by_expert, random, []


def _refitted(name: str, again: Probe | str) -> list[str]:
    """Whether harm can still be read at all under a group's mask, if not by the fixed probe."""
    if isinstance(again, str):
        return []
    return [
        f"With {name!r} masked, a probe fitted anew has an AUROC of {again.auroc:.2f} "
        f"({again.interval.low:.2f} to {again.interval.high:.2f})."
    ]


def _groups(selections: Sequence[Selection], study: _Study) -> dict[str, tuple[ExpertId, ...]]:
    sets = by_cause.by_sets(selections, study.chosen)
    groups = {
        f"{name} by sets": tuple(e for e in study.chosen if name in sets[e])
        for name in ("HCDG", "HRCG")
    }
    groups["all selected"] = study.chosen
    groups["random experts"] = study.random
    return {name: members for name, members in groups.items() if members}


def _random(
    prompts: Sequence[Encoded],
    selections: Sequence[Selection],
    profile: ActivationProfile,
    chosen: Sequence[ExpertId],
    most: int,
    seed: int,
) -> tuple[ExpertId, ...]:
    """Experts of like activity on regular prompts that no selection put among its first."""
    regular = {p.prompt.id for p in prompts if p.prompt.set == "regular"}
    rows = np.flatnonzero([i in regular for i in profile.prompt_ids])
    if len(rows) == 0:
        return ()
    first = {ranked.expert for s in selections for ranked in s.ranked[:most]}
    frequency = profile.frequency("prompt", rows).mean(axis=0)
    return by_cause.matched_experts(
        chosen, frequency, profile.sites, lambda expert: expert in first, seed=seed
    )


def _premises(study: _Study, refused: int, seeds: int) -> list[str]:
    """Premises of the roles that a reader must know."""
    notes = [
        "Detection is the AUROC of one probe, fitted on the unmasked model, on what the head reads "
        "at the last prompt token; it is held fixed under masks. That state holds the response "
        "too: a loss there does not show that harm is seen nowhere.",
        f"Refusal is measured on {refused} refused prompts of {seeds} seeds, in log-odds of the "
        "first reply token.",
        "The experts were selected on the same prompts, and no role is corrected for the number of "
        "experts looked at.",
    ]
    if len(study.random) < len(study.chosen):
        notes.append(f"The model has only {len(study.random)} other experts to compare with.")
    mixed = set(study.topics[study.labels]) & set(study.topics[~study.labels])
    if mixed != set(study.topics):
        notes.append(
            "Some topics have harmful or benign prompts only: a probe may tell topics there."
        )
    return notes


def _facts(name: str, fit: Probe | str) -> tuple[ProbeFact, ...]:
    return () if isinstance(fit, str) else (_fact(name, fit),)


def _fact(name: str, fit: Probe) -> ProbeFact:
    return ProbeFact(
        name=name, auroc=fit.auroc, interval=fit.interval, n=fit.n, clusters=fit.clusters
    )
