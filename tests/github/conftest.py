from __future__ import annotations

from pathlib import Path

import pytest

from .action_runner import Runner


@pytest.fixture
def runner(tmp_path: Path) -> Runner:
    (tmp_path / "workspace").mkdir()
    (tmp_path / "temp").mkdir()
    return Runner(workspace=tmp_path / "workspace", temp=tmp_path / "temp")
