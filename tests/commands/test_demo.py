from __future__ import annotations

from pathlib import Path

import pytest

from gatekeeper import cli
from gatekeeper.errors import ExitCode


def test_a_language_without_reports_is_refused_before_anything_runs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert cli.run(["demo", "--lang", "xx", "--out", str(out)]) == ExitCode.USAGE
    assert "no report wording for language 'xx' → use one of: en, ja" in capsys.readouterr().err
    assert not out.exists()
