"""Foreign text made fit for a report."""

from __future__ import annotations


def clean(value: object, limit: int = 200) -> str:
    """One line without control or bidi characters, of bounded length.

    Model names, policy texts and replies come from outside. A right-to-left override could make a
    report read differently from what it says; every such character becomes U+FFFD here, before any
    format sees it. Markup is left alone: escaping it is each format's own job.
    """
    line = " ".join(str(value).split())
    line = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in line)
    return line if len(line) <= limit else line[: limit - 1] + "…"
