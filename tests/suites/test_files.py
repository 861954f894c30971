"""Files that somebody names: read whole, and no further than the limit."""

from __future__ import annotations

from pathlib import Path

import pytest

from gatekeeper.errors import UsageError
from gatekeeper.suites import _files
from gatekeeper.suites._files import read_bytes


@pytest.mark.parametrize("size", [0, 1, 1 << 20, (1 << 20) + 1, 3 << 20])
def test_a_file_is_read_whole_up_to_the_limit(
    size: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(b"x" * size)
    monkeypatch.setattr(_files, "MAX_FILE", size)
    assert read_bytes(path) == b"x" * size
    path.write_bytes(b"x" * (size + 1))
    with pytest.raises(UsageError, match="is larger than"):
        read_bytes(path)
