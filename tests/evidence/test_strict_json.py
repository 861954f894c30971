from __future__ import annotations

import pytest

from gatekeeper.evidence.strict_json import strict_loads


@pytest.mark.parametrize(
    "text", ["0", "-12", "1e300", "[1, 2.5]", str(2**64), '{"a": 10000000000}']
)
def test_numbers_as_they_are_written_are_read(text) -> None:
    assert strict_loads(text.encode()) == eval(text)  # noqa: S307 - the same in Python


@pytest.mark.parametrize(
    "text", ["1e999", "-1e999", "NaN", "-Infinity", "1" + "0" * 400, "-1" + "0" * 400, "9" * 5000]
)
def test_numbers_that_no_sum_can_be_made_with_are_refused(text) -> None:
    """Beyond what a float holds, arithmetic raises where it is done, far from where it is read."""
    with pytest.raises(ValueError):
        strict_loads(f'{{"value": {text}}}'.encode())
