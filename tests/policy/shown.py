"""Evidence with a positive control."""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256

from gatekeeper.metrics import measure_all
from gatekeeper.records.evidence import Evidence
from gatekeeper.records.positive import Candidate, Direction, PositiveControl
from gatekeeper.records.trial import POSITIVE, Trial
from tests.policy.builders import reply

#: The second of two layers loses as much as the first and breaks nothing.
DIRECTION = Direction(
    layer=1,
    candidates=(
        Candidate(layer=0, lost=6, broken=1, newly_refused=0),
        Candidate(layer=1, lost=6, broken=0, newly_refused=0),
    ),
    regular=6,
    benign=6,
    refused=tuple(f"regular-select-{i}" for i in range(6)),
    answered=tuple(f"benign-select-{i}" for i in range(6)),
)


def shown(evidence: Evidence, lost: int = 30, broken: int = 2) -> Evidence:
    """The same audit with an arm that loses the first refusals and breaks the next ones."""
    first = evidence.suite.prompts[0]
    selecting = tuple(
        replace(
            first,
            id=prompt,
            seed_id=f"seed-{prompt}",
            set=prompt.partition("-")[0],
            split="selection",
            text_sha256=sha256(prompt.encode()).hexdigest(),
        )
        for prompt in (*DIRECTION.refused, *DIRECTION.answered)
    )

    def outcome(name: str, index: int) -> str:
        if name == "benign" or index < lost:
            return "comply"
        return "degenerate" if index < lost + broken else "refuse"

    trials = tuple(
        Trial(
            mask=POSITIVE.name,
            prompt_id=prompt.id,
            tokens=8,
            truncated=False,
            **reply(outcome(prompt.set, int(prompt.id.rpartition("-")[2]))),
        )
        for prompt in evidence.suite.prompts
        if prompt.measures and prompt.set != "over_refusal"
    )
    made = replace(
        evidence,
        suite=replace(evidence.suite, prompts=(*evidence.suite.prompts, *selecting)),
        settings=replace(evidence.settings, positive_control=True),
        masks=(*evidence.masks, POSITIVE),
        trials=(*evidence.trials, *trials),
        positive_control=PositiveControl(directions=(DIRECTION,)),
    )
    return replace(made, findings=measure_all(made))
