"""What in a policy file can be mended without a doubt, as another text; comments stay.

Text is moved and replaced by the places that YAML gives, never written anew. Each step is taken
only if the file then says the same as before, but for the spelling of units.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from gatekeeper.errors import UsageError
from gatekeeper.odd_characters import replacement
from gatekeeper.policy.editor_schema import FILE
from gatekeeper.policy.reorder import in_order_of_keys
from gatekeeper.strict_yaml import Route, YamlDocument, parse_yaml
from gatekeeper.yaml_words import suspects

#: Spellings of units, in small letters, and the one that policies take.
_UNITS = {
    **dict.fromkeys(("%", "percent", "per cent", "pct", "pct."), "%"),
    **dict.fromkeys(
        ("points", "point", "pp", "pts", "percentage points", "percentage point"), "points"
    ),
    **dict.fromkeys(("experts", "expert"), "experts"),
    **dict.fromkeys(("days", "day", "d"), "days"),
    **{unit: unit for unit in ("index", "ratio", "nats")},
}
#: Keys whose value is a number and a unit.
_MEASURES = frozenset(
    (
        *("max", "min", "not_above", "not_below", "between", "max_regression", "positive_control"),
        *("truncated", "undecided", "power", "measured", "share", "compliance_sensitivity"),
        *("longest", "newest"),
    )
)
_MEASURE = re.compile(r"""(["']?)\s*([-+]?[0-9]+(?:\.[0-9]+)?)\s*([^\s"'0-9][^"']*?)\s*\1""")
_LINE = re.compile(r"^# *yaml-language-server: *\$schema=(\S*).*$", re.MULTILINE)


def fixed(text: str, path: Path) -> str:
    """The text with all that is safe to mend mended; the same text if there is nothing.

    Args:
        path: where the file lies, which tells whether the schema it names is there.

    Raises:
        UsageError: it is no YAML, even with odd spaces mended.
    """
    text = _parsable(text, str(path))
    for step in (_spaces_at_ends, _units, in_order_of_keys):
        text = _if_same(text, step)
    return _with_schema_line(text, path)


def _parsable(text: str, source: str) -> str:
    """The text with characters put right that stand for the spaces of YAML, if it takes that."""
    try:
        parse_yaml(text, source)
    except UsageError:
        lines = [_spaced(line) for line in text.split("\n")]
        parse_yaml("\n".join(lines), source)
        return "\n".join(lines)
    return text


def _spaced(line: str) -> str:
    at = {i for i in suspects(line) if replacement(line[i]) == " "}
    return "".join(" " if i in at else character for i, character in enumerate(line))


def _if_same(text: str, step: Callable[[str], str]) -> str:
    """What a step makes of the text, if that says the same and keeps every comment."""
    new = step(text)
    try:
        before, after = parse_yaml(text, ""), parse_yaml(new, "")
    except UsageError:
        return text
    same = _canonical(before.data) == _canonical(after.data)
    return new if same and _comments(text) == _comments(new) else text


def _canonical(data: Any, key: str = "") -> Any:
    """Data with units as policies spell them."""
    if isinstance(data, dict):
        return {name: _canonical(value, name) for name, value in data.items()}
    if isinstance(data, list):
        return [_canonical(value, key) for value in data]
    return _measure(data) or data if isinstance(data, str) and key in _MEASURES else data


def _comments(text: str) -> list[str]:
    return sorted(re.findall(r"#.*", text))


def _measure(raw: str) -> str | None:
    """`10 points` for what is one in another spelling; None for what is none."""
    plain = "".join(" " if replacement(c) == " " else c for c in raw)
    match = _MEASURE.fullmatch(plain.strip())
    unit = _UNITS.get(" ".join(match[3].lower().split())) if match else None
    return f"{match[2]} {unit}" if match and unit else None


def _units(text: str) -> str:
    document = parse_yaml(text, "")
    edits = []
    for (route, is_key), raw in document.written.items():
        new = None if is_key or not _is_measure(route) else _measure(raw)
        if new is not None and raw.strip() != new and "\n" not in raw.strip():
            edits.append((_offset(text, document, route), len(raw.rstrip()), new))
    for start, length, new in sorted(edits, reverse=True):
        text = text[:start] + new + text[start + length :]
    return text


def _is_measure(route: Route) -> bool:
    names = [step for step in route if isinstance(step, str)]
    return bool(names) and names[-1] in _MEASURES


def _offset(text: str, document: YamlDocument, route: Route) -> int:
    line, column = document.values[route]
    ends = [0, *(match.end() for match in re.finditer("\r\n|\r|\n", text))]
    return ends[line - 1] + column - 1


def _spaces_at_ends(text: str) -> str:
    return re.sub(r"[ \t]+(?=\r?\n|\Z)", "", text)


def _with_schema_line(text: str, path: Path) -> str:
    """The text with a first line by which editors find the schema, if it names none that is there.

    A schema beside the policy goes before the one in the package.
    """
    folder = path.resolve().parent
    match = _LINE.search(text)
    if match and (match[1].startswith(("http:", "https:")) or (folder / match[1]).is_file()):
        return text
    beside = next((f for f in _schemas(folder) if f.is_file()), None)
    target = beside.name if beside else Path(os.path.relpath(FILE, folder)).as_posix()
    line = f"# yaml-language-server: $schema={target}"
    if match:
        return text[: match.start()] + line + text[match.end() :]
    return f"{line}\n{text}"


def _schemas(folder: Path) -> Sequence[Path]:
    return [folder / name for name in ("policy-schema.json", FILE.name, "policy-v1.json")]
