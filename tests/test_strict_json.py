from __future__ import annotations

import pytest

from gatekeeper.strict_json import strict_loads


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


@pytest.mark.parametrize(
    "text",
    [
        b'{"a": 1, "a": 1}', b"[" * 100_000, b'"\\ud800"', b'"\\uDfFf x"', b'\xef\xbb\xbf{}', b"",
        '"a"'.encode("utf-16"), b'"\xed\xa0\x80"', b'{"a": {"b": 1, "b": 2}}', b"1 2", b"'a'",
    ],
)  # fmt: skip
def test_what_two_readers_could_take_for_two_things_is_refused(text) -> None:
    with pytest.raises(ValueError):
        strict_loads(text)


def test_a_whole_pair_is_a_character() -> None:
    assert strict_loads(b'"\\ud83d\\ude00"') == "\U0001f600"
