"""Asks a bundle ahead what policies with other limits would ask, so that a replay need not read it.

A changed limit asks for no new number, but for known ones at other levels of confidence: a fail is
claimed at one that follows from how many fail (Holm). So a policy is asked as it is, with all its
limits moved to where nothing, some and everything fails, and with that of each rule that fails
looser by itself; each time by the gate's own rules.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace
from datetime import date
from functools import cache
from pathlib import Path

import numpy as np

from gatekeeper import __version__, catalog
from gatekeeper.errors import GatekeeperError
from gatekeeper.policy.decide_rules import CONFIDENCE, decide
from gatekeeper.policy.evaluate import evaluate
from gatekeeper.policy.recalled import Memory
from gatekeeper.policy.undecided import may_exceed
from gatekeeper.records.evidence import Evidence
from gatekeeper.records.judge_card import JudgeCard
from gatekeeper.records.policy import Policy, Rule

_PACKAGE = Path(__file__).resolve().parents[1]
#: Whose code an answer can hang on.
_DEPTHS = ("analysis", "evidence", "judges", "metrics", "policy", "records", "suites", "verify")
#: Shares of the way from a limit to where everything fails (1), or nothing does (-1).
_MOVES = (-1.0, -0.5, -0.2, 0.2, 0.4, 0.6, 0.8, 0.9, 1.0)
#: The same, of one rule that fails while all others stay.
_LOOSER = (-1.0, -0.3, -0.1)
#: Units of which a limit lies between 0 and 100.
_SHARES = ("%", "points")


@cache
def code_digest() -> str:
    """Digest of the code that answers hang on: those of any other are not believed."""
    files = sorted(path for name in _DEPTHS for path in (_PACKAGE / name).rglob("*.py"))
    told = hashlib.sha256(f"{__version__} numpy {np.__version__}".encode())
    for path in files:
        told.update(hashlib.sha256(path.read_bytes()).digest())
    return told.hexdigest()


def ask_ahead(
    memory: Memory,
    policies: Iterable[Policy],
    today: date,
    card: JudgeCard | None = None,
    baseline: Memory | None = None,
) -> None:
    """Asks a bundle, and its baseline, all that these policies ask, whatever their limits are."""
    evidence, then = memory.evidence(), None if baseline is None else baseline.evidence()
    for policy in policies:
        try:
            verdict = evaluate(evidence, policy, today, card=card, baseline=then, advise=False)
            failing = {o.rule.id for o in verdict.outcomes if o.result in {"fail", "waived"}}
            for moved in _moved(policy.sized(evidence.model.maskable_experts), failing):
                _ask(evidence, moved, card, then)
        except GatekeeperError:  # whoever asks for this policy is told then
            continue


def _moved(policy: Policy, failing: Collection[str]) -> Iterator[Policy]:
    for share in _MOVES:
        yield replace(policy, rules=tuple(_with_limit(rule, share) for rule in policy.rules))
    for one in failing:
        for share in _LOOSER:
            rules = (_with_limit(r, share) if r.id == one else r for r in policy.rules)
            yield replace(policy, rules=tuple(rules))


def _ask(
    evidence: Evidence, policy: Policy, card: JudgeCard | None, baseline: Evidence | None
) -> None:
    """Asks what rules hang on, and what waivers of them would: all of a verdict that limits move.

    Args:
        policy: sized for the model.
    """
    rules = [(rule, catalog.load("metric", rule.metric)) for rule in policy.rules]
    card = None if policy.needs.judge_card is None else card
    outcomes = decide(evidence, policy, rules, CONFIDENCE, card, baseline, advise=False)
    for outcome, (rule, metric) in zip(outcomes, rules, strict=True):
        if outcome.result == "fail" and len(rule.sides()) == 1:
            upper = rule.maximum is not None
            # A number that none exceeds, so that each is looked at.
            worst = math.inf if upper else -math.inf
            may_exceed(evidence, metric, outcome, worst, upper=upper, baseline=baseline)


def _with_limit(rule: Rule, share: float) -> Rule:
    if rule.unit not in _SHARES:
        return rule
    low, high = (0.0, 100.0) if share > 0 else (100.0, 0.0)
    upper, lower = (
        None if limit is None else limit + abs(share) * (end - limit)
        for limit, end in ((rule.maximum, low), (rule.minimum, high))
    )
    return replace(rule, maximum=upper, minimum=lower)
