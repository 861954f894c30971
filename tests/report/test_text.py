from __future__ import annotations

import pytest

from gatekeeper.report.advice import names
from gatekeeper.report.text import first_few
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
