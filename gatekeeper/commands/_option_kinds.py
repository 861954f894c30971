"""Checks the values of an audit's options, and how large they may be."""

from __future__ import annotations

import math
import re
from datetime import date, datetime
from typing import Any

import click

from gatekeeper.errors import did_you_mean, excerpt
from gatekeeper.records.option import MOST

#: Ten years: who means longer means for ever.
_MOST_DAYS = 3660


class Word(click.Choice):  # type: ignore[type-arg]  # older click has no arguments
    """One of a few words; another is answered with the one that was probably meant."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        try:
            return super().convert(value, param, ctx)
        except click.BadParameter:
            meant = did_you_mean(str(value), map(str, self.choices))
            self.fail(f"{excerpt(value)!r} is none of the choices; {meant}", param, ctx)


class Day(click.ParamType):  # type: ignore[type-arg]  # older click has no arguments
    """A calendar day."""

    name = "date"

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str:
        return "YYYY-MM-DD"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> date:
        if isinstance(value, date):
            return value
        try:
            return datetime.strptime(str(value), "%Y-%m-%d").date()
        except ValueError:
            text = f"{excerpt(value)!r} is no day written as 2026-11-30: year, month, day"
            self.fail(text, param, ctx)


class Days(click.ParamType):  # type: ignore[type-arg]  # older click has no arguments
    """A number of days, written as `30d`, or as weeks: `2w`."""

    name = "days"

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str:
        return "DAYS"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        if isinstance(value, int):
            return value
        match = re.fullmatch(r"([0-9]{1,4}) *(d|days?|w|weeks?)", str(value).strip())
        days = int(match[1]) * (7 if match[2].startswith("w") else 1) if match else 0
        if not 1 <= days <= _MOST_DAYS:
            text = f"{excerpt(value)!r} is no number of days, such as 30d or 2w, up to ten years"
            self.fail(text, param, ctx)
        return days


class Rows(click.ParamType):  # type: ignore[type-arg]  # older click has no arguments
    """A number of rows; None for `auto`."""

    name = "rows"

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str:
        return "[auto|INTEGER]"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> int | None:
        if value == "auto":
            return None
        try:
            number: int = click.IntRange(1, MOST).convert(value, param, ctx)
        except click.BadParameter:
            message = f"{excerpt(value)!r} is neither auto nor a number from 1 to {MOST}"
            self.fail(message, param, ctx)
        return number


def printable(_context: click.Context, _option: click.Parameter, value: str | None) -> str | None:
    """Refuses text that a terminal would not print."""
    if value is not None and not (value.isprintable() and len(value) <= 200):
        raise click.BadParameter("give at most 200 printable characters")
    return value


def nonce(context: click.Context, option: click.Parameter, value: str | None) -> str | None:
    """Refuses a nonce that is empty, padded or not printable."""
    if value is not None and (not value.strip() or value != value.strip()):
        raise click.BadParameter("give a word without white space at its ends")
    return printable(context, option, value)


def finite(_context: click.Context, _option: click.Parameter, value: float | None) -> float | None:
    """Refuses infinity and NaN."""
    # NaN compares with nothing, so no range refuses it.
    if value is not None and not math.isfinite(value):
        raise click.BadParameter("not a finite number")
    return value


def marks(
    _context: click.Context, _option: click.Parameter, value: tuple[str, str] | None
) -> tuple[str, str] | None:
    """Refuses marks of reasoning that could not be told from a reply, or from each other."""
    if value is None:
        return None
    if any(not mark.strip() or not mark.isprintable() or len(mark) > 100 for mark in value):
        raise click.BadParameter("give two marks of at most 100 printable characters")
    if value[0].casefold() == value[1].casefold():
        raise click.BadParameter("the opening and the closing mark are the same")
    return value
