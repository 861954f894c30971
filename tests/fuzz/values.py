"""JSON with some of its values changed: to what no field was made for, or to what it might hold.

The first kind tries the parsers. The second passes them, and tries what stands behind: a number
next to the right one, a name that another part has, a list in another order.
"""

from __future__ import annotations

import csv
import io
import json
import random
from collections import defaultdict
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import yaml

from gatekeeper.strict_yaml import parse_yaml

#: Values that a field of JSON was not made for.
VALUES: list[Any] = [
    *(None, True, False, 0, 1, -1, 2, 3, 7, 0.5, -0.5, 1.5, -0.0, 2**31, 2**53, 2**63, -(2**63)),
    *(10**9, 10**18, 10**30, 10**90, 10**99, 1e308, -1e308, 1e-308, float("inf")),
    *("", "x", "5", "²", "٣", "a\nb", "\0", "\u202e", "\ud800", "../x", "::error::", "a" * 5000),
    *("none", "selected", "unmasked", "refuse", "regular", "fold-1", "2026-02-30", "refusal-api"),
    *("sha256:" + "0" * 64, "0" * 64, [], {}, [[]], [{}], [None], [0] * 999, {"a": 1}, [10**9]),
    *([[0, 0]], [[10**9, 0]], [-1], [1.5], ["x"], [True], {"0": 5}, {"1": []}, {"auto_map": {}}),
    *({"quant_method": 5}, {"load_in_4bit": "no"}),
]
#: The same, which only text can say.
RAW = (
    *("NaN", "-Infinity", "1e999", "9" * 400, "-" + "9" * 400, "9" * 5000, "1e-9999", "0x1", ""),
    *('"\\ud800"', '{"a":1,"a":2}', "'a'", "1 2", "[" * 3000, '{"a":' * 3000),
    *("[" * 400 + "]" * 400, '{"text_config":' * 300 + "5" + "}" * 300),
)
#: Names that a key is given, and stand-ins for what text alone can say.
_KEYS = ("x", "²", "fold", "second", "mask", "layers.99999999999", "text_config")
_MARK, _TWICE = "\ue000", "\ue001"


class Changer:
    """Draws changes of one value."""

    def __init__(self, value: Any) -> None:
        self._value = value
        #: Name of a key -> all that stands under it.
        self._others: dict[str, list[Any]] = defaultdict(list)
        for name, inner in _named(value):
            self._others[name].append(inner)

    def changed(self, draw: random.Random, plausible: float = 0.5) -> str:
        """The JSON text with one to four changes.

        Args:
            plausible: how often all of them are such as a field might hold.
        """
        value, raw = deepcopy(self._value), None
        mild = draw.random() < plausible
        for _ in range(draw.choice((1, 1, 1, 2, 4))):
            holder, key, name = _drawn(value, draw)
            if key is None:
                continue
            if mild:
                self._nudge(holder, key, name, draw)
            elif draw.randrange(8) == 0:
                holder[key], raw = _MARK, draw.choice(RAW)
            else:
                _break(value, holder, key, draw)
        text = json.dumps(value)
        if raw is not None:
            text = text.replace(json.dumps(_MARK), raw)
        return text.replace(json.dumps(_TWICE)[1:-1], "")

    def _nudge(self, holder: Any, key: Any, name: str, draw: random.Random) -> None:
        """A value becomes another of its kind."""
        old, others = holder[key], self._others[name]
        if others and draw.random() < 0.4:
            holder[key] = deepcopy(draw.choice(others))
        elif isinstance(old, bool):
            holder[key] = not old
        elif isinstance(old, int):
            holder[key] = draw.choice((old + 1, max(0, old - 1), 0, 2 * old, 10 * old + 1, 1))
        elif isinstance(old, float):
            holder[key] = draw.choice(
                (old / 2, 1 - old, -old, old + 0.01, 0.0, round(old), old * 9)
            )
        elif isinstance(old, str) and old:
            at = draw.randrange(len(old))
            holder[key] = old[:at] + draw.choice("0a1-.") + old[at + draw.randrange(2) :]
        elif isinstance(old, list) and old:
            holder[key] = _rearranged(old, draw)
        elif isinstance(old, dict) and old:
            one, other = draw.choice(list(old)), draw.choice(list(old))
            old[one], old[other] = old[other], old[one]


def _rearranged(old: list[Any], draw: random.Random) -> list[Any]:
    at = draw.randrange(len(old))
    return draw.choice(
        (
            old[::-1],
            old[:at],
            old[at:],
            old[at : at + 1],
            [],
            [*old, old[at]],
            old[:at] + old[at + 1 :],
        )
    )


def _break(value: Any, holder: Any, key: Any, draw: random.Random) -> None:
    """A value becomes what its field was not made for, moves, or goes."""
    kind = draw.randrange(7)
    if kind == 0:
        del holder[key]
    elif kind == 1 and isinstance(holder, dict):
        holder[draw.choice((*_KEYS, key))] = holder.pop(key)
    elif kind == 2 and isinstance(holder, dict):
        holder[f"{key}{_TWICE}"] = holder[key]
    elif kind == 2:
        holder.insert(draw.randrange(len(holder) + 1), deepcopy(holder[key]))
    elif kind == 3:
        other, place, _ = _drawn(value, draw)
        holder[key] = deepcopy(other[place]) if place is not None else None
    elif kind == 4 and type(holder[key]) in {int, float}:
        holder[key] += draw.choice((1, -1, 0.001, 10**6))
    else:
        holder[key] = deepcopy(draw.choice(VALUES))


def _named(value: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """(the nearest key above, value) of everything in a value."""
    pairs = value.items() if isinstance(value, dict) else ((name, inner) for inner in value)
    for key, inner in pairs:
        yield key, inner
        if isinstance(inner, dict | list):
            yield from _named(inner, key)


def _drawn(value: Any, draw: random.Random) -> tuple[Any, Any, str]:
    """A place and its name, each level as likely: long lists would else take all draws."""
    holder, key, name = value, None, ""
    inner = value
    while isinstance(inner, dict | list) and inner and (key is None or draw.random() < 0.8):
        holder = inner
        key = draw.choice(list(inner)) if isinstance(inner, dict) else draw.randrange(len(inner))
        name = key if isinstance(key, str) else name
        inner = holder[key]
    return holder, key, name


def changed_file(name: str, raw: bytes, draw: random.Random) -> bytes:
    """A file with some of its values changed, by the form that its name ends with."""
    form = name.rpartition(".")[2]
    if form == "json":
        text = Changer(json.loads(raw)).changed(draw)
    elif form == "jsonl":
        text = _changed_lines(raw.decode().splitlines(), draw)
    elif form == "csv":
        text = _changed_cells(raw.decode(), draw)
    else:
        text = _changed_yaml(raw.decode(), draw)
    return text.encode("utf-8", "surrogatepass")


def _changed_lines(lines: list[str], draw: random.Random) -> str:
    for at in {draw.randrange(len(lines)) for _ in range(draw.choice((1, 1, 3)))}:
        kind = draw.randrange(8)
        if kind == 0:
            lines[at] = draw.choice(lines)
        elif kind == 1:
            lines[at] = draw.choice(
                ("", " ", "5", "[]", "null", lines[at] * 2, f"\ufeff{lines[at]}")
            )
        else:
            lines[at] = Changer(json.loads(lines[at])).changed(draw, plausible=0.7)
    return "".join(f"{line}\n" for line in lines)


def _changed_cells(text: str, draw: random.Random) -> str:
    """Cells, names of columns among them; some written with another delimiter or all in quotes."""
    rows = list(csv.reader(io.StringIO(text)))
    for _ in range(draw.choice((1, 1, 2, 4))):
        row, other = draw.choice(rows), draw.choice(rows)
        at, value = draw.randrange(len(row)), draw.choice(VALUES)
        kind = draw.randrange(8)
        if kind == 0:
            row[at] = value if isinstance(value, str) else json.dumps(value)
        elif kind == 1:
            for each in rows:
                each.append(each[at] if at < len(each) else "")
        elif kind == 2 and len(row) > 1:
            del row[at]
        elif kind == 3:
            rows.insert(draw.randrange(1, len(rows) + 1), list(other))
        elif kind == 4:
            row[at] += draw.choice((",", ";", '"', "\n", "\r", " ", "\t", "=A1"))
        elif kind == 5:
            row[at] = draw.choice(("", " ", "YES", "0", "Refuse", "en-GB", "1"))
        else:
            row[at] = draw.choice(other)
    quoted = draw.random() < 0.2
    made = io.StringIO()
    delimiter = draw.choice(",,,,;\t|")
    writer = (
        csv.writer(made, delimiter=delimiter, quoting=csv.QUOTE_ALL)
        if quoted
        else csv.writer(made, delimiter=delimiter)
    )
    writer.writerows(rows)
    return made.getvalue()


def _changed_yaml(text: str, draw: random.Random) -> str:
    """In block style, or as the JSON that YAML reads too."""
    made = Changer(parse_yaml(text, "seed").data).changed(draw, plausible=0.8)
    try:
        value = json.loads(made)
        return str(yaml.safe_dump(value, sort_keys=False, allow_unicode=draw.random() < 0.5))
    except (ValueError, RecursionError):
        return made
