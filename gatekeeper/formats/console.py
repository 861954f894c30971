"""The verdict and its rules as plain text for a terminal."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping, Sequence

from gatekeeper.records.finding import Missing
from gatekeeper.records.plugins import Format
from gatekeeper.report.corrected import CORRECTED, card_line, corrected_cells
from gatekeeper.report.corrected_parts import CorrectedFacts
from gatekeeper.report.document import SIGNS
from gatekeeper.report.parts import ReportView
from gatekeeper.report.text import clean
from gatekeeper.report.wording import Wording

_RULE_WIDTH = 36


def render(view: object, attachments: Mapping[str, bytes]) -> bytes:
    """A line with the verdict, the reason, a table of rules, and what is wanting."""
    assert isinstance(view, ReportView)  # noqa: S101 - narrows the plugin interface
    return ("\n".join(_inert(line) for line in _lines(view)) + "\n").encode()


def _inert(line: str) -> str:
    """A line that can be printed in a CI log: `::` could start a workflow command."""
    while "::" in line:
        line = line.replace("::", ": :")
    return line.rstrip()


def _lines(view: ReportView) -> Iterator[str]:
    words, verdict = view.words, view.verdict
    line = words(
        "console.verdict",
        decision=view.headline.line,
        model=clean(view.model.name, 80),
        policy=clean(
            words("cover.policy_line", id=view.policy.id, version=view.policy.edition), 80
        ),
    )
    yield f"{SIGNS[view.headline.tone]} {line}"
    yield clean(verdict.summary, 800)
    yield ""
    yield from _table(_rows(view))
    notes = list(_notes(view))
    if notes:
        yield ""
        yield from notes
    if view.corrected is not None:
        yield from _corrected(view.corrected, view.words)


def _notes(view: ReportView) -> Iterator[str]:
    """Unmet needs, rules without a number, warnings, and settings that are not the defaults."""
    words, verdict = view.words, view.verdict
    if verdict.headline != "passed by exception":  # which has said so in its first line
        yield from (words("console.waived", text=text) for text in view.headline.waivers)
    for need in view.requirements:
        if not need.met:
            name, detail = clean(need.name, 120), clean(need.detail, 300)
            yield words("console.unmet", name=name, detail=detail)
    for row in view.rules:
        if isinstance(row.outcome.decisive, Missing) and row.result != "pass":
            yield words("console.not_measured", rule=row.id, text=row.explanation)
        if row.could_tell and row.result != "pass":
            yield words("console.could_tell", rule=row.id, text=row.could_tell)
    yield from (words("console.warning", text=clean(text, 700)) for text in view.warnings)
    for d in verdict.departures:
        name, value, default = clean(d.name, 80), clean(d.value, 120), clean(d.default, 80)
        yield words("console.setting", name=name, value=value, default=default)
    if verdict.fail_on == "warn":
        yield words("console.fail_on")


def _corrected(facts: CorrectedFacts, words: Wording) -> Iterator[str]:
    yield ""
    yield words("corrected.title")
    yield card_line(facts, words)
    yield ""
    head = tuple(words(f"corrected.col_{name}") for name in CORRECTED)
    yield from _table([head, *(corrected_cells(row, words) for row in facts.rows)])
    yield from (words("console.warning", text=note) for note in facts.notes)


def _rows(view: ReportView) -> list[Sequence[str]]:
    words = view.words
    names = ("rule", "limit", "measured", "interval", "n", "result")
    rows: list[Sequence[str]] = [tuple(words(f"console.header_{name}") for name in names)]
    for row in view.rules:
        result = f"{SIGNS[row.result]} {words(f'result.{row.result}')}"
        if row.severity == "warn":
            result = f"{result} ({words('severity.warn')})"
        rule = clean(row.id, _RULE_WIDTH)
        rows.append((rule, row.limit, row.measured, row.interval, row.n, result))
    if not view.rules:
        rows.append((words("rules.none"), "", "", "", "", ""))
    return rows


def _table(rows: list[Sequence[str]]) -> Iterator[str]:
    widths = [max(_width(row[i]) for row in rows) for i in range(len(rows[0]))]
    for index, row in enumerate(rows):
        yield "  ".join(
            cell + " " * (width - _width(cell)) for cell, width in zip(row, widths, strict=True)
        )
        if index == 0:
            yield "  ".join("─" * width for width in widths)


def _width(text: str) -> int:
    """Columns a text takes on a terminal: East Asian wide characters take two."""
    wide = sum(unicodedata.east_asian_width(c) in {"W", "F"} for c in text)
    return len(text) + wide - sum(bool(unicodedata.combining(c)) for c in text)


FORMAT = Format(
    id="console", title="short plain text for a terminal", filename="report.txt", render=render
)
