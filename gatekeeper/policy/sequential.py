"""Which masks need no further prompts: the limits that hang on them are settled."""

from __future__ import annotations

from collections.abc import Iterable

from gatekeeper import catalog
from gatekeeper.analysis.clusters import evidence_clusters, text_key
from gatekeeper.analysis.order import run_of
from gatekeeper.policy.decide_rules import CONFIDENCE, family_size, held_rules
from gatekeeper.policy.limit_check import LimitCheck, stands
from gatekeeper.policy.rule_needs import floors_by_set
from gatekeeper.records.evidence import Evidence
from gatekeeper.records.policy import Policy, Rule
from gatekeeper.records.sequential_run import SequentialRun


def unsettled(
    evidence: Evidence, policy: Policy, confidence: float = CONFIDENCE
) -> set[SequentialRun]:
    """Runs of `evidence.stops` that some rule of the policy still has to see more of.

    A number is settled if its interval lies inside its limit and its runs have come as far as the
    policy's floors of prompts and seeds; or if it lies outside at the level that a fail takes among
    all numbers the policy holds against limits (Holm's first step: what is settled there stays so,
    whatever the others do). A rule that fails by one number is settled altogether. What is missing,
    or below the noise floor, is not: the whole set may mend it. Numbers that no rule asks for
    settle nothing and wait for nothing.
    """
    policy = policy.sized(evidence.model.maskable_experts)
    rules = held_rules(evidence, policy, confidence)
    short = _short(evidence, policy)
    waiting: set[SequentialRun] = set()
    for rule, checks in rules:
        strict = 1 - (1 - confidence) / max(family_size(rule, rules), 1)
        if any(_outside(rule, check, strict) for check in checks):
            continue
        for check in checks:
            runs = set(_runs(evidence.stops, check))
            waiting |= runs & short if check.result == "pass" else runs
    return waiting


def _outside(rule: Rule, check: LimitCheck, strict: float) -> bool:
    if rule.bound == "estimate":
        return False
    return check.result == "beyond" and stands(check, strict)


def _short(evidence: Evidence, policy: Policy) -> set[SequentialRun]:
    """Runs of fewer prompts, or seeds, than the policy wants to have been measured of their set.

    Counted as the policy counts them: prompts that repeat a text once, seeds that share one once.
    """
    needs, floors = policy.needs, floors_by_set(policy)
    by_id = {p.id: p for p in evidence.suite.prompts}
    clusters = evidence_clusters(evidence.suite.prompts)
    short: set[SequentialRun] = set()
    for stop in evidence.stops:
        run = run_of(evidence, stop)
        texts = len({text_key(by_id[i]) for i in run})
        seeds = len({clusters[i] for i in run})
        least = max(floors.get(stop.set, 0), needs.seeds.get(stop.set, 0))
        if texts < floors.get(stop.set, 0) or seeds < least:
            short.add(stop)
    return short


def _runs(stops: Iterable[SequentialRun], check: LimitCheck) -> Iterable[SequentialRun]:
    """The runs that a number rests on; of every size where it names none.

    A metric that takes a size and a set and no selector is about all masks of at most that size.
    """
    subject = check.finding.subject
    metric = catalog.load("metric", check.finding.metric)
    takes = {*metric.parameters}
    # What counts no outcomes, or those of masks of its own, no further prompt changes.
    if metric.second is None or not {"k", "set"} & takes:
        return
    every = "selector" not in takes
    if every and not {"k", "set"} <= takes:
        return
    if "mask" in takes and not subject.mask:
        return
    for stop in stops:
        if every:
            concerned = subject.k is None or stop.k <= subject.k
        else:
            concerned = stop.selector == subject.selector and subject.k in {None, stop.k}
        if concerned and stop.set == (subject.set or "regular"):
            yield stop
