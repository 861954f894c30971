"""How many prompts the rules of the shipped policies take, and what fewer or more could tell."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from gatekeeper.analysis.enough import BACKGROUND, Plan
from gatekeeper.policy.floors import Demand, demands
from gatekeeper.policy.part_counts import PARTS
from gatekeeper.policy.load import load_policy
from gatekeeper.records.policy import Policy, Rule
from tools.validate.power_draws import drawn
from tools.validate.table import Table

_POLICIES = ("release", "strict")
#: Experts of the model that the policies are sized for: those of SAFEx's Qwen3-30B-A3B.
_EXPERTS = 6144
_PROMPTS = (40, 75, 150, 200, 240, 420)
_RUNS, _QUICK = 4000, 400
#: Limits whose chances are drawn: (limit, paired, numbers asked, numbers in the family).
_DRAWN = ((0.1, True, 12, 23), (0.15, True, 4, 23), (0.05, True, 16, 60), (0.1, False, 1, 23))


def run(*, quick: bool = False) -> list[Table]:
    """Floors and chances of each policy, and the chances held against drawn audits."""
    policies = {name: load_policy(Path(f"policies/{name}.yaml")) for name in _POLICIES}
    tables = [_of_policy(name, one.sized(_EXPERTS)) for name, one in policies.items()]
    return [*tables, _held(_QUICK if quick else _RUNS)]


def _of_policy(name: str, policy: Policy) -> Table:
    power = policy.needs.power
    found = demands(policy) if power is None else demands(policy, power=power)
    rules = {rule.id: rule for rule in policy.rules}
    rows = [_row(rules[name], demand) for name, demand in found.items()]
    rows.append(_all({n: d for n, d in found.items() if rules[n].severity != "warn"}))
    return Table(
        title=f"Prompts that policies/{name}.yaml takes",
        note=(
            f"Exact sums, a model of {_EXPERTS:,} experts, {100 * BACKGROUND:g} % of replies "
            f"changed each way without any loss, {PARTS['category']} categories of one size. "
            "*Floor*: the fewest prompts with which a model that loses nothing passes, and one at "
            "twice the limit fails, each with the power that the policy asks for. *Asked*: numbers "
            "that must all lie inside; *among*: numbers that a fail is claimed among. Then, at so "
            "many prompts: how often nothing lost passes (at least: by Bonferroni's inequality "
            "over the numbers asked), and how often one number at twice the limit fails. "
            "*All blocking rules*: passing all of them, by the same inequality."
        ),
        header=("rule", "limit", "asked", "among", "floor", *(str(n) for n in _PROMPTS)),
        rows=tuple(rows),
    )


def _row(rule: Rule, demand: Demand) -> tuple[str, ...]:
    limit = f"max {rule.maximum:g}" if rule.maximum is not None else f"min {rule.minimum:g}"
    floor = demand.floor()
    return (
        rule.id + (" (warns)" if rule.severity == "warn" else ""),
        f"{limit} {rule.unit}",
        str(demand.passing.asked),
        str(demand.failing.family),
        "none" if floor is None else str(floor),
        *(
            f"{100 * demand.pass_chance(n):.0f} / {100 * demand.fail_chance(n):.0f} %"
            for n in _PROMPTS
        ),
    )


def _all(blocking: Mapping[str, Demand]) -> tuple[str, ...]:
    floors = [demand.floor() for demand in blocking.values()]
    largest = "none" if None in floors else str(max(n or 0 for n in floors))
    asked = sum(demand.passing.asked for demand in blocking.values())
    chances = [
        max(0.0, 1 - sum(1 - demand.pass_chance(n) for demand in blocking.values()))
        for n in _PROMPTS
    ]
    cells = (f"{100 * chance:.0f} %" for chance in chances)
    return ("**all blocking rules**", "", str(asked), "", largest, *cells)


def _held(runs: int) -> Table:
    """One number: the sums against audits drawn and judged by the gate's own functions."""
    rows = []
    for limit, paired, asked, family in _DRAWN:
        plan = Plan(limit=limit, paired=paired, asked=asked, family=family)
        demand = Demand(passing=replace(plan, asked=1), failing=plan)
        for n in _PROMPTS[:4]:
            passed, failed = drawn(plan, n, runs)
            rows.append(
                (
                    f"{100 * limit:g} {'points' if paired else '%'}",
                    str(family),
                    str(n),
                    f"{100 * demand.pass_chance(n):.1f}",
                    f"{100 * passed:.1f}",
                    f"{100 * demand.fail_chance(n):.1f}",
                    f"{100 * failed:.1f}",
                )
            )
    return Table(
        title="Sums against drawn audits",
        note=(
            f"{runs:,} draws a row, each judged by the interval and the exact tail that the gate "
            "uses at Holm's first step; one number, in percent."
        ),
        header=("limit", "among", "prompts", "passes", "drawn", "fails", "drawn"),
        rows=tuple(rows),
    )
