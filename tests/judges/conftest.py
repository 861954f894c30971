"""Fixtures of the tests of judges."""

from __future__ import annotations

import pytest

from .asking import KEY


@pytest.fixture
def key_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """The key of the remote judge, where it looks for one."""
    monkeypatch.setenv("GATEKEEPER_API_KEY", KEY)
