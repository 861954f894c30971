"""A fuzzer may take the time it was given, and then some; what it looked at is told at the end."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fuzz.driver import SECONDS


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.timeout(SECONDS + 300))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Else nobody would see it: what a test that passes prints is not shown."""
    for report in terminalreporter.getreports("passed"):
        for line in report.capstdout.splitlines():
            if " cases in " in line:
                terminalreporter.write_line(line)
