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
class _Asked:
    """What every part needs.

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
    asked = _Asked(
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
    asked.groups.update(_groups(selections, asked))
    fixed = _fixed_probe(asked)
    if isinstance(fixed, str):
        return fixed
    return _roles(asked, selections, measure, fixed, np.array(refusal_seeds, dtype=np.str_))


def _fixed_probe(asked: _Asked) -> Probe | str:
    """The probe that detection is measured with, or why nothing can be measured with it."""
    made = asked.probe(asked.stream())
    if isinstance(made, Probe) and made.interval.low <= 0.5 + by_cause.DETECTION_MARGIN:
        return (
            "a probe of the residual stream does not tell harmful from benign prompts "
            f"(AUROC {made.auroc:.2f}): no detection could be lost"
        )
    return made


def _roles(
    asked: _Asked,
    selections: Sequence[Selection],
    measure: MeasuredEffect,
    fixed: Probe,
    refusal_seeds: npt.NDArray[np.str_],
) -> Roles:
    masks = [*((expert,) for expert in asked.chosen), *asked.groups.values()]
    refusal = measure(masks)
    basis = by_cause.basis(asked.labels, fixed.scores, asked.seeds, refusal_seeds, seed=asked.seed)
    found: list[by_cause.Losses] = []
    refitted: list[str] = []
    names = [*(None for _ in asked.chosen), *asked.groups]
    for name, mask, lost in zip(names, masks, refusal, strict=True):
        stream = asked.stream(mask)
        found.append(by_cause.losses(basis, transfer(fixed, stream), lost))
        if name is not None:
            refitted += _refitted(name, asked.probe(stream))
    own, random, notes = _own_probes(asked)
    sets = by_cause.by_sets(selections, asked.chosen)
    experts = tuple(
        by_cause.expert_role(expert, one, sets[expert], own.get(expert))
        for expert, one in zip(asked.chosen, found, strict=False)
    )
    groups = tuple(
        by_cause.group_role(name, members, one)
        for (name, members), one in zip(
            asked.groups.items(), found[len(asked.chosen) :], strict=True
        )
    )
    words = asked.probe(bag_of_words([p.ids for p in asked.prompts]))
    return Roles(
        experts=experts,
        groups=groups,
        controls=(*random, _fact("residual stream", fixed), *_facts("bag of words", words)),
        n=fixed.n,
        clusters=fixed.clusters,
        notes=(*_premises(asked, len(refusal_seeds), len(set(refusal_seeds))), *refitted, *notes),
    )


def _own_probes(
    asked: _Asked,
) -> tuple[dict[ExpertId, ProbeFact], list[ProbeFact], list[str]]:
    """Probes on the experts' own outputs: of the chosen, of the random ones; and notes."""
    everyone = (*asked.chosen, *asked.random)
    given = expert_features(asked.loaded, asked.prompts, everyone, batch_rows=asked.batch_rows)
    if isinstance(given, str):
        return {}, [], [f"Experts were not probed: {given}."]
    own: dict[ExpertId, ProbeFact] = {}
    random: list[ProbeFact] = []
    for column, expert in enumerate(everyone):
        made = asked.probe(given.outputs[:, column])
        if isinstance(made, str):
            continue
        if expert in asked.chosen:
            own[expert] = _fact(f"expert {expert.layer}.{expert.expert}", made)
        else:
            random.append(_fact(f"random expert {expert.layer}.{expert.expert}", made))
    return own, random, []


def _refitted(name: str, again: Probe | str) -> list[str]:
    """Whether harm can still be read at all under a group's mask, if not by the fixed probe."""
    if isinstance(again, str):
        return []
    return [
        f"With {name!r} masked, a probe fitted anew has an AUROC of {again.auroc:.2f} "
        f"({again.interval.low:.2f} to {again.interval.high:.2f})."
    ]


def _groups(selections: Sequence[Selection], asked: _Asked) -> dict[str, tuple[ExpertId, ...]]:
    sets = by_cause.by_sets(selections, asked.chosen)
    groups = {
        f"{name} by sets": tuple(e for e in asked.chosen if name in sets[e])
        for name in ("HCDG", "HRCG")
    }
    groups["all selected"] = asked.chosen
    groups["random experts"] = asked.random
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


def _premises(asked: _Asked, refused: int, seeds: int) -> list[str]:
    """What a reader must know."""
    notes = [
        "Detection is the AUROC of one probe, fitted on the unmasked model, on what the head reads "
        "at the last prompt token; it is held fixed under masks. That state holds the response "
        "too: a loss there does not show that harm is seen nowhere.",
        f"Refusal is measured on {refused} refused prompts of {seeds} seeds, in log-odds of the "
        "first reply token.",
        "The experts were selected on the same prompts, and no role is corrected for the number of "
        "experts looked at.",
    ]
    if len(asked.random) < len(asked.chosen):
        notes.append(f"The model has only {len(asked.random)} other experts to compare with.")
    mixed = set(asked.topics[asked.labels]) & set(asked.topics[~asked.labels])
    if mixed != set(asked.topics):
        notes.append(
            "Some topics have harmful or benign prompts only: a probe may tell topics there."
        )
    return notes


def _facts(name: str, made: Probe | str) -> tuple[ProbeFact, ...]:
    return () if isinstance(made, str) else (_fact(name, made),)


def _fact(name: str, made: Probe) -> ProbeFact:
    return ProbeFact(
        name=name, auroc=made.auroc, interval=made.interval, n=made.n, clusters=made.clusters
    )
