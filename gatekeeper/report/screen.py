"""The report as one page for a screen, from the templates that the PDF is laid out from."""

from __future__ import annotations

import re
from html import escape
from itertools import groupby
from typing import TYPE_CHECKING, Any

from gatekeeper.report.disclosure import LayerStability, SelectorFacts
from gatekeeper.report.document import render_template
from gatekeeper.report.expert_map import CORNER, cell_size
from gatekeeper.report.parts import ReportView, RuleRow
from gatekeeper.report.wording import Wording

if TYPE_CHECKING:
    from markupsafe import Markup

_HEADING = re.compile(r"(</?h)([1-5])\b")
#: Tables of facts are laid out anew where there is no room; others are not.
_TABLE = re.compile(r'<table class="(?!facts).*?</table>', re.DOTALL)
_FIGURE = re.compile(r"(<figcaption>(.*?)</figcaption>\s*)(<svg\b.*?</svg>)", re.DOTALL)
_CAPTION = re.compile(r"<caption>(.*?)</caption>", re.DOTALL)
_TAGS = re.compile(r"<[^>]*>")
#: What a rule is sorted by.
_RANKS = {"fail": 0, "inconclusive": 1, "waived": 2, "pass": 3}


def render_screen(view: ReportView, *, panel: bool) -> str:
    """What stands in the page's body.

    Args:
        panel: whether limits can be moved in it.
    """
    return render_template(
        view,
        None,
        "screen/report",
        screen=True,
        panel=panel,
        part=_part,
        sort_keys=_sort_keys,
    )


def map_data(view: ReportView) -> list[dict[str, Any]]:
    """Of each map that is drawn, in the order of the page, its probabilities in hundredths.

    Runs of equal ones as pairs of value and length: most experts are chosen never.
    """
    return [
        _map(facts, view.words)
        for facts in view.selectors
        if any(row.probabilities for row in facts.layers)
    ]


def _map(facts: SelectorFacts, words: Wording) -> dict[str, Any]:
    named = bool(facts.layers[0].ids)
    return {
        "corner": CORNER,
        "cell": [round(side, 4) for side in cell_size(facts.layers)],
        "named": named,
        "said": words("screen.cell_named" if named else "screen.cell_sorted"),
        "help": words("screen.map_help"),
        "layers": [_layer(row) for row in facts.layers],
    }


def _layer(row: LayerStability) -> list[Any]:
    """Its number, how many of its experts are stable, and the runs."""
    runs = groupby(round(100 * probability) for probability in row.probabilities)
    return [row.layer, sum(row.stable), [[value, len([*run])] for value, run in runs]]


def _part(markup: str, title: str, *, flat: bool = False) -> Markup:
    """A section of the PDF below the page's title, what is wide in boxes that scroll by themselves.

    Data are escaped in it, so that what looks like a tag is one of the template's.

    Args:
        flat: whether all headings below its first stand beside each other.
    """
    from markupsafe import Markup

    text, deepest = str(markup), 3 if flat else 6
    first = min((int(level) for _, level in _HEADING.findall(text)), default=1)
    text = _HEADING.sub(lambda m: f"{m[1]}{min(int(m[2]) - first + 2, deepest)}", text)
    text = _TABLE.sub(lambda m: _boxed(m[0], title), text)
    text = _FIGURE.sub(lambda m: m[1] + _box(m[3], m[2]), text)
    return Markup(text)  # noqa: S704


def _boxed(table: str, title: str) -> str:
    caption = _CAPTION.search(table)
    return _box(table, caption[1] if caption else escape(title))


def _box(markup: str, label: str) -> str:
    name = _TAGS.sub("", label).replace('"', "&#34;")
    return f'<div class="scroll" role="group" tabindex="0" aria-label="{name}">{markup}</div>'


def _sort_keys(row: RuleRow) -> dict[str, str]:
    """What columns of the rules are sorted by; empty where there is no number."""
    rule, largest = row.outcome.rule, row.outcome.largest
    limit = rule.maximum if rule.maximum is not None else rule.minimum
    return {
        "result": str(_RANKS[row.result]),
        "limit": "" if limit is None else f"{limit:g}",
        "measured": f"{largest.value:.6g}" if largest else "",
        "n": str(largest.n) if largest else "",
    }
