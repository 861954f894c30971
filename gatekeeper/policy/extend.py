"""Reads a policy with all that it extends: parents by name or path, and the tier that is asked for.

A chain of parents ends in a policy of its own. Each file must be of the schema, so that an error
points at the file and line that it stands in, be it the parent's or the child's.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from gatekeeper.bundled import is_shipped_name, shipped_policies
from gatekeeper.errors import UsageError, did_you_mean, excerpt
from gatekeeper.policy.merge import changes, extended, of_tier
from gatekeeper.policy.one_file import one_file
from gatekeeper.policy.problems import Problem, raised
from gatekeeper.policy.repair import repaired
from gatekeeper.policy.schema import first_schema_problem, schema_problems
from gatekeeper.policy.yaml_marks import read_bytes, yaml_of
from gatekeeper.records.policy import Change
from gatekeeper.strict_yaml import Route, YamlDocument

#: Files in a chain of parents.
_MOST_FILES = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Assembled:
    """A policy's data, put together.

    Attributes:
        document: of one file; errors in it point at the files that it was put together from.
        text: the whole as one file's bytes; those that were read, if nothing was put together.
        files: id and digest of each file that was read.
        malformed: what of the file is not of the right form; it then was made right enough to be
            put together, and nothing may be judged by it.
        touched: where that was done, as places of the whole: nothing is known of what stands there.
    """

    document: YamlDocument
    text: bytes
    files: tuple[tuple[str, str], ...]
    changes: tuple[Change, ...] = ()
    malformed: tuple[Problem, ...] = ()
    touched: frozenset[Route] = frozenset()

    @property
    def digest(self) -> str:
        """`sha256:` of `text`."""
        return f"sha256:{hashlib.sha256(self.text).hexdigest()}"


def assemble(path: Path, tier: str | None = None, raw: bytes | None = None) -> Assembled:
    """The policy in a file, with what it extends, for one tier.

    Args:
        tier: one of the policy's; left out, the one that is its default.
        raw: bytes that are to be the file's; None: those that it has.

    Raises:
        UsageError: a file is unreadable or not strict YAML, or what it extends is not of the
            schema; a parent is missing, of another digest, or extends the child; the tier is
            unknown, or none was named.
    """
    whole = _with_parents(path, read_bytes(path) if raw is None else raw, ())
    return _with_tier(whole, tier)


def assembled(path: Path, raw: bytes) -> Assembled:
    """The policy in bytes that are to be a file's, with what it extends and all its tiers.

    Raises:
        UsageError: see `assemble`.
    """
    return _with_parents(path, raw, ())


def tiers_of(path: Path) -> tuple[str, ...]:
    """The tiers of a policy, those of its parents too; empty if it has none.

    Raises:
        UsageError: see `assemble`.
    """
    return tuple(_with_parents(path, read_bytes(path), ()).document.data.get("tiers", ()))


def _with_parents(path: Path, raw: bytes, children: tuple[str, ...]) -> Assembled:
    """The policy in a file's bytes over what it extends.

    Args:
        children: digests of the files that extend it.
    """
    document = yaml_of(raw, str(path))
    malformed = first_schema_problem(document)
    if malformed and _stands_alone(document.data) and not children:
        # Told with what else is wrong with it, see `examine`.
        return Assembled(document=document, text=raw, files=())
    if malformed:
        problems = (malformed, *schema_problems(document))
        return _as_far_as_possible(path, document, problems, children)
    return _over_parents(path, raw, document, children)


def _as_far_as_possible(
    path: Path, document: YamlDocument, problems: tuple[Problem, ...], children: tuple[str, ...]
) -> Assembled:
    """A file that is not of the schema over what it extends, so that all its faults are told.

    Raises:
        UsageError: it cannot be put together, or is extended itself; with those of its form.
    """
    mended = None if children else repaired(document.data)
    touched = mended.touched if mended is not None else set[Route]()
    nameless = any(r[:1] == ("rules",) and r[2:3] in {(), ("id",)} for r in touched)
    if mended is None or nameless:  # which rules it changes, nobody knows
        raise raised(problems)
    try:
        sound = replace(document, data=mended.data)
        whole = _over_parents(path, b"", sound, children)
    except UsageError as error:
        first = raised(problems)
        others = (*first.others, error, *error.others)
        raise UsageError(
            first.message, where=first.where, remedy=first.remedy, others=others
        ) from error
    # Which unit a limit takes hangs on the metric, which may stand below.
    told = replace(document, data=_with_metrics(document.data, metrics_of(whole)))
    best = first_schema_problem(told)
    problems = (*([best] if best else ()), *schema_problems(told))
    there = frozenset(_in_whole(route, document.data, whole) for route in touched)
    return replace(whole, malformed=problems, touched=there)


def metrics_of(whole: Assembled) -> dict[str, str]:
    """The metric of each rule, by its id."""
    return {rule["id"]: rule["metric"] for rule in whole.document.data["rules"]}


def _with_metrics(data: Any, metrics: Mapping[str, str]) -> Any:
    """A file's data in which each rule names its metric; all else is as it is."""
    rules = data.get("rules")
    if not isinstance(rules, list):
        return data
    named = [
        {"metric": metrics[rule["id"]], **rule}
        if isinstance(rule, dict) and isinstance(rule.get("id"), str) and rule["id"] in metrics
        else rule
        for rule in rules
    ]
    return {**data, "rules": named}


def _in_whole(route: Route, child: Any, whole: Assembled) -> Route:
    """Where a place of a file lies in what was put together: rules may have moved."""
    if len(route) < 2 or route[0] != "rules":
        return route
    rules, at = child.get("rules"), route[1]
    rule = rules[at] if isinstance(rules, list) and isinstance(at, int) else None
    name = rule.get("id") if isinstance(rule, dict) else None
    ids = [one["id"] for one in whole.document.data["rules"]]
    return ("rules", ids.index(name), *route[2:]) if name in ids else ("rules",)


def _over_parents(
    path: Path, raw: bytes, document: YamlDocument, children: tuple[str, ...]
) -> Assembled:
    files: tuple[tuple[str, str], ...] = ((document.data["id"], document.digest),)
    if "extends" not in document.data:
        if "remove" in document.data:
            where = document.where(("remove",), key=True)
            remedy = "add extends, or leave the rule out"
            raise UsageError("nothing to remove a rule from", where=where, remedy=remedy)
        return Assembled(document=document, text=raw, files=files)
    parent = _parent(document, path, (*children, document.digest))
    merged = extended(parent.document, document)
    told = changes(parent.document.data, merged.data, parent.document.data["id"])
    files += parent.files
    return Assembled(
        document=merged,
        text=one_file(merged.data, files),
        files=files,
        changes=told + parent.changes,
    )


def _stands_alone(data: Any) -> bool:
    """Whether nothing has to be put together, as far as data of any form tell."""
    return isinstance(data, dict) and not {"extends", "remove", "tiers"} & data.keys()


def _parent(document: YamlDocument, path: Path, children: tuple[str, ...]) -> Assembled:
    entry: Any = document.data["extends"]
    named = isinstance(entry, str)
    name, wanted = (entry, None) if named else (entry["policy"], entry.get("digest"))
    where = document.where(("extends",) if named else ("extends", "policy"))
    if len(children) >= _MOST_FILES:
        message = f"more than {_MOST_FILES} policies extend each other"
        raise UsageError(message, where=where, remedy="put some of them into one file")
    file = file_named(name, path, where)
    try:
        raw = read_bytes(file)
    except UsageError as error:
        message = f"{excerpt(name)}, which this policy extends, {error.message}"
        raise UsageError(message, where=where, remedy="check the path") from error
    if f"sha256:{hashlib.sha256(raw).hexdigest()}" in children:
        message = f"{excerpt(name)} is extended by this policy and extends it"
        raise UsageError(message, where=where, remedy="let one of them stand alone")
    found = _with_parents(file, raw, children)
    if wanted is not None and found.digest != wanted:
        raise UsageError(
            f"{excerpt(name)} is of another digest, {found.digest}",
            where=document.where(("extends", "digest")),
            remedy="read what was changed in it, then write its digest here",
        )
    return found


def file_named(name: str, path: Path, where: str) -> Path:
    """The file of a shipped policy, or one at a path that is relative to that of `path`.

    Raises:
        UsageError: there is no such shipped policy; `where` is where it is named.
    """
    if not is_shipped_name(name):
        return path.parent / name
    known = {file.stem: file for file in shipped_policies()}
    if name not in known:
        otherwise = f"shipped: {', '.join(known)}; a file's name ends in .yaml"
        remedy = did_you_mean(name, tuple(known), otherwise)
        raise UsageError(f"no policy {name!r} is shipped", where=where, remedy=remedy)
    return known[name]


def _with_tier(whole: Assembled, name: str | None) -> Assembled:
    data, document = whole.document.data, whole.document
    if "tiers" not in data:
        told = data.get("tier")
        if name not in {None, told}:
            message = f"tier {excerpt(name)!r} of a policy that has no tiers"
            message = f"a policy of tier {told}, not {excerpt(name)!r}" if told else message
            raise UsageError(message, where=document.source, remedy="leave out --tier")
        return whole
    name = _chosen(document) if name is None else name
    if name not in data["tiers"]:
        message = f"the policy has no tier {excerpt(name)!r}"
        where = document.where(("tiers",), key=True)
        raise UsageError(message, where=where, remedy=did_you_mean(name, tuple(data["tiers"])))
    tiered = of_tier(document, name)
    told = changes(data, tiered.data, f"tier {name}")
    return Assembled(
        document=tiered,
        text=one_file(tiered.data, whole.files),
        files=whole.files,
        changes=told + whole.changes,
        malformed=whole.malformed,
        touched=whole.touched | {_in_tier(r, name, data) for r in whole.touched if len(r) > 3},
    )


def _in_tier(route: Route, tier: str, data: Any) -> Route:
    """Where what a tier says stands in the policy of that tier."""
    if route[:3] == ("tiers", tier, "rules"):
        ids = [rule["id"] for rule in data["rules"]]
        return ("rules", ids.index(route[3]), *route[4:]) if route[3] in ids else ("rules",)
    return route[2:] if route[:2] == ("tiers", tier) else route


def _chosen(document: YamlDocument) -> str:
    """The tier that is the default.

    Raises:
        UsageError: none is, or several are.
    """
    tiers = document.data["tiers"]
    defaults = [name for name, tier in tiers.items() if tier and tier.get("default")]
    if len(defaults) == 1:
        return str(defaults[0])
    where, names = document.where(("tiers",), key=True), ", ".join(tiers)
    if defaults:
        message = f"several tiers are the default: {', '.join(defaults)}"
        raise UsageError(message, where=where, remedy="leave default: true to one of them")
    remedy = f"name one with --tier: {names}"
    raise UsageError("the policy has tiers, and none was named", where=where, remedy=remedy)
