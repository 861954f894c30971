"""Everything that is wrong with a policy file, at once: its form, its words and its sense."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from gatekeeper.policy.build import Builder
from gatekeeper.policy.extend import Assembled
from gatekeeper.policy.problems import Problem, error_at
from gatekeeper.policy.reach import beyond_any
from gatekeeper.policy.repair import Repaired, repaired
from gatekeeper.policy.schema import schema_problems
from gatekeeper.policy.sense import one_sided, senseless
from gatekeeper.records.plugins import Metric
from gatekeeper.records.policy import Policy
from gatekeeper.strict_yaml import Route, YamlDocument


@dataclass(frozen=True, slots=True, kw_only=True)
class Examined:
    """A policy file, read as far as it can be.

    Attributes:
        policy: None if there are errors.
        metrics: those of its rules, by id; routes: where each rule stands in the file.
        errors: in no order.
    """

    policy: Policy | None
    metrics: dict[str, Metric]
    routes: dict[str, Route]
    errors: tuple[Problem, ...]


def examine(
    document: YamlDocument, *, earlier: bool = False, found: Assembled | None = None
) -> Examined:
    """The policy in a document, and every error that can be told from the file alone.

    Args:
        found: what the document was put together with, where its own file was not of the schema.
        earlier: whether limits that make no sense are let through: of a policy that gave a verdict
            before they were errors.
    """
    malformed = schema_problems(document)
    mended = repaired(document.data) if malformed else Repaired(data=document.data)
    if found is not None and found.malformed:
        malformed = list(found.malformed)
        mended = Repaired(data=document.data, touched=set(found.touched))
    if mended is None:
        return Examined(policy=None, metrics={}, routes={}, errors=tuple(malformed))
    builder = Builder(replace(document, data=mended.data))
    policy = builder.policy()
    errors = list(builder.problems)
    if not earlier:
        errors += _senseless(document, builder, policy)
    errors = [*malformed, *(error for error in errors if not mended.follows(error.route))]
    return Examined(
        policy=None if errors else policy,
        metrics=builder.metrics,
        routes=builder.routes,
        errors=tuple(errors),
    )


def _senseless(document: YamlDocument, builder: Builder, policy: Policy) -> Iterator[Problem]:
    """Faults of the limits of rules that have no other."""
    broken = {problem.route[:2] for problem in builder.problems}
    rules = tuple(rule for rule in policy.rules if builder.routes[rule.id] not in broken)
    whole = replace(policy, rules=rules)
    asked = one_sided(whole, builder.metrics, builder.routes)
    for fault in (*senseless(asked, policy.needs), *beyond_any(whole, asked)):
        yield error_at(document, *fault, key=True, odd=False)
