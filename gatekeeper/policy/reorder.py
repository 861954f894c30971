"""Puts the keys of a policy in the order in which people read them, as whole lines of text."""

from __future__ import annotations

from collections.abc import Sequence

from gatekeeper.policy.merge import LIMITS
from gatekeeper.strict_yaml import Route, YamlDocument, parse_yaml

_POLICY = (
    *("schema", "id", "version", "title", "owner", "review_by", "about", "extends", "applies_to"),
    *("tiers", "evidence", "waiver_rules", "remove", "rules", "waivers"),
)
_RULE = (
    *("id", "metric", "at", *LIMITS, "bound", "interval"),
    *("severity", "rationale", "remedy", "controls"),
)
_WAIVER = ("rule", "checkpoint", "reason", "ticket", "owner", "approver", "issued", "expires")


def in_order_of_keys(text: str) -> str:
    """The text with keys of the policy, its rules and its waivers in order.

    Only mappings with a key in each line are touched. A comment goes with the key below it.
    """
    document = parse_yaml(text, "")
    data = document.data
    if not isinstance(data, dict):
        return text
    parts: tuple[tuple[str, Sequence[str]], ...] = (("waivers", _WAIVER), ("rules", _RULE))
    lines = text.splitlines(keepends=True)
    if lines and not lines[-1].endswith("\n"):
        lines[-1] += "\n"
    for part, order in parts:
        entries = data.get(part)
        for i, entry in enumerate(entries if isinstance(entries, list) else ()):
            if isinstance(entry, dict):
                lines = _ordered(lines, document, (part, i), list(entry), order)
    return "".join(_ordered(lines, document, (), list(data), _POLICY))


def _ordered(
    lines: list[str], document: YamlDocument, route: Route, keys: list[str], order: Sequence[str]
) -> list[str]:
    """Lines with the keys of one mapping in order; as they are if that cannot be done by lines.

    Mappings further in have been put in order before, which leaves first and last lines in place.
    """
    wanted = sorted(keys, key=lambda key: order.index(key) if key in order else len(order))
    places = [document.keys[(*route, key)] for key in keys]
    starts, columns = [line - 1 for line, _ in places], {column for _, column in places}
    if wanted == keys or len(columns) > 1 or len(set(starts)) < len(starts):
        return lines
    indent = columns.pop() - 1
    if any(lines[start][:indent].strip() for start in starts[1:]):
        return lines
    end = _end(lines, starts[-1], indent)
    begin = starts[0] if route else _behind_head(lines, starts[0])
    cuts = [begin, *(_with_comments(lines, start, indent) for start in starts[1:]), end]
    first = lines[starts[0]][:indent]  # `  - ` of a list, or spaces
    plain = [*lines]
    plain[starts[0]] = " " * indent + lines[starts[0]][indent:]
    chunks = {key: plain[a:b] for key, a, b in zip(keys, cuts, cuts[1:], strict=False)}
    head = chunks[wanted[0]]
    at = next(
        i for i, line in enumerate(head) if line.strip() and not line.lstrip().startswith("#")
    )
    chunks[wanted[0]] = [*head[:at], first + head[at][indent:], *head[at + 1 :]]
    moved = [line for key in wanted for line in chunks[key]]
    return [*lines[:begin], *moved, *lines[end:]]


def _behind_head(lines: list[str], start: int) -> int:
    """The first line of the first key's comments; those at the top of a file are the file's."""
    above = _with_comments(lines, start, 0)
    return above if above and not lines[above - 1].strip() else start


def _with_comments(lines: list[str], start: int, indent: int) -> int:
    """The first line of the comments that stand directly above a key, as far in as it."""
    while start > 0 and lines[start - 1].startswith(" " * indent + "#"):
        start -= 1
    return start


def _end(lines: list[str], start: int, indent: int) -> int:
    """The line behind the last of a key's value: without blank lines and comments that follow."""
    end = last = start + 1
    while end < len(lines):
        line = lines[end]
        inner = len(line) - len(line.lstrip(" ")) > indent
        inner = inner or line.startswith(" " * indent + "-")  # a list as far in as its key
        if line.strip() and not inner:
            break
        end += 1
        if line.strip():
            last = end
    return last
