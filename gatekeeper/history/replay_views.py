"""A replay as text for a terminal, as Markdown for a pull request, as one HTML page, as JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from html import escape

from gatekeeper.errors import excerpt
from gatekeeper.history.entry import Brief
from gatekeeper.history.replay import Replayed

_MEANING = {
    "blocked": "would be blocked",
    "released": "would be released",
    "other": "comes out otherwise",
}
_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:60rem;padding:0 1rem}"
    "table{border-collapse:collapse;width:100%}th,td{border:1px solid #999;padding:.4rem;"
    "text-align:left;vertical-align:top}ul{margin:0;padding-left:1.2rem}"
    ".blocked{background:#fde8e8}.released{background:#fff3d6}"
)


def counted(replayed: Sequence[Replayed]) -> str:
    """`12 audits: 2 would be blocked, 1 would be released, 9 as before; 1 broken`."""
    parts = []
    for direction, meaning in _MEANING.items():
        if count := sum(one.direction == direction for one in replayed):
            parts.append(f"{count} {meaning}")
    judged = [one for one in replayed if one.now is not None]
    parts.append(f"{sum(not one.flips and one.then is not None for one in judged)} as before")
    if alone := sum(one.then is None for one in judged):
        parts.append(f"{alone} without a verdict to compare with")
    text = f"{len(replayed)} audits: {', '.join(parts)}"
    broken = len(replayed) - len(judged)
    return text + (f"; {broken} broken, not judged" if broken else "")


def as_table(replayed: Sequence[Replayed], title: str) -> str:
    """For a terminal: each audit that flips, with its reasons, then the counts."""
    lines = [title]
    for one in replayed:
        if one.flips:
            lines.append(f"{_name(one)}  {_verdicts(one)}")
            lines += [f"    {_clean(reason)}" for reason in one.reasons]
        elif one.then is None and one.now is not None:
            lines.append(f"{_name(one)}  {one.now.headline}")
    lines.append(counted(replayed))
    return "\n".join(lines) + "\n"


def as_markdown(replayed: Sequence[Replayed], title: str) -> str:
    """For a pull request."""
    lines = [f"### {_marked(title)}", "", f"{counted(replayed)}.", ""]
    if rows := _rows(replayed):
        lines += ["| audit | then | now | why |", "| --- | --- | --- | --- |"]
        for one in rows:
            why = "<br>".join(_marked(_clean(reason)) for reason in one.reasons)
            then, now = (_headline(brief) for brief in (one.then, one.now))
            lines.append(f"| {_marked(_name(one))} | {then} | {now} | {why} |")
    lines += [f"- broken, not judged: {_marked(_name(one))}" for one in replayed if one.trouble]
    return "\n".join(lines) + "\n"


def as_html(replayed: Sequence[Replayed], title: str) -> str:
    """One page that asks nothing of a network."""
    rows = []
    for one in _rows(replayed):
        why = "".join(f"<li>{escape(_clean(reason))}</li>" for reason in one.reasons)
        then, now = (_headline(brief) for brief in (one.then, one.now))
        rows.append(
            f'<tr class="{one.direction}"><th scope="row">{escape(_name(one))}</th><td>{then}</td>'
            f"<td>{now}</td><td><ul>{why}</ul></td></tr>"
        )
    broken = "".join(f"<li>{escape(_name(one))}</li>" for one in replayed if one.trouble)
    table = (
        "<table><thead><tr><th>audit</th><th>then</th><th>now</th><th>why</th></tr></thead>"
        f"<tbody>{''.join(rows)}</tbody></table>"
    )
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head><body><main>"
        f"<h1>{escape(title)}</h1><p>{escape(counted(replayed))}.</p>{table if rows else ''}"
        f"{f'<h2>Broken, not judged</h2><ul>{broken}</ul>' if broken else ''}"
        "</main></body></html>\n"
    )


def as_json(replayed: Sequence[Replayed], title: str) -> str:
    """For scripts: every audit, whether it flips or not."""
    audits = [
        {
            "digest": one.entry.digest,
            "model": one.entry.model,
            "finished": one.entry.finished.isoformat(),
            "label": one.entry.label,
            "then": None if one.then is None else one.then.headline,
            "now": None if one.now is None else one.now.headline,
            "flip": one.direction or None,
            "reasons": [_clean(reason) for reason in one.reasons],
            "rules": [] if one.now is None else [_rule(rule) for rule in one.now.rules],
            "broken": one.trouble,
        }
        for one in replayed
    ]
    return (
        json.dumps({"title": title, "summary": counted(replayed), "audits": audits}, indent=2)
        + "\n"
    )


VIEWS = {"table": as_table, "markdown": as_markdown, "html": as_html, "json": as_json}


def _rule(rule: object) -> dict[str, object]:
    names = ("id", "result", "limit", "value", "low", "high", "unit", "n")
    return {name: getattr(rule, name) for name in names}


def _rows(replayed: Sequence[Replayed]) -> list[Replayed]:
    return [r for r in replayed if r.flips or (r.then is None and r.now is not None)]


def _name(one: Replayed) -> str:
    entry = one.entry
    label = f" [{entry.label}]" if entry.label else ""
    return f"{entry.short}  {entry.finished}  {excerpt(entry.model, 40)}{label}"


def _verdicts(one: Replayed) -> str:
    return f"{_headline(one.then)} → {_headline(one.now)}: {_MEANING[one.direction]}"


def _headline(brief: Brief | None) -> str:
    return "no verdict" if brief is None else brief.headline


def _clean(text: str) -> str:
    return excerpt(text, 600)


def _marked(text: str) -> str:
    """Text that Markdown shows as it is."""
    for sign in "\\`*_[]<>|":
        text = text.replace(sign, f"\\{sign}")
    return text
