"""A new policy over a shipped one or any other, with a name, owner and review date of its own."""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from gatekeeper.bundled import bundled, shipped_policies
from gatekeeper.errors import UsageError, did_you_mean, excerpt
from gatekeeper.policy.load import load_policy
from gatekeeper.policy.schema import first_schema_problem
from gatekeeper.policy.yaml_marks import yaml_of
from gatekeeper.records.policy import Policy

#: What a policy's author says of it: the rest is as in the policy it is made from.
KEYS = ("id", "title", "owner", "review_by")
#: The schema that lies beside a new policy, for editors.
SCHEMA_FILE = "policy-schema.json"
#: What YAML takes for the text that it is.
_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9@.+-]*( [A-Za-z0-9@.+-]+)*")
_TEXT = """\
# yaml-language-server: $schema={schema}
#
# Made from {base} {version} on {today}: what is not said here is as there.
#
#   gatekeeper policy explain {file}     all that it asks for, in plain words
#   gatekeeper policy lint {file}        after each change
schema: gatekeeper/policy/v1
id: {id}
version: "1.0"
title: {title}
owner: {owner}
review_by: {review_by}
extends: {extends}

# A rule that is to be otherwise: its id, and what differs. A limit holds only if the whole 95 %
# interval is inside it; "points" are percentage points between masked and unmasked, "%" are shares.
#
# rules:
#   - id: {rule}
#     {side}: {limit}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Base:
    """The policy that a new one extends.

    Attributes:
        file: where it lies; None if it is a shipped one, which is found by its name.
    """

    policy: Policy
    name: str
    file: Path | None


def shipped() -> tuple[str, ...]:
    """Names of the shipped policies."""
    return tuple(path.stem for path in shipped_policies())


def base_of(name: str) -> Base:
    """The policy of a name, shipped, or in a file.

    Raises:
        UsageError: there is no such policy, or it has errors.
    """
    if name in shipped():
        path = bundled("policies") / f"{name}.yaml"
        return Base(policy=load_policy(path), name=name, file=None)
    if not Path(name).is_file():
        remedy = did_you_mean(name, shipped())
        raise UsageError(f"no policy {excerpt(name)!r}", where="--from", remedy=remedy)
    return Base(policy=load_policy(Path(name)), name=name, file=Path(name))


def composed(base: Base, values: dict[str, str], out: Path, today: date) -> str:
    """The text of the new policy: what its author says, over all that the other one says.

    Args:
        values: texts for all of `KEYS`.
        out: where it will lie: a path to the other one is relative to it.

    Raises:
        UsageError: a value has not the form it must have; `where` is its option.
    """
    for key in KEYS:
        if fault := fault_of(key, values[key]):
            raise UsageError(fault[0], where=option(key), remedy=fault[1])
    policy = base.policy
    rule = next((r for r in policy.rules if len(r.sides()) == 1), policy.rules[0])
    limit = rule.maximum if rule.minimum is None else rule.minimum
    return _TEXT.format(
        schema=SCHEMA_FILE,
        base=policy.id,
        version=policy.version,
        today=today,
        file=out.name,
        extends=extends_text(base, out),
        rule=rule.id,
        side="max" if rule.minimum is None else "min",
        limit=f"{limit:g} {rule.unit}",
        **{key: _scalar(key, values[key]) for key in KEYS},
    )


def extends_text(base: Base, out: Path) -> str:
    """What follows `extends` in a policy at a path: the other one by name or path, with its digest.

    The digest, as it is not to change with nobody's knowing.
    """
    name = base.name
    if base.file is not None:
        name = os.path.relpath(base.file.resolve(), out.resolve().parent).replace(os.sep, "/")
        name = name if "/" in name or "." in name else f"./{name}"
    if base.policy.tier is not None:  # its digest is of one tier, and this one has them all
        return json.dumps(name, ensure_ascii=False)
    return f"{{policy: {json.dumps(name, ensure_ascii=False)}, digest: {base.policy.digest}}}"


def fault_of(key: str, value: str) -> tuple[str, str] | None:
    """What is wrong with a value and what to write instead; None if nothing is."""
    sound = {"id": "a", "title": "A", "owner": "a", "review_by": "2027-03-31", key: value}
    lines = [f"{name}: {_scalar(name, text)}" for name, text in sound.items()]
    rule = "rules: [{id: a, metric: refusal-rate, max: 1 %}]"
    text = "\n".join(["schema: gatekeeper/policy/v1", *lines, 'version: "1"', rule, ""])
    try:
        document = yaml_of(text.encode("utf-8", "replace"), option(key))
        if key == "review_by":
            date.fromisoformat(value)
    except UsageError as error:
        return error.message, error.remedy or "write it otherwise"
    except ValueError:
        return f"no such day: {excerpt(value)}", "write a date, as 2027-03-31"
    problem = first_schema_problem(document)
    return None if problem is None else (problem.message, problem.remedy)


def option(key: str) -> str:
    """The option that a value of the policy is given with."""
    return f"--{key.replace('_', '-')}"


def _scalar(key: str, value: str) -> str:
    plain = _PLAIN.fullmatch(value) and value.lower() not in {"true", "false", "null"}
    return value if plain or key == "review_by" else json.dumps(value, ensure_ascii=False)
