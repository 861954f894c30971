"""One audit under all limits of a policy, as plain data: its verdict where no limit moves it, its
numbers, and for which rules a waiver stands.
"""

from __future__ import annotations

import json
from datetime import date
from typing import Any

from gatekeeper import catalog
from gatekeeper.policy.rule_needs import BEHIND
from gatekeeper.policy.undecided import may_exceed
from gatekeeper.policy.waivers import too_long, why_void
from gatekeeper.policy.workbench.table import table
from gatekeeper.records.evidence import Evidence
from gatekeeper.records.judge_card import JudgeCard
from gatekeeper.records.policy import Policy, Waiver
from gatekeeper.records.verdict import RuleOutcome, Verdict


def audit_under_limits(
    evidence: Evidence,
    policy: Policy,
    verdict: Verdict,
    card: JudgeCard | None,
    baseline: Evidence | None,
) -> dict[str, Any]:
    """The verdict of one audit as far as no limit moves it, and its table.

    Args:
        policy: with the waivers that the verdict was given with.
    """
    day = verdict.judged_on
    covers = [_covers(evidence, outcome, policy, day) for outcome in verdict.outcomes]
    return {
        "now": verdict.headline,
        "unmet": [
            f"{need.name}: {need.detail}"
            for need in verdict.requirements
            if not need.met and not need.name.startswith(BEHIND)
        ],
        "rules": table(evidence, policy, card, baseline),
        "waived": [i for i, cover in enumerate(covers) if cover],
        "fixed": None in covers,
    }


def _covers(evidence: Evidence, outcome: RuleOutcome, policy: Policy, day: date) -> bool | None:
    """Whether a waiver covers a rule wherever its limit is; None if that hangs on the limit."""
    own = [waiver for waiver in policy.waivers if waiver.rule == outcome.rule.id]
    hangs = evidence.settings.second is not None or policy.needs.judge_card is not None
    sound = [w for w in own if not too_long(w, day, policy.longest_waiver)]
    if sound and hangs:
        return None
    return any(_covered(evidence, outcome, waiver, day) for waiver in sound)


def _covered(evidence: Evidence, outcome: RuleOutcome, waiver: Waiver, day: date) -> bool:
    metric = catalog.load("metric", outcome.rule.metric)

    def doubted(worst: float, upper: bool) -> bool:
        return may_exceed(evidence, metric, outcome, worst, upper=upper)

    return why_void(waiver, outcome, evidence.checkpoint.digest, day, doubted) is None


class Shared:
    """Writes what audits have in common once."""

    def __init__(self) -> None:
        self._places: dict[str, dict[str, int]] = {}
        self._slid: dict[str, int] = {}
        self.lists: dict[str, list[Any]] = {"at": [], "number": [], "slid": [], "unmet": []}

    def audit(self, asked: dict[str, Any], fail_on: str) -> dict[str, Any]:
        """One audit under all limits for a page.

        Of each rule: places of its numbers in `slid`, which each name a subject, the slider among
        those of its rule, what was measured and the steps; and the limits between which its prompts
        are enough, of each slider.
        """
        return {
            "now": asked["now"],
            "failOn": fail_on,
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
