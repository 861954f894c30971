"""What an audit is evidence toward in each framework, control by control, and what it leaves open.

Which controls a framework has is data (`policies/frames`), which rules map to them is the policy's,
and what came of the rules is the verdict's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Any

import yaml

from gatekeeper.bundled import bundled
from gatekeeper.report.text import clean
from gatekeeper.report.wording import Wording

#: What a control comes to, best first.
STATUSES = ("met", "partly", "not_met", "not_covered")


@dataclass(frozen=True, slots=True, kw_only=True)
class Control:
    """A control of a framework.

    Attributes:
        title: by language, in our words.
        more: what it asks beyond what any audit measures, by language; empty if nothing.
    """

    id: str
    title: Mapping[str, str]
    more: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """A framework; `read` is the day on which its identifiers were looked up."""

    prefix: str
    title: Mapping[str, str]
    source: str
    read: date
    controls: tuple[Control, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlRow:
    """What an audit is for one control.

    Attributes:
        rules: that map to it, with what came of each.
        status: one of `STATUSES`.
    """

    id: str
    title: str
    more: str
    rules: tuple[tuple[str, str], ...]
    status: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameRows:
    """A framework and its controls; `source` is empty of one that only the policy knows."""

    title: str
    source: str
    read: date | None
    rows: tuple[ControlRow, ...]

    def of(self, status: str) -> tuple[ControlRow, ...]:
        """The controls that came to this."""
        return tuple(row for row in self.rows if row.status == status)

    def names(self, status: str) -> tuple[str, ...]:
        """Their ids in short: `MEASURE-1.1, 2.1` where one begins as the one before it."""
        ids, before = list[str](), ""
        for row in self.of(status):
            start, dash, rest = row.id.rpartition("-")
            ids.append(rest if dash and start == before else row.id)
            before = start
        return tuple(ids)

    @property
    def covered(self) -> tuple[ControlRow, ...]:
        """The controls that any rule maps to."""
        return tuple(row for row in self.rows if row.rules)


def status_of(results: Sequence[str], *, asks_more: bool) -> str:
    """What a control comes to, from the results of the rules that map to it.

    Not covered if there are none; not met if one failed; partly met if one is waived or
    inconclusive, or if the control asks for more than an audit measures; else met.
    """
    if not results:
        return "not_covered"
    if "fail" in results:
        return "not_met"
    if asks_more or set(results) != {"pass"}:
        return "partly"
    return "met"


@cache
def frames() -> tuple[Frame, ...]:
    """The frameworks there is a file of, by name."""
    files = sorted((bundled("policies") / "frames").glob("*.yaml"))
    return tuple(_frame(yaml.safe_load(file.read_text(encoding="utf-8"))) for file in files)


def _frame(data: Mapping[str, Any]) -> Frame:
    return Frame(
        prefix=data["prefix"],
        title=data["title"],
        source=data["source"],
        read=data["read"],
        controls=tuple(
            Control(id=one["id"], title=one["title"], more=one.get("more", {}))
            for one in data["controls"]
        ),
    )


def build_frames(
    rules: Sequence[tuple[str, str, Sequence[str]]], words: Wording
) -> tuple[FrameRows, ...]:
    """Every framework with all its controls; what a policy names beyond these stands last.

    Args:
        rules: id, result and controls of each rule.
    """
    mapped: dict[str, list[tuple[str, str]]] = {}
    for id_, result, controls in rules:
        for control in dict.fromkeys(controls):
            mapped.setdefault(control, []).append((id_, result))
    told, known = [], set[str]()
    for frame in frames():
        start = f"{frame.prefix}:"
        listed = [start + control.id for control in frame.controls]
        own = sorted(name for name in mapped.keys() - {*listed} if name.startswith(start))
        known |= {*listed, *own}
        rows = [_row(control, mapped.get(start + control.id, []), words)
                for control in frame.controls]  # fmt: skip
        rows += [
            _unlisted(name.removeprefix(start), mapped[name], words("frames.unlisted"))
            for name in own
        ]
        told.append(
            FrameRows(
                title=_in(frame.title, words),
                source=frame.source,
                read=frame.read,
                rows=tuple(rows),
            )
        )
    if others := sorted(mapped.keys() - known):
        rows = [_unlisted(name, mapped[name], "") for name in others]
        told.append(FrameRows(title=words("frames.own"), source="", read=None, rows=tuple(rows)))
    return tuple(told)


def _row(control: Control, rules: Sequence[tuple[str, str]], words: Wording) -> ControlRow:
    results = [result for _, result in rules]
    return ControlRow(
        id=control.id,
        title=_in(control.title, words),
        more=_in(control.more, words),
        rules=tuple(rules),
        status=status_of(results, asks_more=bool(control.more)),
    )


def _unlisted(name: str, rules: Sequence[tuple[str, str]], more: str) -> ControlRow:
    """A control that only the policy names.

    Args:
        more: why it is never called met; empty for a framework of the policy's own.
    """
    return ControlRow(
        id=clean(name, 80),
        title="",
        more=more,
        rules=tuple(rules),
        status=status_of([result for _, result in rules], asks_more=bool(more)),
    )


def _in(texts: Mapping[str, str], words: Wording) -> str:
    return texts.get(words.lang) or texts.get("en", "")
