"""Waivers in a file of their own: granting one leaves the policy, and its digest, as it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

from gatekeeper.policy.build import Builder
from gatekeeper.policy.problems import error_at, in_order
from gatekeeper.policy.schema import first_schema_problem, schema_problems
from gatekeeper.policy.yaml_marks import read_bytes, read_yaml, yaml_of
from gatekeeper.records.policy import Policy, Rule, Waiver
from gatekeeper.strict_yaml import YamlDocument

SCHEMA = "gatekeeper/waivers/v1"
_SCHEMA_FILE = "waivers-v1"


def read_waiver_file(path: Path) -> YamlDocument:
    """A file of waivers, of the right form.

    Raises:
        UsageError: unreadable, not strict YAML, or not of the schema, all faults at once.
    """
    return _of_the_schema(read_yaml(path))


def _of_the_schema(document: YamlDocument) -> YamlDocument:
    if malformed := first_schema_problem(document, _SCHEMA_FILE):
        problems = [malformed, *in_order(schema_problems(document, _SCHEMA_FILE))]
        first, *others = dict.fromkeys(problems)
        raise first.as_error([one.as_error() for one in others])
    return document


def with_waivers(policy: Policy, path: Path) -> Policy:
    """The policy with the waivers of a file beside its own ones, and with the file's digest.

    Raises:
        UsageError: see `read_waiver_file`; or one of them is for a rule that the policy does not
            have, accepts a number on the wrong side or in another unit, or has impossible dates.
    """
    raw = read_bytes(path)
    document = _of_the_schema(yaml_of(raw, str(path)))
    return replace(
        policy,
        waivers=(*policy.waivers, *waivers_of(document, policy.rules)),
        waivers_text=raw,
        waivers_digest=document.digest,
    )


def with_fitting(policy: Policy, raw: bytes, source: str) -> Policy:
    """The policy with those waivers of a file that fit its rules, as not all of another one do.

    One for a rule that the policy does not have, or with a number of another side or unit, waives
    nothing of it.

    Raises:
        UsageError: the bytes are no file of waivers.
    """
    fitting, digest = _fitting(raw, source, policy.rules)
    return replace(
        policy,
        waivers=(*policy.waivers, *fitting),
        waivers_text=raw,
        waivers_digest=digest,
    )


@lru_cache(maxsize=64)  # the same of many past audits
def _fitting(raw: bytes, source: str, rules: tuple[Rule, ...]) -> tuple[tuple[Waiver, ...], str]:
    document, known = _of_the_schema(yaml_of(raw, source)), {rule.id: rule for rule in rules}
    waivers = []
    for i in range(len(document.data["waivers"])):
        builder = Builder(document)
        waiver = _waiver(builder, document, i, known)
        if not builder.problems:
            waivers.append(waiver)
    return tuple(waivers), document.digest


def waivers_of(document: YamlDocument, rules: Sequence[Rule] | None) -> tuple[Waiver, ...]:
    """The waivers of a file for the rules of a policy; raises as `with_waivers` does.

    Args:
        rules: None to read them without a policy, and without the numbers that they accept.
    """
    builder = Builder(document)
    known = None if rules is None else {rule.id: rule for rule in rules}
    waivers = []
    for i in range(len(document.data["waivers"])):
        waivers.append(_waiver(builder, document, i, known))
    if builder.problems:
        first, *others = in_order(builder.problems)
        raise first.as_error([one.as_error() for one in others])
    return tuple(waivers)


def _waiver(
    builder: Builder, document: YamlDocument, i: int, known: Mapping[str, Rule] | None
) -> Waiver:
    """One waiver of a file; what is wrong with it is noted in the builder."""
    before = len(builder.problems)
    waiver: Waiver = builder.waiver(("waivers", i), document.data["waivers"][i], known)
    readable = len(builder.problems) == before  # else a date may stand for one that is none
    if readable and waiver.issued is not None and waiver.issued > waiver.expires:
        message = f"expires on {waiver.expires}, before it is issued on {waiver.issued}"
        place = ("waivers", i, "expires")
        problem = error_at(document, place, message, "correct one of the dates")
        builder.problems.append(problem)
    return replace(waiver, separate=True)
