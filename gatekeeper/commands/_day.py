"""Reads the option that says on which day waivers are held."""

from __future__ import annotations

from datetime import UTC, date, datetime

from gatekeeper.errors import UsageError, excerpt


def day_of(text: str | None) -> date | None:
    """The day of `--on`; None if it was not given.

    Raises:
        UsageError: it is none.
    """
    if text is None:
        return None
    if text == "today":
        return datetime.now(UTC).date()
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise UsageError(
            f"{excerpt(text)!r} is no day", where="--on", remedy="write 2026-12-31, or today"
        ) from error
