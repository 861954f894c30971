"""Files that are opened, and what is refused at once in their place."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from gatekeeper.errors import UsageError
from gatekeeper.plain_files import open_plain


def test_a_file_is_read_whole_and_through_a_link(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x" * 100_000)
    (tmp_path / "b").symlink_to("a")
    for name in ("a", "b"):
        with open_plain(tmp_path / name, name, UsageError) as file:
            assert len(file.read()) == 100_000
            assert os.get_blocking(file.fileno())


@pytest.mark.timeout(10)
def test_what_may_never_end_is_refused_by_its_kind(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "p")
    for path, kind in ((tmp_path / "p", "a pipe"), (tmp_path, "a directory")):
        with pytest.raises(UsageError, match=f"here: is {kind}, not a file"):
            open_plain(path, "here", UsageError)
    with pytest.raises(UsageError, match="a device"):
        open_plain(Path("/dev/zero"), "here", UsageError)
    with pytest.raises(FileNotFoundError):
        open_plain(tmp_path / "none", "here", UsageError)


def test_a_pipe_that_is_open_already_is_read() -> None:
    read, write = os.pipe()
    os.write(write, b"text")
    os.close(write)
    with open_plain(Path(f"/dev/fd/{read}"), "here", UsageError) as file:
        assert file.read() == b"text"
    os.close(read)
