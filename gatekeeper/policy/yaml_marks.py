"""Strict YAML that remembers where everything stood.

Stricter than PyYAML's safe loader: a key given twice is an error (PyYAML keeps the last), `no` and
`on` stay text as in YAML 1.2, anchors and aliases are refused (a few of them can blow up to
gigabytes), and so are tags, several documents, and characters that hide or reorder text.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import yaml

from gatekeeper.errors import UsageError, excerpt
from gatekeeper.pointers import refuse_pointer

#: Keys and indices from the root to a value.
Route = tuple[str | int, ...]
#: Line and column, from 1.
Position = tuple[int, int]

MAX_BYTES = 1 << 20
MAX_NODES = 20_000
MAX_DEPTH = 12
_MAX_NUMBER = 30

#: C0 and C1 controls (but tab, line feed and carriage return), surrogates and non-characters; bidi
#: controls; characters of no width and fillers that show as nothing, which make two names of one;
#: line and paragraph separators, which end a line for some readers only; tags. YAML escapes
#: ("\u202e") can make what the raw text may not hold, so both are looked through.
_UNSAFE = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff"
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
    "\u00ad\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200d\u2060-\u2065\u206a-\u206f"
    "\u3164\ufeff\uffa0\ufff0-\ufffb\u2028\u2029\U000e0000-\U000e0fff]"
)
_TAG = "tag:yaml.org,2002:"
#: Plain scalars that are not text: YAML 1.2.2, section 10.3.2 (core schema), without .inf and .nan,
#: which JSON does not have.
_SCALARS = {
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
    """

    data: Any
    source: str
    digest: str
    values: Mapping[Route, Position]
    keys: Mapping[Route, Position]

    def position(self, route: Route, *, key: bool = False) -> Position:
        """Line and column of a value (or of its key); of the nearest parent if it has none."""
        table = self.keys if key and route in self.keys else self.values
        while route and route not in table:
            route, table = route[:-1], self.values
        return table.get(route, (1, 1))

    def where(self, route: Route, *, key: bool = False) -> str:
        """`file:line:column` of a value or its key."""
        return place(self.source, self.position(route, key=key))


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


for _name, _pattern in _SCALARS.items():
    _Strict.add_implicit_resolver(_TAG + _name, _pattern, None)


def read_yaml(path: Path) -> YamlDocument:
    """Read and check a YAML file.

    Raises:
        UsageError: unreadable, too large, not UTF-8, not YAML, or YAML beyond the strict subset;
            `where` tells line and column.
    """
    source = str(path)
    raw = _read_bytes(path, source)
    text = _decode(raw, source)
    values: dict[Route, Position] = {}
    keys: dict[Route, Position] = {}
    root = _compose(text, source)
    data = _Builder(source, values, keys).build(root, ()) if root is not None else None
    return YamlDocument(
        data=data,
        source=source,
        digest="sha256:" + hashlib.sha256(raw).hexdigest(),
        values=values,
        keys=keys,
    )


def _read_bytes(path: Path, source: str) -> bytes:
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        reason = excerpt(getattr(error, "strerror", None) or error)
        raise UsageError(
            f"cannot be read: {reason}", where=place(source), remedy="check the path"
        ) from error
    if len(raw) > MAX_BYTES:
        raise UsageError(
            f"larger than {MAX_BYTES >> 20} MiB", where=place(source), remedy="split the file"
        )
    refuse_pointer(raw, place(source), UsageError)
    return raw


def _decode(raw: bytes, source: str) -> str:
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise UsageError(
            "not UTF-8 text", where=place(source, (line, 1)), remedy="save the file as UTF-8"
        ) from error
    found = _UNSAFE.search(text)
    if found:
        start = text.rfind("\n", 0, found.start()) + 1
        position = (text.count("\n", 0, found.start()) + 1, found.start() - start + 1)
        raise _unsafe(found.group(), place(source, position))
    return text


def _unsafe(character: str, where: str) -> UsageError:
    return UsageError(
        f"character U+{ord(character):04X} hides or reorders text", where=where, remedy="remove it"
    )


def _compose(text: str, source: str) -> yaml.Node | None:
    loader = _Strict(text)
    try:
        node: yaml.Node | None = loader.get_single_node()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        position = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        problem = excerpt(error.problem or error.context or "not valid YAML")
        raise UsageError(
            f"not valid YAML here: {problem}", where=place(source, position), remedy="mend the YAML"
        ) from error
    except (yaml.YAMLError, ValueError, OverflowError) as error:
        # PyYAML lets chr() and int() raise on absurd escapes and directives.
        position = (loader.line + 1, loader.column + 1)
        raise UsageError(
            f"not valid YAML here: {excerpt(error)}",
            where=place(source, position),
            remedy="mend the YAML",
        ) from error
    finally:
        loader.dispose()
    return node


class _Builder:
    """Nodes to plain data, noting places."""

    def __init__(
        self, source: str, values: dict[Route, Position], keys: dict[Route, Position]
    ) -> None:
        self._source = source
        self._values = values
        self._keys = keys

    def build(self, node: yaml.Node, route: Route) -> Any:
        self._values[route] = _position(node)
        if isinstance(node, yaml.MappingNode) and node.tag == _TAG + "map":
            return self._mapping(node, route)
        if isinstance(node, yaml.SequenceNode) and node.tag == _TAG + "seq":
            return [self.build(item, (*route, i)) for i, item in enumerate(node.value)]
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node)
        raise self._error(node, f"tag {excerpt(node.tag)!r} is not allowed", "remove the tag")

    def _mapping(self, node: yaml.MappingNode, route: Route) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key = self._scalar(key_node) if isinstance(key_node, yaml.ScalarNode) else None
            if not isinstance(key, str):
                raise self._error(key_node, "a key is not text", "quote the key, or remove it")
            if key in found:
                line = self._keys[(*route, key)][0]
                raise self._error(
                    key_node,
                    f"key {excerpt(key)!r} given twice, first in line {line}",
                    "remove one of them",
                )
            self._keys[(*route, key)] = _position(key_node)
            found[key] = self.build(value_node, (*route, key))
        return found

    def _scalar(self, node: yaml.ScalarNode) -> str | int | float | bool | None:
        kind, text = node.tag.removeprefix(_TAG), str(node.value)
        if kind == "str":
            found = _UNSAFE.search(text)
            if found:
                raise _unsafe(found.group(), place(self._source, _position(node)))
            return text
        if kind not in _SCALARS or not _SCALARS[kind].match(text):
            raise self._error(node, f"tag {excerpt(node.tag)!r} is not allowed", "remove the tag")
        if kind == "null":
            return None
        if kind == "bool":
            return text.lower() == "true"
        return self._number(node, kind, text)

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
