"""What a validation run reports: tables, written as markdown."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Figures with what they rest on.

    Attributes:
        title: one line.
        note: what was simulated or computed and how to read it, in markdown; may be empty.
        header: names of the columns.
        rows: cells as text, each row as long as the header.
    """

    title: str
    note: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def markdown(table: Table) -> str:
    """The table below its title and note, in GitHub's markdown; ends with a line feed."""
    lines = [f"### {table.title}", ""]
    if table.note:
        lines += [table.note, ""]
    lines.append(_line(table.header))
    lines.append("|" + " --- |" * len(table.header))
    lines += [_line(row) for row in table.rows]
    return "\n".join(lines) + "\n"


def _line(cells: tuple[str, ...]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
