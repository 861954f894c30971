"""Writes docs/metrics.md from the metrics themselves."""

from __future__ import annotations

from pathlib import Path

from gatekeeper.policy.metric_words import named, page

PAGE = Path(__file__).parents[1] / "docs" / "metrics.md"


def main() -> None:
    """Write the page."""
    PAGE.write_text(page(named()), encoding="utf-8")


if __name__ == "__main__":
    main()
