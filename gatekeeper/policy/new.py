"""A new policy, made from a shipped one or any other: whole, with an owner and a review date."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from gatekeeper.bundled import bundled
from gatekeeper.errors import UsageError, did_you_mean, excerpt
from gatekeeper.policy.load import load_policy
from gatekeeper.policy.schema import first_schema_problem
from gatekeeper.policy.yaml_marks import yaml_of
from gatekeeper.records.policy import Policy

#: What a policy's author says of it: the rest is as in the policy it is made from.
KEYS = ("id", "title", "owner", "review_by")
#: The schema that lies beside a new policy, for editors.
SCHEMA_FILE = "policy-schema.json"
_FIRST_VERSION = '"1.0"'
#: What YAML takes for the text that it is.
_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9@.+-]*( [A-Za-z0-9@.+-]+)*")
_HEAD = """\
# yaml-language-server: $schema={schema}
#
# Made from {base} {version} ({digest}…) on {today}: each limit is where to start.
#
#   gatekeeper policy explain {name}     what it asks for, in plain words
#   gatekeeper policy lint {name}        after each change
#
# A limit holds only if the whole 95 % interval is inside it. "points" are percentage points of a
# set's prompts, masked against unmasked; "%" are shares of a set.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Base:
    """The policy that a new one is made from."""

    policy: Policy
    text: str


def shipped() -> tuple[str, ...]:
    """Names of the shipped policies."""
    files = bundled("policies").glob("*.yaml")
    return tuple(sorted(f.stem for f in files if "." not in f.stem))


def base_of(name: str) -> Base:
    """The policy of a name, shipped, or in a file.

    Raises:
        UsageError: there is no such policy, or it has errors.
    """
    path = bundled("policies") / f"{name}.yaml" if name in shipped() else Path(name)
    if not path.is_file():
        remedy = did_you_mean(name, shipped())
        raise UsageError(f"no policy {excerpt(name)!r}", where="--from", remedy=remedy)
    return Base(policy=load_policy(path), text=path.read_bytes().decode("utf-8-sig"))


def composed(base: Base, values: dict[str, str], out: Path, today: date) -> str:
    """The text of the new policy.

    Args:
        values: texts for all of `KEYS`.
        out: where it will lie, for its first lines.

    Raises:
        UsageError: a value has not the form it must have; `where` is its option.
    """
    for key in KEYS:
        if fault := fault_of(key, values[key]):
            raise UsageError(fault[0], where=option(key), remedy=fault[1])
    head = _HEAD.format(
        schema=SCHEMA_FILE, base=base.policy.id, version=base.policy.version,
        digest=base.policy.digest[:19], today=today, name=out.name,
    )  # fmt: skip
    body = re.sub(r"\A(#.*\n|\s*\n)*", "", base.text.replace("\r\n", "\n"))
    for key in KEYS:
        body = _with_value(body, key, _scalar(key, values[key]))
    return head + _with_value(body, "version", _FIRST_VERSION)


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


def _with_value(body: str, key: str, value: str) -> str:
    """A policy's text with another value of one of its own keys."""
    line = f"{key}: {value}"
    if re.search(rf"(?m)^{key}:", body):
        # A title may go on in lines that are set in.
        return re.sub(rf"(?m)^{key}:.*(\n[ \t]+\S.*)*$", lambda _: line, body, count=1)
    return re.sub(r"(?m)^(owner:.*(\n[ \t]+\S.*)*)$", lambda m: f"{m[1]}\n{line}", body, count=1)
