"""Read a policy file: one function, one error at a time, at a line and column."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from gatekeeper.errors import UsageError
from gatekeeper.policy.build import Builder
from gatekeeper.policy.problems import Problem, in_order
from gatekeeper.policy.schema import first_schema_problem, schema_problems
from gatekeeper.policy.yaml_marks import read_yaml
from gatekeeper.records.policy import Policy


def load_policy(path: Path) -> Policy:
    """The policy in a YAML file.

    Raises:
        UsageError: unreadable, not strict YAML, not of the schema, or at odds with itself or with
            the metrics and selectors there are; `where` is `file:line:column`. The most
            telling problem comes first, all others are in `others`.
    """
    document = read_yaml(path)
    malformed = first_schema_problem(document)
    if malformed:
        raise _error([malformed, *in_order(schema_problems(document))])
    builder = Builder(document)
    policy = builder.policy()
    if builder.problems:
        raise _error(in_order(builder.problems))
    return policy


def _error(problems: Iterable[Problem]) -> UsageError:
    """The first problem as an error, with the others in their order; each once."""
    first, *others = dict.fromkeys(problems)
    return first.as_error([one.as_error() for one in others])
