"""Records to plain data and back, by the types that their fields are declared with."""

from __future__ import annotations

import types
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from functools import cache
from numbers import Integral, Real
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

Record = TypeVar("Record")


def to_plain(value: Any) -> Any:
    """Data that JSON can hold: records as dictionaries by field, tuples as lists.

    Raises:
        TypeError: a value is of another kind.
    """
    if value is None or isinstance(value, bool | str):
        return str(value) if isinstance(value, Enum) else value
    if isinstance(value, Integral):
        return int(value)
    if isinstance(value, Real):
        return float(value)
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: to_plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): to_plain(one) for key, one in value.items()}
    if isinstance(value, tuple | list):
        return [to_plain(one) for one in value]
    raise TypeError(f"no plain data: {type(value).__name__}")


def from_plain(kind: type[Record], data: Any) -> Record:
    """The record that `to_plain` was given.

    Raises:
        ValueError: it is no such record.
    """
    record: Record = _read(kind, data)
    return record


def _read(kind: Any, data: Any) -> Any:
    origin = get_origin(kind)
    if origin in {Union, types.UnionType}:
        return _one_of(get_args(kind), data)
    if origin is tuple:
        inner, *_ = get_args(kind)
        if not isinstance(data, list):
            raise ValueError("no list")
        return tuple(_read(inner, one) for one in data)
    if origin is not None and issubclass(origin, Mapping):
        _, inner = get_args(kind)
        if not isinstance(data, dict):
            raise ValueError("no mapping")
        return {key: _read(inner, one) for key, one in data.items()}
    if is_dataclass(kind):
        hints = _hints(kind)  # type: ignore[arg-type]
        if not isinstance(data, dict) or data.keys() != hints.keys():
            raise ValueError(f"no {kind.__name__}")  # type: ignore[union-attr]
        values = {name: _read(hint, data[name]) for name, hint in hints.items()}
        return kind(**values)  # type: ignore[operator]
    if kind is float and type(data) is int:
        return float(data)
    if type(data) is not kind:
        raise ValueError(f"no {kind.__name__}")
    return data


def _one_of(kinds: tuple[Any, ...], data: Any) -> Any:
    for kind in kinds:
        if kind is type(None):
            if data is None:
                return None
            continue
        try:
            return _read(kind, data)
        except ValueError:
            continue
    raise ValueError("none of what it may be")


@cache
def _hints(kind: Any) -> dict[str, Any]:
    """The fields' types."""
    hints = get_type_hints(kind)
    return {field.name: hints[field.name] for field in fields(kind)}
