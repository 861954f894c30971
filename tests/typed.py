"""Narrows what a function may return to what a test wants of it, with an assertion."""

from __future__ import annotations

from typing import TypeVar

T = TypeVar("T")


def only(kind: type[T], value: object) -> T:
    """The value, which must be of this class; often it could also be a reason why there is none."""
    assert isinstance(value, kind), value
    return value


def some(value: T | None) -> T:
    """The value, which must be there."""
    assert value is not None
    return value
