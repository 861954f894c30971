"""Whether each rule rests on enough prompts, counted where it was measured."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from gatekeeper.analysis.enough import MOST
from gatekeeper.analysis.outcomes import REFUSE, outcome_table
from gatekeeper.analysis.worst_part import told_apart
from gatekeeper.errors import excerpt
from gatekeeper.policy.floors import floors
from gatekeeper.policy.part_counts import PARTS, parts_of
from gatekeeper.policy.recalled import recalled
from gatekeeper.records.evidence import Evidence
from gatekeeper.records.finding import Finding, Missing
from gatekeeper.records.policy import Policy, Rule
from gatekeeper.records.suite import HARMFUL_SETS
from gatekeeper.records.trial import UNMASKED
from gatekeeper.records.verdict import Requirement, RuleOutcome

#: How needs of enough prompts begin.
BEHIND = "prompts behind rules"
#: Experts of a large model, for those who have none at hand: a share of them is a size of its own,
#: and with each size more prompts are taken. Qwen3-30B-A3B has so many.
LARGE = 6144
#: Rules named of those that take more.
_NAMED = 3


def rule_requirements(
    evidence: Evidence, policy: Policy, outcomes: Sequence[RuleOutcome]
) -> Iterator[Requirement]:
    """A need for each set of which blocking rules were measured on too few prompts; one if none.

    Too few for `evidence.power` (`policy.floors`), or, of a run that stopped early, for its set by
    `evidence.prompts`. Counted are the independent prompts that a number rests on: those of one
    seed are one, and of a run that stopped early those that were run. What could not be measured at
    all is told by its rule.

    Args:
        policy: sized for the model.
    """
    needed = floors_behind(evidence, policy)
    blocking = [outcome for outcome in outcomes if outcome.blocking]
    short: dict[str, list[_Short]] = {}
    for outcome in blocking:
        findings = (outcome.decisive, *outcome.others)
        for shortfall in shortfalls(outcome.rule, findings, policy, needed):
            short.setdefault(shortfall.set, []).append(shortfall)
    for name, lacking in short.items():
        yield Requirement(name=f"{BEHIND}: {name}", met=False, detail=_detail(lacking))
    if blocking and (needed or policy.needs.prompts) and not short:
        detail = f"enough behind each of {len(blocking)} blocking rules"
        yield Requirement(name=BEHIND, met=True, detail=detail)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Short:
    """A rule that rests on too few prompts of a set; `least` is None if no number is enough."""

    rule: str
    set: str
    count: int
    least: int | None


def shortfalls(
    rule: Rule,
    findings: Sequence[Finding | Missing],
    policy: Policy,
    needed: Mapping[str, int | None],
) -> Iterator[_Short]:
    """The number of a rule that rests on the fewest prompts, if that is too few; else nothing.

    Args:
        needed: floors of all rules, see `floors_behind`.
    """
    floor = needed.get(rule.id, 0)
    if floor is None:
        name = findings[0].subject.set or "regular"
        yield _Short(rule=rule.id, set=name, count=0, least=None)
        return
    lacking = []
    for finding in findings:
        if isinstance(finding, Missing):
            continue
        name = finding.subject.set or "regular"
        typed = policy.needs.prompts.get(name, 0) if "planned" in finding.counts else 0
        count, least = independent(finding), max(typed, floor)
        if count < least:
            lacking.append(_Short(rule=rule.id, set=name, count=count, least=least))
    if lacking:
        yield min(lacking, key=lambda f: f.count)


def _detail(shortfalls: Sequence[_Short]) -> str:
    """`115 measured, 265 needed (150 more) by single-expert, few-experts and 2 more rules`."""
    hopeless = [s.rule for s in shortfalls if s.least is None]
    if hopeless:
        return f"no number of prompts can hold a limit as small as that of {_names(hopeless)}"
    most = sorted(shortfalls, key=lambda s: (s.count - (s.least or 0), s.rule))
    worst = most[0]
    lacking = (worst.least or 0) - worst.count
    needed = f"{worst.count} measured, {worst.least} needed ({lacking} more)"
    return f"{needed} by {_names([s.rule for s in most])}"


def _names(rules: Sequence[str]) -> str:
    names = ", ".join(excerpt(rule) for rule in rules[:_NAMED])
    rest = len(rules) - _NAMED
    return f"{names} and {rest} more rules" if rest > 0 else names


def floors_behind(
    evidence: Evidence, policy: Policy, count: int | None = None
) -> dict[str, int | None]:
    """Prompts that each number of a rule must rest on; those of the part, of one about a part.

    Args:
        count: of which it is asked whether they are enough: where they are not, None will do.
    """
    if policy.needs.power is None:
        return {}
    refused, counts = _refused_and_parts(evidence)
    parts = {(name, of): count for name, of, count in counts}
    share = {rule.id: parts_of(rule.subjects[0], parts) for rule in policy.rules if rule.subjects}
    most = MOST if count is None else math.ceil(count * max(share.values(), default=1)) + 1
    found = floors(policy, power=policy.needs.power, parts=parts, refused=refused, most=most)
    return {rule: n if n is None else math.ceil(n / share[rule]) for rule, n in found.items()}


@recalled("refused and parts")
def _refused_and_parts(evidence: Evidence) -> tuple[dict[str, float], list[tuple[str, str, int]]]:
    """Share of each set that is refused, and how many parts of each kind it has."""
    table = outcome_table(evidence)
    rows = {name: table.row(UNMASKED.name, name) for name in HARMFUL_SETS}
    rows = {name: row for name, row in rows.items() if len(row)}
    # At least that of one prompt, so that a set without refusals takes many and not none.
    refused = {n: max(1, int((row == REFUSE).sum())) / len(row) for n, row in rows.items()}
    return refused, [(n, of, len(told_apart(evidence, n, of))) for n in rows for of in PARTS]


def independent(finding: Finding) -> int:
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
    needed = dict(policy.needs.prompts)
    if policy.needs.power is None:
        return needed
    computed = floors(policy, power=policy.needs.power)
    for rule in policy.rules:
        if rule.severity == "warn":
            continue
        for subject in rule.subjects:
            name = subject.set or "regular"
            needed[name] = max(needed.get(name, 0), computed.get(rule.id) or 0)
    return needed
