from __future__ import annotations

import pytest

from gatekeeper.report.advice import names
from gatekeeper.report.text import clean, first_few
from gatekeeper.report.wording import load_wording


@pytest.mark.parametrize(("count", "shown"), [(0, 0), (2, 2), (3, 3), (4, 4), (5, 3), (9, 3)])
def test_a_single_one_is_never_left(count: int, shown: int) -> None:
    told, rest = first_few(range(count), 3)
    assert list(told) == list(range(shown))
    assert rest == count - shown
    assert rest != 1


def test_names_end_with_a_name_or_with_several_more() -> None:
    words = load_wording("en")
    assert names(["a", "b", "c", "d"], words) == "a, b, c and d"
    assert names(["a", "b", "c", "d", "e"], words) == "a, b, c and 2 more"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a  b\n\tc", "a b c"),
        ("x" * 10, "x" * 10),
        ("x" * 11, "x" * 9 + "…"),
        (
            "a\N{RIGHT-TO-LEFT OVERRIDE}b\x00",
            "a\N{REPLACEMENT CHARACTER}b\N{REPLACEMENT CHARACTER}",
        ),
        (" " * 100 + "ab", "ab"),
        ("ab" + " " * 10**6, "ab…"),
        ("y" * 10**7, "y" * 9 + "…"),
    ],
)
def test_foreign_text_becomes_one_line_of_bounded_length(text: str, shown: str) -> None:
    assert clean(text, 10) == shown
