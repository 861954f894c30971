"""Checks the split of the prompts against the seed that it follows from."""

from __future__ import annotations

from gatekeeper.analysis.clusters import evidence_clusters
from gatekeeper.errors import EvidenceError
from gatekeeper.records.evidence import FOLDS, Evidence
from gatekeeper.suites.split import MEASUREMENT, SELECTION, cell_of, split_clusters


def recheck_split(evidence: Evidence) -> bool:
    """Splits the prompts again, by the rule of the bundle's time; whether that could be done.

    Whoever writes a bundle could otherwise leave out prompts that speak against the model, or
    measure with others: called skipped, or of no side, or of another category. Each such step
    draws the sides of all others anew, which the routing profile and the trials follow; under
    version 1 it changed those of some.

    Raises:
        EvidenceError: a prompt is on another side than the seed puts it on.
    """
    settings = evidence.settings
    run = [p for p in evidence.suite.prompts if p.skipped is None]
    if any(p.folded_sha256 is None for p in run):
        return False  # written before texts were levelled: other clusters, maybe
    cluster = evidence_clusters(run)
    sides = split_clusters(
        [(cluster[p.id], cell_of(p)) for p in run],
        settings.selection_share,
        settings.seed,
        settings.split,
    )
    name = {SELECTION: SELECTION, MEASUREMENT: MEASUREMENT}
    if settings.cross_fit:
        name = dict(zip((SELECTION, MEASUREMENT), FOLDS, strict=True))
    if any(p.split != name[sides[cluster[p.id]]] for p in run):
        raise EvidenceError(
            "the prompts do not select and measure as the seed of the audit splits them",
            where="evidence",
            remedy="do not trust this bundle; get it again from where the audit wrote it",
        )
    return True
