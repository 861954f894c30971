from __future__ import annotations

from benchmarks import selection


def test_both_ways_pick_the_same_and_are_told():
    """No time is held against anything here."""
    found = selection.measure(40, 5, 1)
    assert found.compared == 5
    assert found.float_otherwise <= 5
    page = selection.text(found, 40, (1.0, 0.5, 4))
    assert "6144 experts" in page
    assert page.startswith("<!-- selection -->")
