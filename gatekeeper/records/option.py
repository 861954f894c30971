"""How a field of a record is asked for on the command line; the commands make click options of it.

Torch-free and click-free: a record can be read where there is no command line.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from typing import Any

#: Far above anything an audit can finish: a slip of the keyboard is told at once.
MOST = 1_000_000

_KEY = "option"


@dataclass(frozen=True, slots=True)
class Whole:
    """A whole number from `low` to `high`."""

    low: int
    high: int = MOST


@dataclass(frozen=True, slots=True)
class Number:
    """A finite number from `low` to `high`; with `inside`, neither of them."""

    low: float
    high: float
    inside: bool = False


@dataclass(frozen=True, slots=True)
class OneOf:
    """One of some words."""

    words: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Text:
    """A text; `check` names a function of `commands._option_kinds` that refuses odd ones."""

    check: str | None = None
    pair: bool = False


@dataclass(frozen=True, slots=True)
class File:
    """A path."""


@dataclass(frozen=True, slots=True)
class Switch:
    """Yes or no; `--no-…` says no."""


@dataclass(frozen=True, slots=True)
class Rows:
    """A number of rows, or `auto`, which is None."""


Values = Whole | Number | OneOf | Text | File | Switch | Rows


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """An option of the command line.

    Attributes:
        flag: such as `--mode`, or `-k`.
        help: a sentence or two; where `left_out` says nothing, the default is shown behind it.
        repeatable: whether it may be given several times.
        left_out: what leaving it out means, where that is not its default alone: then the command
            line says nothing of it, and `audit.resolve_options` decides.
        name: by which commands know it, if not by the field's.
        metavar: what stands for its value in help, if not its kind.
    """

    flag: str
    help: str
    values: Values
    repeatable: bool = False
    left_out: str | None = None
    name: str | None = None
    metavar: str | None = None


def option(
    default: Any,
    flag: str,
    values: Values,
    help: str,  # noqa: A002 - as click calls it
    **more: Any,
) -> Any:
    """A field that an option asks for.

    Args:
        default: of the field.
        more: see `Option`.
    """
    return field(
        default=default, metadata={_KEY: Option(flag=flag, values=values, help=help, **more)}
    )


def options_of(record: type[Any]) -> Iterator[tuple[str, str, Option]]:
    """Field, name by which commands know it, and option, of each field that one asks for."""
    for f in fields(record):
        wanted: Option | None = f.metadata.get(_KEY)
        if wanted is not None:
            yield f.name, wanted.name or f.name, wanted
