"""Where pages end: read from the layout itself."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from gatekeeper.formats.pdf import layout
from gatekeeper.report.disclosure import Disclosure
from gatekeeper.report.document import render_html
from gatekeeper.report.view import build_view

from ..report.beside import with_beside
from ..report.dosed import dosed
from ..report.synthetic import audit

pytestmark = pytest.mark.thorough

CASES = {kind: lambda kind=kind: audit(kind) for kind in ("fail", "pass", "inconclusive")}
CASES |= {"beside": with_beside, "dosed": dosed}

#: What must not be the last thing on a page.
HEADINGS = {"h1", "h2", "h3", "caption", "figcaption", "thead"}

#: CSS pixels of an A4 page, and of its margin at the foot.
HEIGHT, FOOT = 297 / 25.4 * 96, 20 / 25.4 * 96


def lines(box, inside: frozenset[str] = frozenset()) -> Iterator[tuple[float, frozenset[str], str]]:
    """Bottom of each line and drawing of a page's body, what it lies in, and its text."""
    if type(box).__name__ == "MarginBox":
        return
    tag = box.element_tag or ""
    element = getattr(box, "element", None)
    names = set() if element is None else set((element.get("class") or "").split())
    inside |= {tag, *(f".{name}" for name in names)}
    if type(box).__name__ == "LineBox":
        text = "".join(getattr(leaf, "text", "") for leaf in box.descendants())
        yield box.position_y + box.height, inside, text
    elif tag == "svg":
        yield box.position_y + box.height, inside, ""
    else:
        for child in getattr(box, "children", ()):
            yield from lines(child, inside)


@pytest.fixture(scope="module", params=[(c, x) for c in CASES for x in Disclosure], ids=str)
def view(request):
    name, level = request.param
    case = CASES[name]()
    return build_view(case.evidence, case.verdict, case.policy, level)


@pytest.fixture(scope="module")
def pages(view):
    document = layout(view)
    return [sorted(lines(page._page_box), key=lambda line: line[0]) for page in document.pages]


def test_no_page_ends_with_a_heading(pages) -> None:
    for number, page in enumerate(pages[1:], 2):
        _, inside, text = page[-1]
        assert not inside & (HEADINGS | {".lead"}), (number, text)


def test_nothing_reaches_into_the_foot_of_a_page(pages) -> None:
    for number, page in enumerate(pages[1:], 2):
        assert page[-1][0] <= HEIGHT - FOOT + 1, (number, page[-1])


def test_no_page_is_left_empty_by_much(pages) -> None:
    """What does not fit goes to the next page whole: a figure with its heading at the most."""
    for number, page in enumerate(pages[1:-1], 2):
        assert page[-1][0] > 0.62 * (HEIGHT - FOOT), (number, page[-1])


def test_a_paragraph_between_heading_and_figure_or_table_leads_on(view) -> None:
    """Else a page may end with it: heading and paragraph on one page, what they speak of next."""
    between = r"</h[123]>\s*<p((?![^>]*\blead\b)[^>]*)>((?:(?!</p>).)*)</p>\s*<(?:figure|table|pre)"
    assert re.findall(between, render_html(view), re.DOTALL) == []
