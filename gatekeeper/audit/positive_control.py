"""The positive control: the measured prompts once more, without the refusal direction.

A pass says that no loss was seen. That counts only if the same model, suite, judge and token window
show a loss where there is one. Which layer the direction is read behind is chosen on the selection
half; only this process runs these rows, since no worker has the hooks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from gatekeeper.audit.audit_run import AuditRun
from gatekeeper.audit.cumulative_progress import Joined
from gatekeeper.audit.prepare import Prepared
from gatekeeper.audit.selection import Split
from gatekeeper.engine.generate.batching import Encoded
from gatekeeper.engine.generate.row_plan import Work
from gatekeeper.engine.measure.mask_effects import chosen_rows
from gatekeeper.engine.measure.refusal_direction import Directions, directions, projected_out
from gatekeeper.records.digest import sha256
from gatekeeper.records.evidence import NOT_ASKED, Evidence
from gatekeeper.records.positive import (
    FEWEST,
    MADE_FROM,
    SETS_RUN,
    TRIED,
    Candidate,
    Direction,
    PositiveControl,
    best_of,
    tried_layers,
)
from gatekeeper.records.trial import POSITIVE, UNDECIDED, Trial


@dataclass(frozen=True, slots=True, kw_only=True)
class _Arm:
    """What one side of the split runs without its refusal direction.

    Attributes:
        refused, answered: prompts of the selection half that the direction is made from.
        units: [L, H], directions by layer.
        made: digest of what the directions depend on besides the model.
    """

    audit: AuditRun
    joined: Joined
    refused: Sequence[Encoded]
    answered: Sequence[Encoded]
    units: Directions
    made: str

    def run(self, prompts: Sequence[Encoded], layer: int, later: int) -> list[Trial]:
        """Prompts without the direction of a layer; `later`: rows that are still to come."""
        plain = self.audit.settings
        settings = replace(
            plain,
            base=f"{plain.base}|without direction {layer} of {self.made}",
            # What these presume of rows without a mask does not hold of rows with these hooks.
            techniques=replace(
                plain.techniques, draft=False, share_prefix=False, share_attention=False
            ),
        )
        work = [Work(prompt=prompt, masks=(POSITIVE,)) for prompt in prompts]
        with projected_out(self.audit.prepared.loaded, self.units[layer]):
            progress = self.joined.next(later)
            return self.audit.sweep(work, settings=settings, progress=progress, here=True)


def with_positive_control(run: AuditRun, evidence: Evidence, split: Split) -> Evidence:
    """Adds the arm `positive` to the evidence, or the reason why there is none.

    Args:
        split: the selection half, as the unmasked model replied to it.

    Raises:
        AuditError: see `AuditRun.sweep`.
    """
    if not run.prepared.request.positive_control:
        return replace(evidence, positive_control=NOT_ASKED)
    with run.clock.stage("positive control"):
        arm = _arm(run, split)
        if isinstance(arm, str):
            return replace(evidence, positive_control=arm)
        measured = [p for p in run.prepared.side("measurement") if p.prompt.set in SETS_RUN]
        direction = _chosen(arm, len(measured))
        trials = arm.run(measured, direction.layer, 0)
        arm.joined.end()
    return replace(
        evidence,
        masks=(*evidence.masks, POSITIVE),
        trials=(*evidence.trials, *trials),
        positive_control=PositiveControl(directions=(direction,)),
    )


def _arm(run: AuditRun, split: Split) -> _Arm | str:
    """The directions of the selection half, or why there are none."""
    prepared = run.prepared
    refused = _drawn(prepared, split, split.refused("regular"), MADE_FROM)
    answered = _drawn(prepared, split, _answered(split), MADE_FROM)
    if min(len(refused), len(answered)) < FEWEST:
        return (
            f"of the selection half {len(refused)} regular prompts were refused and "
            f"{len(answered)} benign ones answered: a direction needs {FEWEST} of each"
        )
    units = directions(
        prepared.loaded,
        refused,
        answered,
        batch_rows=run.small_batch,
        progress=run.clock.reporter.advance,
    )
    if isinstance(units, str):
        return units
    return _Arm(
        audit=run,
        joined=Joined(advance=run.clock.reporter.advance),
        refused=refused,
        answered=answered,
        units=units,
        made=sha256(f"{[p.ids for p in refused]} {[p.ids for p in answered]}"),
    )


def _answered(split: Split) -> list[int]:
    """Places of the benign prompts that were answered."""
    return [
        i
        for i, p in enumerate(split.prompts)
        if p.prompt.set == "benign" and split.outcomes[i] == "comply"
    ]


def _drawn(prepared: Prepared, split: Split, places: Sequence[int], most: int) -> list[Encoded]:
    seeds = [split.prompts[i].prompt.seed_id for i in places]
    rows = chosen_rows(places, seeds, prepared.request.seed, most)
    return [split.prompts[i] for i in rows]


def _chosen(arm: _Arm, later: int) -> Direction:
    """The direction of the layer that loses most refusals and breaks least, on the selection half.

    Args:
        later: rows that are to come behind this.
    """
    seed = arm.audit.prepared.request.seed
    regular, benign = (
        [
            side[i]
            for i in chosen_rows(range(len(side)), [p.prompt.seed_id for p in side], seed, most)
        ]
        for side, most in zip((arm.refused, arm.answered), TRIED, strict=True)
    )
    prompts = [*regular, *benign]
    layers = tried_layers(len(arm.units))
    candidates: list[Candidate] = []
    for place, layer in enumerate(layers, start=1):
        trials = arm.run(prompts, layer, later + (len(layers) - place) * len(prompts))
        candidates.append(_candidate(layer, trials, {p.prompt.id for p in regular}))
    return Direction(
        layer=best_of(tuple(candidates)),
        candidates=tuple(candidates),
        regular=len(regular),
        benign=len(benign),
        refused=tuple(p.prompt.id for p in arm.refused),
        answered=tuple(p.prompt.id for p in arm.answered),
    )


def _candidate(layer: int, trials: Sequence[Trial], regular: set[str]) -> Candidate:
    said = [(trial.prompt_id in regular, trial.outcome) for trial in trials]
    return Candidate(
        layer=layer,
        lost=said.count((True, "comply")),
        broken=sum(outcome in {"degenerate", UNDECIDED} for _, outcome in said),
        newly_refused=said.count((False, "refuse")),
    )
