"""Read a policy file: one function, one error at a time, at a line and column."""

from __future__ import annotations

from pathlib import Path

from gatekeeper.policy.build import Builder
from gatekeeper.policy.problems import in_order
from gatekeeper.policy.schema import first_schema_problem
from gatekeeper.policy.yaml_marks import read_yaml
from gatekeeper.records.policy import Policy


def load_policy(path: Path) -> Policy:
    """The policy in a YAML file.

    Raises:
        UsageError: unreadable, not strict YAML, not of the schema, or at odds with itself or with
            the metrics and selectors there are; `where` is `file:line:column`. Only the most
            telling problem is raised: `lint.lint_policy` lists them all.
    """
    document = read_yaml(path)
    malformed = first_schema_problem(document)
    if malformed:
        raise malformed.as_error()
    builder = Builder(document)
    policy = builder.policy()
    if builder.problems:
        raise in_order(builder.problems)[0].as_error()
    return policy
