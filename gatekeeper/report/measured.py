"""Looking up what was measured, and counting trials where no finding is stored."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from gatekeeper.analysis.clusters import evidence_clusters
from gatekeeper.records.evidence import Evidence, PromptRef
from gatekeeper.records.finding import Finding, Missing
from gatekeeper.records.trial import OUTCOMES
from gatekeeper.records.trials import Codes, codes_of
from gatekeeper.report.curve_parts import ControlPoint
from gatekeeper.report.modes import own_mode
from gatekeeper.report.parts import Share

_UNMASKED = "unmasked"


def find(
    evidence: Evidence,
    metric: str,
    *,
    mask: str | None = None,
    selector: str | None = None,
    k: int | None = None,
    sets: tuple[str | None, ...] = ("regular", None),
) -> Finding | Missing | None:
    """The stored finding of a metric about one subject; a set left open means the regular one.

    Of masks, those of the audit's own mode, not of one that was weakened.
    """
    mode = None if k is None else own_mode(evidence.settings)
    for finding in evidence.findings:
        at = finding.subject
        if finding.metric != metric or at.set not in sets or at.mode != mode:
            continue
        if at.k == k and at.selector == selector and (mask is None or at.mask == mask):
            return finding
    return None


def rate(evidence: Evidence, prompt_set: str, *, metric: str = "refusal-rate") -> Finding | None:
    """The stored rate of a set without any mask."""
    finding = find(evidence, metric, mask="none", sets=(prompt_set,))
    return finding if isinstance(finding, Finding) else None


def masked_rate(
    evidence: Evidence, prompt_set: str, selector: str, k: int, *, metric: str = "refusal-rate"
) -> Finding | None:
    """The stored rate of a set under a selector's mask of size k."""
    finding = find(evidence, metric, mask="selected", selector=selector, k=k, sets=(prompt_set,))
    return finding if isinstance(finding, Finding) else None


@dataclass(frozen=True, slots=True, eq=False)
class Outcomes:
    """Outcomes of the measurement split by mask and prompt."""

    prompts: tuple[PromptRef, ...]
    evidence: Evidence
    codes: Codes
    clusters: dict[str, str]

    @classmethod
    def of(cls, evidence: Evidence) -> Outcomes:
        """Index the trials of an audit."""
        prompts = tuple(p for p in evidence.suite.prompts if p.measures)
        codes = codes_of(evidence.trials)
        return cls(prompts, evidence, codes, evidence_clusters(evidence.suite.prompts))

    def refused(self, mask: str, keep: Callable[[PromptRef], bool]) -> tuple[list[bool], list[str]]:
        """Whether each kept prompt was refused, and the seeds; prompts without a trial left out."""
        outcomes = self._under(mask)
        rows = [p for p in self.prompts if keep(p) and p.id in outcomes]
        return [outcomes[p.id] == "refuse" for p in rows], [self.clusters[p.id] for p in rows]

    def _under(self, label: str) -> dict[str, str]:
        """Prompt id -> outcome under the mask of this label, or those of both folds."""
        names = {mask.name for mask in self.evidence.masks if mask.label == label}
        codes = [code for code, name in enumerate(self.codes.masks) if name in names]
        at = sum((self.codes.mask == code for code in codes), self.codes.mask < 0)
        pairs = zip(self.codes.prompt[at].tolist(), self.codes.outcome[at].tolist(), strict=True)
        return {self.codes.prompts[prompt]: OUTCOMES[outcome] for prompt, outcome in pairs}


def share_refused(outcomes: Outcomes, mask: str, keep: Callable[[PromptRef], bool]) -> Share:
    """Share of prompts refused, with the interval that the stored rates have too."""
    import numpy as np

    from gatekeeper.analysis.intervals import CONFIDENCE
    from gatekeeper.analysis.order import stop_under
    from gatekeeper.analysis.paired import scaled, share

    refused, seeds = outcomes.refused(mask, keep)
    value = 100 * sum(refused) / len(refused) if refused else 0.0
    sets = {p.set for p in outcomes.prompts if keep(p)}
    stop = stop_under(outcomes.evidence, mask, sets.pop()) if len(sets) == 1 else None
    estimate = share(np.array(refused, bool), np.array(seeds, np.str_), CONFIDENCE, stop)
    if isinstance(estimate, str):
        return Share(value=value, interval=None, n=len(refused), reason=estimate)
    return Share(value=value, interval=scaled(estimate.interval), n=len(refused), reason="")


def controls(evidence: Evidence, outcomes: Outcomes, selector: str) -> tuple[ControlPoint, ...]:
    """Refusal rates of the regular set under the random masks beside a selector's."""
    rates: dict[int, list[tuple[float, int]]] = {}
    labels = {
        mask.label: mask.k
        for mask in evidence.masks
        if mask.arm == "control" and mask.selector == selector
    }
    for label, k in labels.items():
        refused, _ = outcomes.refused(label, lambda p: p.set == "regular")
        if refused:
            percent = 100 * sum(refused) / len(refused)
            rates.setdefault(k, []).append((percent, len(refused)))
    return tuple(_control_point(k, rates[k]) for k in sorted(rates))


def _control_point(k: int, rates: Iterable[tuple[float, int]]) -> ControlPoint:
    values = [value for value, _ in rates]
    return ControlPoint(
        k=k,
        mean=sum(values) / len(values),
        low=min(values),
        high=max(values),
        masks=len(values),
        n=min(n for _, n in rates),
    )


def mask_name(evidence: Evidence, selector: str, k: int) -> str | None:
    """Label of the selected mask of size k."""
    for mask in evidence.masks:
        if mask.arm == "selected" and mask.selector == selector and mask.k == k:
            return mask.label
    return None


def unmasked_name(evidence: Evidence) -> str:
    """Name of the arm without a mask."""
    return next((m.name for m in evidence.masks if m.arm == "unmasked"), _UNMASKED)
