"""Read a policy file: one function, one error at a time, at a line and column."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from gatekeeper.policy.examine import examine
from gatekeeper.policy.extend import Assembled, assemble
from gatekeeper.policy.problems import in_order, raised
from gatekeeper.policy.schema import first_schema_problem
from gatekeeper.policy.yaml_marks import yaml_of
from gatekeeper.records.policy import Policy
from gatekeeper.strict_yaml import YamlDocument


def load_policy(path: Path, tier: str | None = None, *, earlier: bool = False) -> Policy:
    """The policy in a YAML file, with what it extends, for one tier.

    Its lines are those of the file, or, of one put together from several, those of the one file
    that is kept beside a verdict (`Policy.text`): whoever reads that gets the same policy.

    Args:
        tier: one of the policy's, if it has any; left out, the one that is its default.
        earlier: whether limits that make no sense will do: of a verdict that was once given.

    Raises:
        UsageError: unreadable, not strict YAML, not of the schema, or at odds with itself, with
            what it extends, or with the metrics and selectors there are; `where` is
            `file:line:column`. The most telling problem comes first, all others are in `others`.
    """
    found = assemble(path, tier)
    policy = _examined(found.document, found, earlier=earlier)
    if found.document.files:
        policy = _examined(yaml_of(found.text, str(path)), None, earlier=earlier)
    return replace(policy, text=found.text, digest=found.digest, changes=found.changes)


def _examined(document: YamlDocument, found: Assembled | None, *, earlier: bool) -> Policy:
    examined = examine(document, earlier=earlier, found=found)
    if examined.policy is None:
        first = first_schema_problem(document)
        told = found.malformed[:1] if found is not None else ()
        raise raised([*told, *([first] if first else ()), *in_order(list(examined.errors))])
    return examined.policy
