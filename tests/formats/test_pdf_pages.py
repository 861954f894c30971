"""How full the pages are: read from the PDF itself."""

from __future__ import annotations

import io

import pypdf
import pytest

from .rendered import rendered

pytestmark = pytest.mark.thorough

#: Points from the foot of an A4 page; below lies the footer.
_FOOTER, _HEIGHT = 55, 842


def lowest(page: pypdf.PageObject) -> float:
    """Distance from the foot of the page to the last line of its body."""
    found = []

    def visit(text, matrix, text_matrix, _font, _size):
        y = text_matrix[4] * matrix[1] + text_matrix[5] * matrix[3] + matrix[5]
        if text.strip() and y > _FOOTER:
            found.append(y)

    page.extract_text(visitor_text=visit)
    return min(found)


@pytest.mark.parametrize("kind", ["fail", "pass", "inconclusive"])
def test_no_page_but_the_last_is_half_empty(kind: str) -> None:
    pages = pypdf.PdfReader(io.BytesIO(rendered("pdf", kind))).pages
    assert len(pages) > 6
    feet = [lowest(page) for page in pages[1:-1]]
    assert max(feet) < 0.4 * _HEIGHT, feet
    assert min(feet) > _FOOTER
