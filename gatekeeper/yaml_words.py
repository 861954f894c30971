"""What a YAML parser stumbles over, in words for people who write YAML twice a year."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

import yaml

from gatekeeper.errors import excerpt
from gatekeeper.odd_characters import replacement

#: Where YAML looks for spaces and signs: at the start of a line, after and before its own signs.
#: What stands for one of them is the end of a match, beyond ASCII.
_STRUCTURE = re.compile(
    r"(?:^ *|[][:,{}?|>'\"-] *)[^\x20-\x7e]+|^ *(?:- +)?[A-Za-z_]+ *\N{FULLWIDTH COLON}"
)
_QUOTE = "put the whole value in quotes"
_INDENT = "begin it below the lines that it belongs with, with spaces"
#: A key with a colon and no space.
_GLUED = re.compile(r"\s*(?:- +)?[A-Za-z_]\w*:\S")


class Stumble(NamedTuple):
    """What is wrong, what to do, and the place to look at: line and column, from 1."""

    words: str
    remedy: str
    position: tuple[int, int]


class _Seen(NamedTuple):
    """PyYAML's complaint, the text it is about, and its two marks."""

    problem: str
    lines: list[str]
    at: tuple[int, int]
    begun: tuple[int, int]

    @property
    def before(self) -> str:
        """What stands in the line, up to the place."""
        return self.line(self.at)[: self.at[1] - 1]

    def line(self, position: tuple[int, int]) -> str:
        """The line of a place; empty where YAML counts other line ends than we do."""
        return self.lines[position[0] - 1] if position[0] <= len(self.lines) else ""

    @property
    def last(self) -> str:
        """The character that the complaint names in quotes."""
        found = re.findall(r"'(\\?.)'", self.problem)
        return found[-1] if found else "?"


def stumble(error: yaml.MarkedYAMLError, text: str) -> Stumble:
    """A complaint of PyYAML's in words; its own where it is none that people run into."""
    problem = error.problem or error.context or "?"
    mark, begun = error.problem_mark or error.context_mark, error.context_mark
    at = (mark.line + 1, mark.column + 1) if mark else (1, 1)
    seen = _Seen(
        problem,
        re.split("\r\n|\r|\n", text),
        at,
        (begun.line + 1, begun.column + 1) if begun else at,
    )
    for pattern, tell in _TABLE:
        if pattern in problem:
            return tell(seen)
    return Stumble(excerpt(problem), "mend the YAML", at)


def _start(seen: _Seen) -> Stumble:
    if seen.last == "\\t":
        return Stumble(
            "a tab, where YAML takes spaces only", "write spaces instead of the tab", seen.at
        )
    return Stumble(f"no value may begin with {seen.last}", _QUOTE, seen.at)


def _no_colon(seen: _Seen) -> Stumble:
    if _GLUED.match(seen.line(seen.begun)):
        return Stumble("no space behind the colon", "write it as key: value", seen.begun)
    remedy = "write it as key: value, or indent it if it goes on with the text above"
    return Stumble("a line without a colon, where a key belongs", remedy, seen.begun)


def _second_colon(seen: _Seen) -> Stumble:
    if re.search(r":\s+\S", seen.before.removeprefix(" ").lstrip("- ")):
        return Stumble("a second colon in one line", _QUOTE, seen.at)
    words = "indented otherwise than the line above, which has its value already"
    return Stumble(words, _INDENT, (seen.at[0], _indent(seen) + 1))


def _indented(seen: _Seen) -> Stumble:
    if "<scalar>" in seen.problem or "<" not in seen.problem.split("found")[1]:
        if seen.before.strip() and seen.before.rstrip()[-1] in "\"'":
            remedy = "put the whole value in quotes; inside them write \", or '' for '"
            return Stumble("text behind a closing quote", remedy, seen.at)
        if seen.before.strip() and seen.before.rstrip()[-1] in "]}":
            return Stumble("text behind a closing bracket", _QUOTE, seen.at)
    words = "indented otherwise than the lines that it belongs with"
    return Stumble(words, _INDENT, seen.at)


def _unclosed(seen: _Seen) -> Stumble:
    bracket = {"]": "[", "}": "{"}["]" if "or ']'" in seen.problem else "}"]
    closing = {"[": "]", "{": "}"}[bracket]
    words = f"{bracket} is not closed, or a comma is missing behind it (up to line {seen.at[0]})"
    remedy = f"close it with {closing}, or put a comma between its entries"
    return Stumble(words, f"{remedy}; text that begins with {bracket} goes in quotes", seen.begun)


def _unquoted(seen: _Seen) -> Stumble:
    line = seen.line(seen.begun)
    quote = line[seen.begun[1] - 1 : seen.begun[1]] or "'"
    return Stumble("a quote that is never closed", f"close it with {quote}", seen.begun)


def _escape(seen: _Seen) -> Stumble:
    words = "a backslash in double quotes, which begins no escape that YAML knows"
    return Stumble(words, "use single quotes, or write the backslash twice", seen.at)


def _told(words: str, remedy: str) -> Callable[[_Seen], Stumble]:
    return lambda seen: Stumble(words, remedy, seen.at)


def _indent(seen: _Seen) -> int:
    return len(seen.before) - len(seen.before.lstrip(" "))


#: A piece of PyYAML's complaint -> what tells it; the first that fits.
_TABLE: tuple[tuple[str, Callable[[_Seen], Stumble]], ...] = (
    ("cannot start any token", _start),
    ("could not find expected ':'", _no_colon),
    ("mapping values are not allowed", _second_colon),
    (
        "sequence entries are not allowed",
        _told("a list that begins in the line of its key", "begin it in a line of its own"),
    ),
    ("expected <block end>", _indented),
    ("expected ',' or", _unclosed),
    ("found unexpected end of stream", _unquoted),
    ("unknown escape character", _escape),
    ("expected escape sequence", _escape),
    (
        "expected the node content",
        _told("no value here", "write one, or remove the comma or bracket"),
    ),
    (
        "found another document",
        _told("a second document (---)", "keep one document in a file"),
    ),
    (
        "expected a comment or a line break",
        _told("text behind > or |", "begin it in the next line"),
    ),
    (
        "chomping or indentation",
        _told("text behind > or |", "begin it in the next line, or quote it"),
    ),
    (
        "anchors (&) and aliases (*)",
        _told("anchors (&) and aliases (*) are not allowed", "write the value out, or quote it"),
    ),
    ("expected a digit", _told("a line that begins with %", "remove it, or quote it")),
    ("incompatible YAML document", _told("a line that begins with %", "remove it")),
    ("duplicate YAML directive", _told("a line that begins with %", "remove it")),
    ("document start", _told("a line that begins with %", "remove it, or quote it")),
)


def suspects(line: str) -> list[int]:
    """Where in a line something else stands in the place of a space or sign."""
    columns = [at for match in _STRUCTURE.finditer(line) for at in range(*match.span())]
    return [at for at in columns if replacement(line[at]) is not None]


def as_meant(character: str) -> str:
    """The space or sign that a character stands for."""
    meant = replacement(character) or character
    return ": " if meant == ":" else meant
