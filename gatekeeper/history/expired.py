"""Which bundles of a history are old enough to go."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from datetime import date, timedelta

from gatekeeper.errors import UsageError, excerpt
from gatekeeper.history.entry import Entry

_AGE = re.compile(r"([1-9][0-9]{0,3}) ?([ymwd])")
_DAYS = {"d": 1, "w": 7}


def since(age: str, today: date) -> date:
    """The day that lies so long before today.

    Raises:
        UsageError: it is no age.
    """
    match = _AGE.fullmatch(age.strip())
    if match is None:
        raise UsageError(
            f"{excerpt(age)!r} is no age", where="--older-than", remedy="write 2y, 6m, 8w or 90d"
        )
    count, unit = int(match[1]), match[2]
    if unit in _DAYS:
        return max(
            today - timedelta(days=min(count * _DAYS[unit], today.toordinal() - 1)), date.min
        )
    months = today.year * 12 + today.month - 1 - (count if unit == "m" else 12 * count)
    if months < 12:
        return date.min
    first = date(months // 12, months % 12 + 1, 1)
    following = date(first.year + first.month // 12, first.month % 12 + 1, 1)
    return first.replace(day=min(today.day, (following - first).days))


def expired(entries: Iterable[Entry], before: date, keep_last: int) -> list[Entry]:
    """Bundles of audits finished before a day, but for the latest ones of each model.

    Args:
        keep_last: of each model, at least 1: the only one never goes.
    """
    kept: Counter[str] = Counter()
    gone = []
    for entry in sorted(entries, key=lambda e: (e.finished, e.added, e.digest), reverse=True):
        kept[entry.model] += 1
        if kept[entry.model] > max(keep_last, 1) and entry.finished < before:
            gone.append(entry)
    return gone
