"""One history of several models, made once per module and copied for each test."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from gatekeeper.cli import run

from .made import OUTCOMES, output


@pytest.fixture(scope="module")
def filled(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("replayed")
    made = [output(folder / name, outcome, model=name) for name, outcome in OUTCOMES.items()]
    audits = folder / "audits"
    assert run(["history", "add", *map(str, made), "--to", str(audits)]) == 0
    return audits


@pytest.fixture
def audits(filled, tmp_path) -> Path:
    return Path(shutil.copytree(filled, tmp_path / "audits"))
