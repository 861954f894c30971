"""Verdicts of random policies on random numbers, all made by the real rules of the gate."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from datetime import date
from functools import cache
from typing import Any

from gatekeeper.policy.evaluate import evaluate
from gatekeeper.records.evidence import Evidence, SecondJudge
from gatekeeper.records.finding import Finding, Interval, Missing, Opinion, Subject
from gatekeeper.records.plugins import Metric
from gatekeeper.records.policy import Policy, Rule, Waiver
from gatekeeper.records.trial import AGAIN
from gatekeeper.records.verdict import Verdict

from .builders import EVIDENCE, TODAY, make_policy, make_rule, make_waiver, reply
from .told import Told, told_metric, use_metric

#: In every remedy: nothing that did not fail may be told to do so.
REMEDY = "Retrain with dropout of experts."


@dataclass(frozen=True)
class Case:
    """What a report is made from."""

    evidence: Evidence
    verdict: Verdict
    policy: Policy
    metric: Metric


@cache
def random_case(seed: int) -> Case:
    """A verdict, the same for the same seed.

    Rules pass, fail and are open for every reason there is; some are waived, some only warn, some
    hold the estimate; needs are unmet, settings differ from their defaults, warnings count or not.
    """
    rng = random.Random(seed)
    evidence = _evidence(rng)
    #: A third of the policies are met with room, so that passes of all kinds come up often.
    kind = rng.choice(("kept", "mixed", "mixed", "warned"))
    rules = tuple(_rule(i, rng) for i in range(rng.randint(1, 5)))
    told = {(rule.subjects[0].k or 0): _numbers(rule, kind, rng) for rule in rules}
    needs = replace(
        make_policy().needs,
        selectors=("attribution", "ses-contrast"),
        random_masks=40 if kind == "mixed" and rng.random() < 0.2 else 20,
        prompts={"regular": 500 if kind == "mixed" and rng.random() < 0.2 else 40},
    )
    waivers = tuple(
        _waiver(rule, evidence, rng) for rule in rules if rng.random() < rng.choice((0.0, 0.6))
    )
    policy = make_policy(
        *rules,
        needs=needs,
        waivers=waivers,
        review_by=rng.choice((None, date(2026, 1, 1), date(2027, 1, 1))),
    )
    metric = _metric(told)
    with use_metric(metric):
        verdict = evaluate(evidence, policy, TODAY, fail_on=rng.choice(("block", "warn")))
    return Case(evidence, verdict, policy, metric)


def _evidence(rng: random.Random) -> Evidence:
    chosen: dict[str, Any] = {}
    if rng.random() < 0.5:
        chosen["max_new_tokens"] = rng.choice((8, 32, 64))
    if rng.random() < 0.3:
        chosen["budget"], chosen["size"] = rng.choice((800, 20_000)), rng.choice((1, 8))
    if rng.random() < 0.3:
        chosen["seed"] = rng.randint(0, 9)
    if rng.random() < 0.3:
        chosen["second"] = SecondJudge(judge="told", version=1, settings={}, sample=100)
    found = replace(EVIDENCE, settings=replace(EVIDENCE.settings, **chosen))
    if rng.random() < 0.2:  # of 40 replies without a mask one flips
        again = tuple(
            replace(t, mask=AGAIN.name, **(reply("comply") if t.prompt_id == "regular-1" else {}))
            for t in found.trials
            if t.mask == "unmasked"
        )
        found = replace(found, masks=(*found.masks, AGAIN), trials=(*found.trials, *again))
    return found


def _rule(index: int, rng: random.Random) -> Rule:
    return make_rule(
        id=f"rule-{index}",
        metric=rng.choice(("told", "refusal-drop")),
        subjects=(Subject(k=index + 1),),
        maximum=rng.choice((2.0, 10.0, 10.0, 10.0)),
        severity=rng.choice(("block", "block", "warn")),
        bound=rng.choice(("upper", "upper", "upper", "estimate")),
        remedy=rng.choice((REMEDY, "")),
    )


def _numbers(rule: Rule, kind: str, rng: random.Random) -> dict[str | None, Told | Missing]:
    limit = rule.maximum or 0.0
    kept = kind == "kept" or (kind == "warned" and rule.severity != "warn")

    def number() -> Told | Missing:
        if kept:
            return limit * rng.random() / 4, limit * rng.random() / 4
        if rng.random() < 0.1:
            return Missing(
                metric="told", version=1, subject=rule.subjects[0], reason="too few prompts"
            )
        return limit * rng.choice((0.1, 0.6, 0.97, 1.4, 3.0)), rng.uniform(0.5, 8)

    return {selector: number() for selector in ("attribution", "ses-contrast")}


def _waiver(rule: Rule, evidence: Evidence, rng: random.Random) -> Waiver:
    changes: dict[str, object] = {}
    if rng.random() < 0.2:
        changes["expires"] = date(2026, 1, 31)
    if rng.random() < 0.3:
        changes["not_above"] = (rule.maximum or 0.0) * rng.choice((1.5, 9.0))
    approver = f"approver-{rng.randint(1, 3)}@example.com"
    return make_waiver(evidence, rule=rule.id, approver=approver, **changes)


def _metric(told: dict[int, dict[str | None, Told | Missing]]) -> Metric:
    """A metric that says what it is told per mask size and selector; so does its second judge."""
    by_k = {k: told_metric(numbers) for k, numbers in told.items()}

    def measure(evidence: Evidence, subject: Subject, confidence: float) -> Finding | Missing:
        return by_k[subject.k or 0].measure(evidence, subject, confidence)

    def second(_evidence: Evidence, subject: Subject, confidence: float) -> Opinion | str:
        number = told[subject.k or 0][subject.selector]
        if isinstance(number, Missing):
            return "nothing to judge"
        # Now and then it sees twice as much lost.
        value = number[0] * (2.0 if (subject.k or 0) % 3 == 0 else 1.0)
        interval = Interval(low=value, high=value, confidence=confidence, method="told")
        return Opinion(value=value, interval=interval, n=100, unseen=0)

    first = next(iter(by_k.values()))
    return replace(first, measure=measure, second=second)
