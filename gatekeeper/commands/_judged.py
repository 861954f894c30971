"""Gives a verdict and keeps what it asked of the evidence, so that a report can carry it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from gatekeeper.policy.evaluate import evaluate
from gatekeeper.policy.recalled import Memory
from gatekeeper.records.evidence import Evidence
from gatekeeper.records.judge_card import JudgeCard
from gatekeeper.records.policy import Policy
from gatekeeper.records.verdict import Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Answers of the evidence by question, and of the evidence that it is compared with.

    Attributes:
        before: the latter itself, if there is one.
    """

    answers: Mapping[str, Any] = field(default_factory=dict)
    baseline: Mapping[str, Any] = field(default_factory=dict)
    before: Evidence | None = None


def judge(
    evidence: Evidence,
    policy: Policy,
    today: date,
    *,
    fail_on: str = "block",
    card: JudgeCard | None = None,
    earlier: bool = False,
    replaces: str | None = None,
    baseline: Evidence | None = None,
) -> tuple[Verdict, Asked]:
    """The verdict, as `policy.evaluate`, and what it asked."""
    memory = Memory({}, lambda: evidence)
    before = Memory({}, lambda: baseline or evidence)
    verdict = evaluate(
        memory.evidence(),
        policy,
        today,
        fail_on=fail_on,
        card=card,
        earlier=earlier,
        replaces=replaces,
        baseline=None if baseline is None else before.evidence(),
    )
    answers = {"answers": _plain(memory.new), "baseline": _plain(before.new)}
    return verdict, Asked(**answers, before=baseline)


def _plain(answers: Mapping[str, Any]) -> dict[str, Any]:
    """Answers as they come back from a file."""
    plain: dict[str, Any] = json.loads(json.dumps(answers))
    return plain
