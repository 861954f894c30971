"""A share of replies with one outcome: what `refusal-rate` and `degenerate-rate` have in common."""

from __future__ import annotations

import numpy as np

from gatekeeper.analysis.order import stop_under
from gatekeeper.analysis.outcomes import outcome_table, selected_mask, why_no_mask
from gatekeeper.analysis.paired import left_out, scaled, share
from gatekeeper.records.evidence import Evidence
from gatekeeper.records.finding import Finding, Missing, Subject
from gatekeeper.records.trial import MODE


def rate(
    metric: str,
    version: int,
    evidence: Evidence,
    subject: Subject,
    confidence: float,
    *,
    outcome: int,
) -> Finding | Missing:
    """Share of a set's replies with `outcome`, unmasked or under a selector's mask of size k."""

    def missing(reason: str) -> Missing:
        return Missing(metric=metric, version=version, subject=subject, reason=reason)

    mask = "unmasked"
    if subject.mask == "selected":
        at = (subject.selector or "", subject.k or 0, subject.mode or MODE)
        chosen = selected_mask(evidence, *at)
        if chosen is None:
            return missing(why_no_mask(evidence, *at))
        mask = chosen.label
    table = outcome_table(evidence)
    if subject.set is None:
        return missing("no prompt set was named")
    row = table.row(mask, subject.set)
    stop = stop_under(evidence, mask, subject.set)
    rows = np.flatnonzero(row >= 0)
    if len(rows) != (len(row) if stop is None else stop.prompts):
        return missing(f"some prompts of the set {subject.set} have no trial under this mask")
    hits = row[rows] == outcome
    estimate = share(hits, table.set_seeds(subject.set)[rows], confidence, stop)
    if isinstance(estimate, str):
        return missing(estimate)
    return Finding(
        metric=metric,
        version=version,
        subject=subject,
        value=estimate.value * 100,
        unit="%",
        interval=scaled(estimate.interval),
        n=estimate.n,
        clusters=estimate.clusters,
        counts={"hits": int(hits.sum()), **left_out(stop)},
    )
