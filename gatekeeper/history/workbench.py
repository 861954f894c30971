"""The data of a workbench page: past audits as tables over all limits of a policy.

All that a verdict takes beside comparisons is decided here by the gate itself: numbers and their
intervals, needs, waivers. Identical parts of audits are written once.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

from gatekeeper import catalog
from gatekeeper.errors import EvidenceError, UsageError, excerpt
from gatekeeper.history.entry import Entry
from gatekeeper.history.past import Past
from gatekeeper.history.spread import spread
from gatekeeper.history.store import History
from gatekeeper.policy.rule_needs import BEHIND
from gatekeeper.policy.undecided import may_exceed
from gatekeeper.policy.waivers import too_long, why_void
from gatekeeper.policy.workbench.table import prompts, table
from gatekeeper.records.bundle_files import POLICY
from gatekeeper.records.policy import Policy, Waiver
from gatekeeper.records.verdict import RuleOutcome

#: Prompts of the latest audit's model are told of.
Prompts = list[list[list[float | None]] | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Slid:
    """Past audits under all limits of a policy.

    Attributes:
        audits: each by digest; plain data, see `Shared.audit`.
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
        audits=[shared.audit(entry, one) for entry, one in sound],
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
    verdict = past.verdict(waived, day)
    baseline = None if past.baseline is None else past.baseline.evidence()
    covers = [_covers(past, outcome, waived, past.day(day)) for outcome in verdict.outcomes]
    return {
        "now": verdict.headline,
        "unmet": [
            f"{need.name}: {need.detail}"
            for need in verdict.requirements
            if not need.met and not need.name.startswith(BEHIND)
        ],
        "rules": table(past.evidence, policy, past.card, baseline),
        "waived": [i for i, cover in enumerate(covers) if cover],
        "fixed": None in covers,
    }


def _covers(past: Past, outcome: RuleOutcome, policy: Policy, day: date) -> bool | None:
    """Whether a waiver covers a rule wherever its limit is; None if that hangs on the limit."""
    own = [waiver for waiver in policy.waivers if waiver.rule == outcome.rule.id]
    hangs = past.evidence.settings.second is not None or policy.needs.judge_card is not None
    sound = [w for w in own if not too_long(w, day, policy.longest_waiver)]
    if sound and hangs:
        return None
    return any(_covered(past, outcome, waiver, day) for waiver in sound)


def _covered(past: Past, outcome: RuleOutcome, waiver: Waiver, day: date) -> bool:
    metric = catalog.load("metric", outcome.rule.metric)

    def doubted(worst: float, upper: bool) -> bool:
        return may_exceed(past.evidence, metric, outcome, worst, upper=upper)

    return why_void(waiver, outcome, past.entry.checkpoint, day, doubted) is None


class Shared:
    """Writes what audits have in common once."""

    def __init__(self) -> None:
        self._places: dict[str, dict[str, int]] = {}
        self._slid: dict[str, int] = {}
        self.lists: dict[str, list[Any]] = {"at": [], "number": [], "slid": [], "unmet": []}

    def audit(self, entry: Entry, asked: dict[str, Any]) -> dict[str, Any]:
        """One audit for the page.

        Of each rule: places of its numbers in `slid`, which each name a subject, the slider among
        those of its rule, what was measured and the steps; and the limits between which its prompts
        are enough, of each slider.
        """
        return {
            "id": entry.short,
            "date": entry.finished.isoformat(),
            "model": excerpt(entry.model, 60),
            "label": entry.label,
            "then": None if entry.brief is None else entry.brief.headline,
            "now": asked["now"],
            "failOn": entry.fail_on,
            "unmet": [self._place("unmet", text) for text in asked["unmet"]],
            "rules": [self._rule(rule) for rule in asked["rules"]],
            "waived": asked["waived"],
            "fixed": asked["fixed"],
        }

    def _rule(self, rule: dict[str, Any]) -> list[Any]:
        return [[self._number(number) for number in rule["numbers"]], rule["enough"]]

    def _number(self, text: str) -> int:
        if text not in self._slid:
            at, side, numbers, steps = json.loads(text)
            places = [-1 if n is None else self._place("number", n) for n in numbers]
            self._slid[text] = self._place("slid", [self._place("at", at), side, places, steps])
        return self._slid[text]

    def _place(self, name: str, value: Any) -> int:
        places, key = self._places.setdefault(name, {}), repr(value)
        if key not in places:
            places[key] = len(self.lists[name])
            self.lists[name].append(value)
        return places[key]
