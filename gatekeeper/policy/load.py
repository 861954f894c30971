"""Read a policy file: one function, one error at a time, at a line and column."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from gatekeeper.errors import UsageError
from gatekeeper.policy.examine import examine
from gatekeeper.policy.problems import Problem, in_order
from gatekeeper.policy.schema import first_schema_problem
from gatekeeper.policy.yaml_marks import read_yaml
from gatekeeper.records.policy import Policy


def load_policy(path: Path, *, earlier: bool = False) -> Policy:
    """The policy in a YAML file.

    Args:
        earlier: whether limits that make no sense will do: of a verdict that was once given.

    Raises:
        UsageError: unreadable, not strict YAML, not of the schema, or at odds with itself or with
            the metrics and selectors there are; `where` is `file:line:column`. The most
            telling problem comes first, all others are in `others`.
    """
    document = read_yaml(path)
    examined = examine(document, earlier=earlier)
    if examined.policy is None:
        first = first_schema_problem(document)
        raise _error([*([first] if first else ()), *in_order(list(examined.errors))])
    return examined.policy


def _error(problems: Iterable[Problem]) -> UsageError:
    """The first problem as an error, with the others in their order; each once."""
    first, *others = dict.fromkeys(problems)
    return first.as_error([one.as_error() for one in others])
