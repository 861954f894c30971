"""Which masks need no further prompts: the limits that hang on them are settled."""

from __future__ import annotations

from collections.abc import Iterable

from gatekeeper import catalog
from gatekeeper.policy.decide import CONFIDENCE, family_size, held_rules
from gatekeeper.policy.hold import Held, stands
from gatekeeper.records.evidence import Evidence
from gatekeeper.records.policy import Policy, Rule
from gatekeeper.records.stop import Stop


def unsettled(evidence: Evidence, policy: Policy, confidence: float = CONFIDENCE) -> set[Stop]:
    """Runs of `evidence.stops` that some rule of the policy still has to see more of.

    A number is settled if its interval lies inside its limit, or outside it at the level that a
    fail takes among all numbers the policy holds against limits (Holm's first step: what is
    settled there stays so, whatever the others do). A rule that fails by one number is settled
    altogether. What is missing, or below the noise floor, is not: the whole set may mend it.
    Numbers that no rule asks for settle nothing and wait for nothing.
    """
    rules = held_rules(evidence, policy, confidence)
    waiting: set[Stop] = set()
    for rule, held in rules:
        strict = 1 - (1 - confidence) / max(family_size(rule, rules), 1)
        if any(_outside(rule, one, strict) for one in held):
            continue
        for one in held:
            if one.result != "pass":
                waiting |= set(_runs(evidence.stops, one))
    return waiting


def _outside(rule: Rule, held: Held, strict: float) -> bool:
    if rule.bound == "estimate":
        return False
    return held.result == "beyond" and stands(held, strict)


def _runs(stops: Iterable[Stop], held: Held) -> Iterable[Stop]:
    """The runs that a number rests on; of every size where it names none."""
    subject = held.finding.subject
    metric = catalog.load("metric", held.finding.metric)
    # What counts no outcomes, or those of masks of its own, no further prompt changes.
    if metric.second is None or not {"k", "set"} & {*metric.parameters}:
        return
    if "selector" not in metric.parameters or ("mask" in metric.parameters and not subject.mask):
        return
    for stop in stops:
        own = stop.selector == subject.selector and subject.k in {None, stop.k}
        if own and stop.set == (subject.set or "regular"):
            yield stop
