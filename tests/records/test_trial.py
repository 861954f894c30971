from __future__ import annotations

import pytest

from gatekeeper.errors import UsageError
from gatekeeper.records.trial import split_mode, split_working_mode


@pytest.mark.parametrize(
    ("mode", "found"),
    [
        ("reroute", ("reroute", 0.0)),
        ("ablate", ("ablate", 0.0)),
        ("scale:0", ("scale", 0.0)),
        ("scale:0.999", ("scale", 0.999)),
        ("scale:2", ("scale", 2.0)),
        ("noise:0.001", ("noise", 0.001)),
        ("noise:1", ("noise", 1.0)),
    ],
)
def test_modes_that_do_something(mode: str, found: tuple[str, float]) -> None:
    assert split_mode(mode) == found
    assert split_working_mode(mode) == found


@pytest.mark.parametrize("mode", ["scale:1", "scale:1.00", "noise:0", "noise:-0", "noise:0e5"])
def test_modes_that_do_nothing_are_refused_but_can_be_read(mode: str) -> None:
    """Evidence of an older version may hold one."""
    split_mode(mode)
    with pytest.raises(UsageError, match="does nothing"):
        split_working_mode(mode)


@pytest.mark.parametrize("mode", ["", "scale", "scale:", "scale:nan", "scale:-1", "noise:inf", "x"])
def test_what_is_no_mode(mode: str) -> None:
    for split in (split_mode, split_working_mode):
        with pytest.raises(UsageError, match="no masking mode"):
            split(mode)
