"""What in a policy file can be mended without a doubt, as another text; comments stay.

Text is moved and replaced by the places that YAML gives, never written anew. Each step is taken
only if the file then says the same as before, but for the spelling of units.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from gatekeeper import catalog
from gatekeeper.errors import UsageError
from gatekeeper.odd_characters import replacement
from gatekeeper.policy.editor_schema import FILE
from gatekeeper.policy.extend import assembled
from gatekeeper.policy.merge import LIMITS
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


#: Keys of rules and waivers whose unit is that of the rule's metric.
_LIMITS = (*LIMITS, "not_above", "not_below")
#: Units that are the same number of a share, of which a metric takes one.
_ALIKE = ("%", "points")


def fixed(text: str, path: Path) -> str:
    """The text with all that is safe to mend mended; the same text if there is nothing.

    Args:
        path: where the file lies, which tells whether the schema it names is there.

    Raises:
        UsageError: it is no YAML, even with odd spaces mended.
    """
    text = _parsable(text, str(path))
    units = _units_by_rule(text, path)
    for step in (_spaces_at_ends, partial(_units, units=units), in_order_of_keys):
        text = _if_same(text, step, units)
    return _with_schema_line(text, path)


def _parsable(text: str, source: str) -> str:
    """The text with characters put right that stand for the spaces of YAML, if it takes that."""
    try:
        parse_yaml(text, source)
    except UsageError as error:
        lines = [_spaced(line) for line in text.split("\n")]
        try:
            parse_yaml("\n".join(lines), source)
        except UsageError:  # told as the file is, and not as it nearly would be
            raise error from None
        return "\n".join(lines)
    return text


def _spaced(line: str) -> str:
    at = {i for i in suspects(line) if replacement(line[i]) == " "}
    return "".join(" " if i in at else character for i, character in enumerate(line))


def _units_by_rule(text: str, path: Path) -> dict[str, str]:
    """The unit that each rule's limits take, by its id, as far as that can be told."""
    try:
        rules = assembled(path, text.encode()).document.data.get("rules", [])
    except (UsageError, AttributeError):
        rules = parse_yaml(text, "").data
        rules = rules.get("rules") if isinstance(rules, dict) else None
    known = catalog.names("metric")
    return {
        str(rule.get("id")): "points"
        if "max_regression" in rule
        else catalog.load("metric", rule["metric"]).unit
        for rule in (rules if isinstance(rules, list) else ())
        if isinstance(rule, dict) and rule.get("metric") in known
    }


def _unit_of(data: Any, route: Route, units: Mapping[str, str]) -> str | None:
    """The unit that the limit at a place takes; None where it is none of a rule, or not known."""
    if len(route) < 3 or route[0] not in {"rules", "waivers"} or route[2] not in _LIMITS:
        return None
    if route[2] == "max_regression":
        return "points"
    entry = data[route[0]][route[1]]
    name = entry.get("id" if route[0] == "rules" else "rule")
    return units.get(name) if isinstance(name, str) else None


def _if_same(text: str, step: Callable[[str], str], units: Mapping[str, str]) -> str:
    """What a step makes of the text, if that says the same and keeps every comment."""
    new = step(text)
    try:
        before, after = parse_yaml(text, ""), parse_yaml(new, "")
    except UsageError:
        return text
    same = _canonical(before.data, units) == _canonical(after.data, units)
    return new if same and _comments(text) == _comments(new) else text


def _canonical(data: Any, units: Mapping[str, str], route: Route = (), whole: Any = None) -> Any:
    """Data with units as policies spell them."""
    whole = data if whole is None else whole
    if isinstance(data, dict):
        return {name: _canonical(v, units, (*route, name), whole) for name, v in data.items()}
    if isinstance(data, list):
        return [_canonical(v, units, (*route, i), whole) for i, v in enumerate(data)]
    if not isinstance(data, str) or not _is_measure(route):
        return data
    return _measure(data, _unit_of(whole, route, units)) or data


def _comments(text: str) -> list[str]:
    return sorted(re.findall(r"#.*", text))


def _measure(raw: str, wanted: str | None = None) -> str | None:
    """`10 points` for what is one in another spelling; None for what is none.

    Args:
        wanted: the unit that the metric takes, where it is known.
    """
    plain = "".join(" " if replacement(c) == " " else c for c in raw)
    match = _MEASURE.fullmatch(plain.strip())
    unit = _UNITS.get(" ".join(match[3].lower().split())) if match else None
    if unit in _ALIKE and wanted in _ALIKE:  # the other would be an error
        unit = wanted
    return f"{match[2]} {unit}" if match and unit else None


def _units(text: str, units: Mapping[str, str]) -> str:
    document = parse_yaml(text, "")
    edits = []
    for (route, is_key), raw in document.written.items():
        if is_key or not _is_measure(route):
            continue
        new = _measure(raw, _unit_of(document.data, route, units))
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
