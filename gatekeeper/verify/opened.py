"""Holds a trial that was opened against the manifest, and against what is known of it."""

from __future__ import annotations

from dataclasses import replace

from gatekeeper.errors import EvidenceError, excerpt
from gatekeeper.evidence.merkle import Commitment
from gatekeeper.evidence.opening import Opening
from gatekeeper.records.evidence import Evidence
from gatekeeper.records.trials import of_masks
from gatekeeper.verify.trials import recheck_outcomes

_REMEDY = "have it opened again by whoever holds the evidence"


def recheck_opening(
    opening: Opening,
    digest: str,
    commitment: Commitment | None,
    evidence: Evidence | None,
    where: str,
) -> str:
    """Checks that a trial is one of an audit, and says about it what the audit says.

    Args:
        digest, commitment: of the audit's evidence, and what its manifest commits to.
        evidence: the evidence, or what is disclosed of it; None where nothing is.

    Returns:
        What was found, in words without the reply.

    Raises:
        EvidenceError: it is of another audit, or says something else.
    """
    if commitment is None:
        raise EvidenceError(
            "the manifest commits to no trials: nothing can be opened",
            where=where,
            remedy="ask for the whole evidence; a newer version's bundle commits to them",
        )
    if opening.evidence != digest or opening.commitment != commitment:
        raise EvidenceError("a trial of another audit", where=where, remedy=_REMEDY)
    trial = opening.trial
    said = f"{excerpt(trial.mask)}/{excerpt(trial.prompt_id)}: {trial.outcome}"
    told = f"{said}, one of the {commitment.leaves} trials that the manifest commits to"
    if evidence is None:
        return told
    known = [t for t in of_masks(evidence.trials, trial.mask) if t.prompt_id == trial.prompt_id]
    shown = [(t.outcome, t.truncated, t.second) for t in known]
    if shown != [(trial.outcome, trial.truncated, trial.second)]:
        raise EvidenceError(
            f"says {said}, the report says otherwise", where=where, remedy="do not trust the report"
        )
    unjudged = recheck_outcomes(replace(evidence, trials=(trial,)))
    again = "its reply judged again" if unjudged is None else f"not judged again: {unjudged}"
    return f"{told}; {again}"
