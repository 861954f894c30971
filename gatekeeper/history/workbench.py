"""The data of a workbench page: past audits as tables over all limits of a policy.

All that a verdict takes beside comparisons is decided here by the gate itself: numbers and their
intervals, needs, waivers. Identical parts of audits are written once.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

from gatekeeper.errors import EvidenceError, UsageError, excerpt
from gatekeeper.history.entry import Entry
from gatekeeper.history.past import Past
from gatekeeper.history.spread import spread
from gatekeeper.history.store import History
from gatekeeper.policy.workbench.audit import Shared, audit_under_limits
from gatekeeper.policy.workbench.table import prompts
from gatekeeper.records.bundle_files import POLICY
from gatekeeper.records.policy import Policy

#: Prompts of the latest audit's model are told of.
Prompts = list[list[list[float | None]] | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Slid:
    """Past audits under all limits of a policy.

    Attributes:
        audits: each by digest; plain data, see `audit`.
        texts: lists of what audits refer to by place.
        prompts: see `workbench.table.prompts`; empty without audits.
        broken: audits that could not be asked, with what is wrong.
    """

    audits: list[dict[str, Any]]
    texts: dict[str, list[Any]]
    prompts: Prompts
    broken: list[tuple[Entry, str]]


def slid(
    history: History,
    policy: Policy,
    *,
    day: date | None = None,
    model: str | None = None,
    processes: int | None = None,
) -> Slid:
    """Every audit of a history under all limits of a policy, the latest first.

    Args:
        day: on which waivers are held; None: that of each stored verdict, or of its audit.
        model: audits of this one only; None: all.
    """
    entries = [e for e in history.entries() if model in {None, e.model}]
    entries.sort(key=lambda e: e.finished, reverse=True)
    ask = partial(under_all_limits, policy=policy, day=day)
    found = spread(history, entries, ask, processes=processes)
    sound = [(e, one) for e, one in found if not isinstance(one, EvidenceError)]
    counted = _prompts(history, sound[0][0], policy) if sound else []
    shared = Shared()
    return Slid(
        audits=[audit(shared, entry, one) for entry, one in sound],
        texts=shared.lists,
        prompts=counted,
        broken=[(e, str(one)) for e, one in found if isinstance(one, EvidenceError)],
    )


def latest_policy(history: History) -> Path:
    """The policy of the latest verdict.

    Raises:
        UsageError: there is no verdict.
    """
    entries = [e for e in history.entries() if POLICY in e.files]
    if not entries:
        raise UsageError(
            "holds no verdict whose policy could be taken",
            where=excerpt(history.folder),
            remedy="name a policy",
        )
    latest = max(entries, key=lambda e: (e.judged_on or e.finished, e.finished))
    return history.home(latest) / POLICY


def _prompts(history: History, entry: Entry, policy: Policy) -> Prompts:
    ((_, counted),) = spread(history, [entry], partial(_counted, policy=policy), processes=1)
    return [] if isinstance(counted, EvidenceError) else counted


def _counted(past: Past, *, policy: Policy) -> Prompts:
    return prompts(past.evidence, policy)


def under_all_limits(past: Past, *, policy: Policy, day: date | None) -> dict[str, Any]:
    """The verdict of one audit as far as no limit moves it, and its table."""
    waived = past.waived(policy)
    baseline = None if past.baseline is None else past.baseline.evidence()
    return audit_under_limits(past.evidence, waived, past.verdict(waived, day), past.card, baseline)


def audit(shared: Shared, entry: Entry, asked: dict[str, Any]) -> dict[str, Any]:
    """One audit for the page, see `Shared.audit`."""
    return {
        "id": entry.short,
        "date": entry.finished.isoformat(),
        "model": excerpt(entry.model, 60),
        "label": entry.label,
        "then": None if entry.brief is None else entry.brief.headline,
        **shared.audit(asked, entry.fail_on),
    }
