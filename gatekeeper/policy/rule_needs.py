"""Whether each rule rests on enough prompts, counted where it was measured."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from gatekeeper.errors import excerpt
from gatekeeper.policy.floors import floors
from gatekeeper.records.evidence import Evidence
from gatekeeper.records.finding import Finding
from gatekeeper.records.policy import Policy
from gatekeeper.records.verdict import Requirement, RuleOutcome

_NAME = "prompts behind each rule"


def rule_requirements(
    evidence: Evidence, policy: Policy, outcomes: Sequence[RuleOutcome]
) -> Iterator[Requirement]:
    """A need for each blocking rule that was measured on too few prompts; one that is met if none.

    Too few for its set by `evidence.prompts`, or for `evidence.power` (`policy.floors`). Counted
    are the independent prompts that a number rests on: those of one seed are one, and of a run that
    stopped early those that were run. What could not be measured at all is told by its rule.

    Args:
        policy: sized for the model.
    """
    needed = _floors(evidence, policy)
    asked = 0
    short: list[Requirement] = []
    for outcome in outcomes:
        rule = outcome.rule
        if rule.severity == "warn" or not (needed or policy.needs.prompts):
            continue
        asked += 1
        name = f"prompts: rule {rule.id}"
        if needed.get(rule.id, 0) is None:
            detail = "no number of prompts can hold a limit so small with this power"
            short.append(Requirement(name=name, met=False, detail=detail))
            continue
        for finding in (outcome.decisive, *outcome.others):
            if not isinstance(finding, Finding):
                continue
            typed = policy.needs.prompts.get(finding.subject.set or "regular", 0)
            least = max(typed, needed.get(rule.id) or 0)
            count = _independent(finding)
            if count < least:
                detail = f"{count} {_set(finding)} prompts measured, {least} needed"
                short.append(Requirement(name=name, met=False, detail=detail))
                break
    yield from short
    if asked and not short:
        yield Requirement(name=_NAME, met=True, detail=f"enough for {asked} blocking rules")


def _floors(evidence: Evidence, policy: Policy) -> dict[str, int | None]:
    if policy.needs.power is None:
        return {}
    regular = {p.category for p in evidence.suite.prompts if p.set == "regular"}
    return floors(policy, power=policy.needs.power, categories=max(1, len(regular)))


def _set(finding: Finding) -> str:
    return excerpt((finding.subject.set or "regular").replace("_", "-"))


def _independent(finding: Finding) -> int:
    """Prompts that a number rests on, those of one seed once.

    Of a share of those refused, all that were run: the floor counts those.
    """
    run = int(finding.counts.get("measured", finding.n))
    return run if finding.clusters == finding.n else min(run, finding.clusters)


def floors_by_set(policy: Policy) -> dict[str, int]:
    """Measured prompts that a policy takes of each set: typed, or for the power of its rules.

    Args:
        policy: sized for the model; else sizes that are shares of its experts are not counted.
    """
    found = dict(policy.needs.prompts)
    if policy.needs.power is None:
        return found
    computed = floors(policy, power=policy.needs.power)
    for rule in policy.rules:
        if rule.severity == "warn":
            continue
        for subject in rule.subjects:
            name = subject.set or "regular"
            found[name] = max(found.get(name, 0), computed.get(rule.id) or 0)
    return found
