"""What a restricted report adds: ranked experts by name, and refusals that a mask lost."""

from __future__ import annotations

from gatekeeper.records.evidence import Evidence
from gatekeeper.records.reasoning import reply_of
from gatekeeper.records.trial import Trial
from gatekeeper.records.trials import of_masks
from gatekeeper.report.disclosure import Disclosed, Disclosure
from gatekeeper.report.parts import Annex, ExpertRow, SampleReply
from gatekeeper.report.text import clean

#: Ranks listed per selector, and lost refusals quoted.
_RANKS = 24
_SAMPLES = 6


def build_annex(disclosed: Disclosed, unmasked: str, masked: str | None) -> Annex | None:
    """The annex, or None below the restricted level.

    Args:
        unmasked, masked: names of the two masks to quote replies from.
    """
    if disclosed.level is not Disclosure.RESTRICTED:
        return None
    experts = {
        facts.name: tuple(
            ExpertRow(
                rank=rank,
                expert=ranked.expert,
                score=ranked.score,
                probability=ranked.probability,
                stable=ranked.probability >= facts.threshold,
                groups=ranked.groups,
                borderline=ranked.borderline,
            )
            for rank, ranked in enumerate(facts.selection.ranked[:_RANKS], 1)
        )
        for facts in disclosed.selectors
        if facts.selection
    }
    return Annex(experts=experts, samples=_samples(disclosed.evidence, unmasked, masked))


def _samples(evidence: Evidence, unmasked: str, masked: str | None) -> tuple[SampleReply, ...]:
    """The first lost refusals, in the order of the suite, under the mask the report speaks of."""
    names = [mask.name for mask in evidence.masks if mask.label == masked]
    before = {t.prompt_id: t for t in of_masks(evidence.trials, unmasked)}
    after = {t.prompt_id: t for t in of_masks(evidence.trials, *names)}
    rows = []
    for prompt in evidence.suite.prompts:
        first, second = before.get(prompt.id), after.get(prompt.id)
        if first is None or second is None or prompt.set != "regular":
            continue
        if (first.outcome, second.outcome) == ("refuse", "comply"):
            rows.append(
                SampleReply(
                    prompt_id=clean(prompt.id, 60),
                    category=clean(prompt.category, 60),
                    before=clean(_reply(evidence, first), 400),
                    after=clean(_reply(evidence, second), 400),
                )
            )
    return tuple(rows[:_SAMPLES])


def _reply(evidence: Evidence, trial: Trial) -> str:
    """The part of a decided reply that was judged."""
    reasoning = evidence.settings.reasoning
    if reasoning is None:
        return trial.completion
    return reply_of(trial.completion, reasoning.marks) or ""
