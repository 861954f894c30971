"""Strict YAML that remembers where everything stood: of policies, and of other people's packages.

Stricter than PyYAML's safe loader: a key given twice is an error (PyYAML keeps the last), `no` and
`on` stay text as in YAML 1.2, anchors and aliases are refused (a few of them can blow up to
gigabytes), and so are merge keys, tags and several documents.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, NoReturn

import yaml

from gatekeeper.errors import UsageError, excerpt
from gatekeeper.odd_characters import first_odd, named, remedy
from gatekeeper.yaml_words import as_meant, stumble, suspects

#: Keys and indices from the root to a value.
Route = tuple[str | int, ...]
#: Line and column, from 1.
Position = tuple[int, int]

MAX_NODES = 20_000
MAX_DEPTH = 12
_MAX_NUMBER = 30
#: Lines put right in search of the cause of a fault.
_MOST_TRIES = 8

YAML_TAG = "tag:yaml.org,2002:"
#: Plain scalars that are not text: YAML 1.2.2, section 10.3.2 (core schema), without .inf and .nan,
#: which JSON does not have.
SCALARS = {
    "null": re.compile(r"(?:~|null|Null|NULL|)\Z"),
    "bool": re.compile(r"(?:true|True|TRUE|false|False|FALSE)\Z"),
    "int": re.compile(r"[-+]?[0-9]+\Z"),
    "float": re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?\Z"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class YamlDocument:
    """A YAML file as plain data, with the place of every key and value.

    Attributes:
        data: dicts, lists, text, numbers, booleans and None. Dates stay text.
        source: the path as given.
        digest: `sha256:` of the file's bytes.
        written: (route, whether its key) -> a scalar as it stands in the file.
        files: of a document that was put together from several, the file that a value is from.
    """

    data: Any
    source: str
    digest: str
    values: Mapping[Route, Position]
    keys: Mapping[Route, Position]
    written: Mapping[tuple[Route, bool], str]
    files: Mapping[Route, str] = field(default_factory=dict)

    def position(self, route: Route, *, key: bool = False) -> Position:
        """Line and column of a value (or of its key); of the nearest parent if it has none."""
        table = self.keys if key and route in self.keys else self.values
        while route and route not in table:
            route, table = route[:-1], self.values
        return table.get(route, (1, 1))

    def odd_character(self, route: Route, *, key: bool = False) -> tuple[str, Position] | None:
        """The first character of a scalar that only looks like one of the keyboard, and its place.

        Of values that are wrong it is the likely cause, and nothing else shows it.
        """
        raw = self.written.get((route, key))
        if raw is None:
            return None
        table = self.keys if key else self.values
        at = first_odd(raw)
        return None if at is None else (raw[at], moved(table[route], raw[:at]))

    def where(self, route: Route, *, key: bool = False) -> str:
        """`file:line:column` of a value or its key."""
        return place(self.file(route), self.position(route, key=key))

    def file(self, route: Route) -> str:
        """The file that a value stands in; of the nearest parent if it stands nowhere."""
        while route and route not in self.files:
            route = route[:-1]
        return self.files.get(route, self.source)


def place(source: str, position: Position | None = None) -> str:
    """`file:line:column`, with a file name that cannot act on a terminal or a CI log."""
    name = "".join(c if c.isprintable() else "�" for c in source).replace("::", ": :")
    return f"{name}:{position[0]}:{position[1]}" if position else name


class _Strict(yaml.SafeLoader):
    """Composes nodes; refuses anchors, aliases and depth while doing so, before they cost much."""

    yaml_implicit_resolvers: dict[Any, Any] = {}  # noqa: RUF012 (PyYAML's own, per class)
    depth = 0
    nodes = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        event = self.peek_event()  # type: ignore[no-untyped-call]
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None) is not None:
            self._refuse("anchors (&) and aliases (*) are not allowed", event)
        self.nodes += 1
        if self.nodes > MAX_NODES:
            self._refuse(f"more than {MAX_NODES} values", event)
        self.depth += 1
        if self.depth > MAX_DEPTH:
            self._refuse(f"nested deeper than {MAX_DEPTH} levels", event)
        node: yaml.Node | None = super().compose_node(parent, index)
        self.depth -= 1
        return node

    def _refuse(self, problem: str, event: yaml.Event) -> NoReturn:
        mark: Any = event.start_mark
        raise yaml.MarkedYAMLError(problem=problem, problem_mark=mark)


for _name, _pattern in SCALARS.items():
    _Strict.add_implicit_resolver(YAML_TAG + _name, _pattern, None)


def moved(start: Position, text: str) -> Position:
    """Where one is after `text` that begins at `start`; line ends of any kind."""
    *before, last = re.split("\r\n|\r|\n", text)
    return (start[0] + len(before), len(last) + (1 if before else start[1]))


def parse_yaml(
    text: str,
    source: str,
    *,
    digest: str = "",
    check: Callable[[str, str], None] = lambda _text, _where: None,
) -> YamlDocument:
    """The document in a text.

    Args:
        source: the file, for messages.
        check: called with each text value or key and its place; raises for what may not be.

    Raises:
        UsageError: not YAML, or YAML beyond the strict subset; `where` tells line and column. Its
            message may repeat keys, tags and numbers.
    """
    root = _compose(text, source)
    builder = _Builder(text, source, check)
    return YamlDocument(
        data=None if root is None else builder.build(root, ()),
        source=source,
        digest=digest,
        values=builder.values,
        keys=builder.keys,
        written=builder.written,
    )


def _compose(text: str, source: str) -> yaml.Node | None:
    node, fault = _node_or_fault(text)
    if fault is None:
        return node
    raise _misplaced(text, source, fault.at) or UsageError(
        f"not valid YAML here: {fault.words}",
        where=place(source, fault.shown),
        remedy=fault.remedy,
    ) from fault.error


class _Fault(NamedTuple):
    """What is wrong first: where the parser noticed it (`at`), and where to look (`shown`)."""

    words: str
    remedy: str
    at: Position
    shown: Position
    error: Exception


def _node_or_fault(text: str) -> tuple[yaml.Node | None, _Fault | None]:
    """The root node; or what is wrong first, and where."""
    try:
        loader = _Strict(text)
    except yaml.reader.ReaderError as error:
        at = moved((1, 1), text[: error.position])
        words = f"{named(text[error.position])} is not allowed"
        return None, _Fault(words, "remove it", at, at, error)
    try:
        return loader.get_single_node(), None
    except yaml.MarkedYAMLError as error:
        told = stumble(error, text)
        mark = error.problem_mark or error.context_mark
        if error.problem == "found unexpected end of stream":  # a quote that is never closed
            mark = error.context_mark or mark
        at = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        return None, _Fault(told.words, told.remedy, at, told.position, error)
    except (yaml.YAMLError, ValueError, OverflowError) as error:
        # PyYAML lets chr() and int() raise on absurd escapes and directives.
        at = (loader.line + 1, loader.column + 1)
        return None, _Fault(excerpt(error), "mend the YAML", at, at, error)
    finally:
        loader.dispose()


def _misplaced(text: str, source: str, position: Position) -> UsageError | None:
    """The fault as a character that stands for a space or sign of YAML, if that is its cause.

    The parser takes it for text and stumbles over what follows, mostly in a later line. So those up
    to the fault are put right one line after the other, until it is gone or lies further on.
    """
    parts = re.split("(\r\n|\r|\n)", text)
    lines = range(min(position[0], len(parts) // 2 + 1), 0, -1)
    odd = ((n, at) for n in lines if (at := suspects(parts[2 * n - 2])))
    for (number, at), _ in zip(odd, range(_MOST_TRIES), strict=False):
        line = parts[2 * number - 2]
        wrong = set(at)
        meant = (as_meant(c) if i in wrong else c for i, c in enumerate(line))
        parts[2 * number - 2] = "".join(meant)
        fault = _node_or_fault("".join(parts))[1]
        if fault is None or fault.at > position:
            return UsageError(
                f"not valid YAML here: {named(line[at[0]])}",
                where=place(source, (number, at[0] + 1)),
                remedy=remedy(line[at[0]]),
            )
    return None


class _Builder:
    """Nodes to plain data, noting places."""

    def __init__(self, text: str, source: str, check: Callable[[str, str], None]) -> None:
        self.values: dict[Route, Position] = {}
        self.keys: dict[Route, Position] = {}
        self.written: dict[tuple[Route, bool], str] = {}
        self._text = text
        self._source = source
        self._check = check

    def build(self, node: yaml.Node, route: Route) -> Any:
        self.values[route] = _position(node)
        if isinstance(node, yaml.MappingNode) and node.tag == YAML_TAG + "map":
            return self._mapping(node, route)
        if isinstance(node, yaml.SequenceNode) and node.tag == YAML_TAG + "seq":
            return [self.build(item, (*route, i)) for i, item in enumerate(node.value)]
        if isinstance(node, yaml.ScalarNode):
            self.written[route, False] = self._raw(node)
            return self._scalar(node)
        raise self._error(node, f"tag {excerpt(node.tag)!r} is not allowed", "remove the tag")

    def _mapping(self, node: yaml.MappingNode, route: Route) -> dict[str, Any]:
        mapping: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key = self._scalar(key_node) if isinstance(key_node, yaml.ScalarNode) else None
            if not isinstance(key, str):
                raise self._error(key_node, "a key is not text", "quote the key, or remove it")
            if key in mapping:
                line = self.keys[(*route, key)][0]
                raise self._error(
                    key_node,
                    f"key {excerpt(key)!r} given twice, first in line {line}",
                    "remove one of them",
                )
            self.keys[(*route, key)] = _position(key_node)
            self.written[(*route, key), True] = self._raw(key_node)
            mapping[key] = self.build(value_node, (*route, key))
        return mapping

    def _scalar(self, node: yaml.ScalarNode) -> str | int | float | bool | None:
        kind, text = node.tag.removeprefix(YAML_TAG), str(node.value)
        if kind == "str":
            self._check(text, place(self._source, _position(node)))
            return text
        if kind not in SCALARS or not SCALARS[kind].match(text):
            raise self._error(node, f"tag {excerpt(node.tag)!r} is not allowed", "remove the tag")
        if kind == "null":
            return None
        if kind == "bool":
            return text.lower() == "true"
        return self._number(node, kind, text)

    def _raw(self, node: yaml.Node) -> str:
        return self._text[node.start_mark.index : node.end_mark.index]

    def _number(self, node: yaml.ScalarNode, kind: str, text: str) -> int | float:
        if len(text) > _MAX_NUMBER:
            raise self._error(node, f"number of {len(text)} characters", "write it shorter")
        number = int(text) if kind == "int" else float(text)
        if not math.isfinite(number):
            raise self._error(node, f"number {excerpt(text)} is not finite", "write a finite one")
        return number

    def _error(self, node: yaml.Node, message: str, remedy: str) -> UsageError:
        return UsageError(message, where=place(self._source, _position(node)), remedy=remedy)


def _position(node: yaml.Node) -> Position:
    return (node.start_mark.line + 1, node.start_mark.column + 1)
