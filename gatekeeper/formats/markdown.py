"""A short summary in GitHub's Markdown, for a job summary or a comment.

Texts from outside are escaped so that they can be neither markup nor HTML, mention nobody, link
nowhere and start no workflow command.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from gatekeeper.records.plugins import Format
from gatekeeper.report.corrected import CORRECTED, card_line, corrected_cells
from gatekeeper.report.document import SIGNS
from gatekeeper.report.parts import ReportView, RuleRow
from gatekeeper.report.text import clean

#: GitHub refuses a job summary above 1 MiB, silently; we cut it ourselves, with room to spare.
LIMIT = 1024 * 1024 - 4096

_ESCAPES = str.maketrans(
    {
        **{c: f"\\{c}" for c in "\\`*_~[]()!#|${}"},
        "&": "&amp;",
        "<": "&lt;",
        ">": "&gt;",
        "@": "&#64;",
    }
)


def escape(value: object, limit: int = 400) -> str:
    """Foreign text as plain words of Markdown, also inside a table cell."""
    text = clean(value, limit).translate(_ESCAPES)
    # Bare addresses become links on GitHub, and `::name` at the start of a line a command.
    return text.replace("://", ":&#47;/").replace("www.", "www&#46;").replace("::", ":&#58;")


def render(view: object, attachments: Mapping[str, bytes]) -> bytes:
    """The summary, at most `LIMIT` bytes long."""
    assert isinstance(view, ReportView)  # noqa: S101 - narrows the plugin interface
    words = view.words
    lines = list(_lines(view))
    size = 0
    shown: list[str] = []
    note = f"\n{words('markdown.truncated')}\n"
    room = LIMIT - len(note.encode())
    for line in lines:
        size += len(line.encode()) + 1
        if size > room:
            return ("\n".join(shown) + "\n" + note).encode()
        shown.append(line)
    return ("\n".join(shown) + "\n").encode()


def _lines(view: ReportView) -> Iterator[str]:
    words, verdict = view.words, view.verdict
    title = words("markdown.title", decision=escape(view.headline.line, 2000))
    yield f"## {SIGNS[view.headline.tone]} {title}"
    yield ""
    yield f"**{escape(verdict.summary, 800)}**"
    yield ""
    yield words(
        "markdown.facts",
        model=f"{escape(view.model.name)} {_code(view.model.digest)}",
        policy=escape(words("cover.policy_line", id=view.policy.id, version=view.policy.edition)),
        evidence=_code(verdict.evidence_digest),
    )
    yield ""
    yield from _rules(view)
    yield from _corrected(view)
    yield from _unmet(view)
    yield from _section(words("markdown.waived"), view.headline.waivers)
    yield from _reasons(view)
    yield from _section(words("markdown.warnings"), view.warnings)
    settings = [
        words("cover.departure", name=d.name, value=d.value, default=d.default)
        for d in verdict.departures
    ]
    if verdict.fail_on == "warn":
        settings.append(words("console.fail_on"))
    yield from _section(words("markdown.departures"), settings)
    yield words("markdown.reports")


def _section(title: str, texts: Sequence[str]) -> Iterator[str]:
    """A heading and a list, or nothing."""
    if texts:
        yield f"### {title}"
        yield ""
        yield from (f"- {escape(text, 700)}" for text in texts)
        yield ""


def _code(value: str) -> str:
    """A short piece of a digest as code; it holds nothing but hex digits and a colon."""
    kind, _, digits = clean(value).partition(":")
    safe = "".join(c for c in f"{kind}:{digits[:16]}" if c.isalnum() or c == ":")
    return f"`{safe}…`"


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> Iterator[str]:
    titles = list(head)
    yield "| " + " | ".join(titles) + " |"
    yield "|" + " --- |" * len(titles)
    for row in rows:
        yield "| " + " | ".join(row) + " |"
    yield ""


def _rules(view: ReportView) -> Iterator[str]:
    words = view.words
    if not view.rules:
        yield words("rules.none")
        yield ""
        return
    columns = ("rule", "limit", "measured", "interval", "n", "result")
    yield from _table(
        (words(f"rules.col_{name}") for name in columns),
        (_cells(row, view) for row in view.rules),
    )


def _cells(row: RuleRow, view: ReportView) -> Iterator[str]:
    words = view.words
    decided = f"<br>{escape(row.decided)}" if row.decided else ""
    yield f"{escape(row.title)} · {escape(row.id)}<br>{escape(row.subject)}{decided}"
    yield escape(row.limit)
    yield escape(row.measured)
    yield escape(row.interval)
    yield escape(row.n)
    result, severity = words(f"result.{row.result}"), words(f"severity.{row.severity}")
    yield f"{SIGNS[row.result]} {result}{words('number.comma')}{severity}"


def _corrected(view: ReportView) -> Iterator[str]:
    facts, words = view.corrected, view.words
    if facts is None:
        return
    yield f"### {words('corrected.title')}"
    yield ""
    yield escape(card_line(facts, words))
    yield ""
    yield from _table(
        (words(f"corrected.col_{name}") for name in CORRECTED),
        ((escape(cell) for cell in corrected_cells(row, words)) for row in facts.rows),
    )
    yield from (f"- {escape(note, 700)}" for note in facts.notes)
    yield ""


def _unmet(view: ReportView) -> Iterator[str]:
    unmet = [need for need in view.requirements if not need.met]
    if unmet:
        yield f"### {view.words('markdown.unmet')}"
        yield ""
        yield from (f"- **{escape(need.name)}**: {escape(need.detail)}" for need in unmet)
        yield ""


def _reasons(view: ReportView) -> Iterator[str]:
    rows = [row for row in view.rules if row.result != "pass"]
    if not rows:
        return
    yield f"### {view.words('markdown.why')}"
    yield ""
    for row in rows:
        texts = [row.explanation, row.remedy, *(waiver.text for waiver in row.waivers)]
        yield f"- **{escape(row.id)}**: {' '.join(escape(t, 800) for t in texts if t)}"
    yield ""


FORMAT = Format(
    id="markdown",
    title="short summary for a GitHub job summary",
    filename="summary.md",
    render=render,
)
