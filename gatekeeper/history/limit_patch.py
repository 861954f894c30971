"""Writes tuned limits as a patch of a policy: where they stand, or over what it extends."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from gatekeeper.errors import UsageError, excerpt
from gatekeeper.policy import merge
from gatekeeper.policy.extend import assemble
from gatekeeper.policy.yaml_marks import read_bytes, read_yaml
from gatekeeper.records.policy import Policy, Rule
from gatekeeper.strict_yaml import Route, YamlDocument

if TYPE_CHECKING:
    from gatekeeper.history.tune import Tuned

_LIMITS = frozenset(merge.LIMITS)
_NUMBER = re.compile(r"-?[0-9.]+")


class _Edit(NamedTuple):
    """Text that takes the place of so many characters from a place on; places of one keep order."""

    at: int
    length: int
    text: str


def patch(path: Path, policy: Policy, tuned: Sequence[Tuned]) -> str:
    """A unified diff that moves limits to the tightest ones; comments and all else stay.

    A limit that stands in a policy which this file extends is written into this file, over it.

    Raises:
        UsageError: a limit cannot be written into the file.
    """
    document = read_yaml(path)
    # As it is on the disk, whatever ends its lines.
    text = read_bytes(path).decode("utf-8")
    moved = [one for one in tuned if one.tightest not in {None, one.limit}]
    rules = {rule.id: _limit_of(rule, moved) for rule in policy.rules}
    changed = {name: limit for name, limit in rules.items() if limit is not None}
    edits = list(_edits(document, text, policy, moved, changed))
    after = text
    for edit in sorted(edits, key=lambda edit: edit.at, reverse=True):  # so that no place moves
        after = after[: edit.at] + edit.text + after[edit.at + edit.length :]
    _hold(path, after, policy, moved)
    name = path.as_posix().lstrip("/")
    before, then = text.splitlines(keepends=True), after.splitlines(keepends=True)
    made = difflib.unified_diff(before, then, f"a/{name}", f"b/{name}")
    return "".join(x if x.endswith("\n") else f"{x}\n\\ No newline at end of file\n" for x in made)


def _limit_of(rule: Rule, moved: Sequence[Tuned]) -> str | None:
    """The whole limit of a rule as a policy has it, with what was tuned; None where nothing was."""
    own = [one for one in moved if one.rule.id == rule.id]
    if not own:
        return None
    key, ends = own[0].key, {"min": rule.minimum, "max": rule.maximum}
    ends |= {"max" if o.rule.maximum is not None else "min": o.tightest for o in own}
    written = [f"{end:g} {rule.unit}" for end in ends.values() if end is not None]
    return f"{key}: [{', '.join(written)}]" if key == "between" else f"{key}: {written[0]}"


def _edits(
    document: YamlDocument,
    text: str,
    policy: Policy,
    moved: Sequence[Tuned],
    limits: Mapping[str, str],
) -> Iterator[_Edit]:
    fresh: dict[str, str] = {}
    for one in moved:
        name = one.rule.id
        route = _rule_at(document.data, policy.tier, name)
        if route is not None and one.key in _at(document.data, route):
            yield _number(document, text, route, one)
        elif name not in fresh:  # both sides of a rule are one limit
            fresh[name] = limits[name]
            if route is not None:
                yield _beside(document, text, route, limits[name])
    known = [rule["id"] for rule in document.data.get("rules", ())]
    if more := {name: limit for name, limit in fresh.items() if name not in known}:
        yield _new_rules(document, text, more)


def _rule_at(data: Any, tier: str | None, name: str) -> Route | None:
    """Where a file says something of a rule: of its tier, if it does; None if nowhere."""
    of_tier = (data.get("tiers") or {}).get(tier) or {}
    if _LIMITS & (of_tier.get("rules") or {}).get(name, {}).keys():
        return ("tiers", str(tier), "rules", name)
    ids = [rule.get("id") for rule in data.get("rules", [])]
    return ("rules", ids.index(name)) if name in ids else None


def _at(data: Any, route: Route) -> Any:
    for step in route:
        data = data[step]
    return data


def _number(document: YamlDocument, text: str, route: Route, one: Tuned) -> _Edit:
    """The number of a limit that stands in the file."""
    at: Route = (*route, one.key)
    if one.key == "between":
        at = (*at, 0 if one.rule.maximum is None else 1)
    start = _offset(text, document.position(at))
    number = _NUMBER.search(text, start)
    if number is None or float(number[0]) != one.limit:
        raise UsageError(
            f"the limit of rule {one.rule.id} does not stand there as a number",
            where=document.where(at),
            remedy="tune the policy that it comes from, or write the limit here",
        )
    return _Edit(number.start(), len(number[0]), f"{one.tightest:g}")


def _beside(document: YamlDocument, text: str, route: Route, limit: str) -> _Edit:
    """A limit of a rule that the file changes in other things: behind its id."""
    id_ = (*route, "id")
    at = _offset(text, document.position(id_)) + len(document.written[id_, False])
    if text[_offset(text, document.position(route))] == "{":
        return _Edit(at, 0, f", {limit}")
    column = document.position(id_, key=True)[1]
    at = re.compile("\r\n|\r|\n|\\Z").search(text, at).start()  # type: ignore[union-attr]
    return _Edit(at, 0, f"{_line_end(text)}{' ' * (column - 1)}{limit}")


def _new_rules(document: YamlDocument, text: str, limits: Mapping[str, str]) -> _Edit:
    """Limits of rules of which the file says nothing: before those that stand there, if any do, as
    nothing tells where the comments of the last one end.
    """
    end = _line_end(text)
    if "rules" not in document.data:
        entries = "".join(f"  - id: {name}{end}    {limit}{end}" for name, limit in limits.items())
        gap = "" if text.endswith(("\n", "\r")) else end
        return _Edit(len(text), 0, f"{gap}rules:{end}{entries}")
    start = _offset(text, document.position(("rules",)))
    if text[start] == "[":
        entries = "".join(f"{{id: {name}, {limit}}}, " for name, limit in limits.items())
        return _Edit(start + 1, 0, entries)
    indent = " " * (document.position(("rules",))[1] - 1)
    lines = (f"- id: {n}{end}{indent}  {limit}{end}{indent}" for n, limit in limits.items())
    return _Edit(start, 0, "".join(lines))


def _line_end(text: str) -> str:
    return "\r\n" if "\r\n" in text else "\n"


def _offset(text: str, position: tuple[int, int]) -> int:
    line, column = position
    ends = [0, *(match.end() for match in re.finditer("\r\n|\r|\n", text))]
    return ends[line - 1] + column - 1 + text.startswith("\ufeff") * (line == 1)


def _hold(path: Path, text: str, policy: Policy, moved: Sequence[Tuned]) -> None:
    """Refuses a patch after which the file would not say what was tuned."""
    data = assemble(path, policy.tier, text.encode()).document.data
    rules = {rule["id"]: rule for rule in data["rules"]}
    for one in moved:
        said = rules.get(one.rule.id, {}).get(one.key)
        side = 0 if one.rule.maximum is None else 1
        limit = said[side] if isinstance(said, list) else said
        if str(limit).split() != [f"{one.tightest:g}", one.rule.unit]:
            raise UsageError(
                f"the limit of rule {one.rule.id} cannot be written into this file",
                where=excerpt(path),
                remedy=f"write {one.key}: {one.tightest:g} {one.rule.unit} by hand",
            )
