"""The report for a screen: one HTML file that loads nothing, and is whole with JavaScript off.

With it rules are searched and sorted, the map is read cell by cell, and limits are moved. What that
says of a verdict comes from the table and the logic of `policy workbench`: none is written here.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from html import escape

from gatekeeper.bundled import bundled
from gatekeeper.records.plugins import Format
from gatekeeper.report.one_file import one_file
from gatekeeper.report.parts import ReportView
from gatekeeper.report.screen import map_data, render_screen

#: What the audit says at each limit; without it there is no panel.
WHAT_IF = "what-if.json"
#: In this order: each uses what stands in those before it.
_PAGE = ("screen/rules.js", "screen/map.js")
_PANEL = (
    "workbench/verdicts.js",
    "workbench/words.js",
    "workbench/sliders.js",
    "screen/what-if.js",
)


def render(view: object, attachments: Mapping[str, bytes]) -> bytes:
    """The page; the same view and table give the same bytes."""
    assert isinstance(view, ReportView)  # noqa: S101 - narrows the plugin interface
    folder = bundled("report_templates")
    slid = attachments.get(WHAT_IF)

    def read(*names: str) -> str:
        return "".join((folder / name).read_text(encoding="utf-8") for name in names)

    scripts = [read(*_PAGE), *([read(*_PANEL)] if slid else [])]
    data = {**(json.loads(slid) if slid else {}), "maps": map_data(view)}
    filled = {
        "lang": escape(view.words.lang),
        "title": escape(view.document.title),
        "body": render_screen(view, panel=slid is not None),
    }
    shell = read("screen/page.html")
    return one_file(shell, read("screen/page.css"), scripts, data, filled).encode()


FORMAT = Format(
    id="html",
    title="for a screen: one file, with search, map and limits to move",
    filename="report.html",
    render=render,
    slides=True,
)
