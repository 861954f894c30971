"""A fuzzer may take the time it was given, and then some."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fuzz.driver import SECONDS


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.timeout(SECONDS + 300))
