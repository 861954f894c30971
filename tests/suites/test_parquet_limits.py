"""A Parquet file on a machine that sets limits of its own, as batch systems do."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("pyarrow")

#: Reads a file under limits that its reader cannot raise.
_READ = """
import resource, sys
from pathlib import Path
from gatekeeper.errors import UsageError
from gatekeeper.suites._parquet import parquet_reader

if __name__ == "__main__":
    kind, most = getattr(resource, sys.argv[2]), int(sys.argv[3])
    resource.setrlimit(kind, (most, most))
    try:
        with parquet_reader(Path(sys.argv[1]).read_bytes(), "x.parquet") as reader:
            print(len(list(reader.rows(["text"]))))
    except UsageError as error:
        print(error)
"""


def read(tmp_path: Path, kind: str, most: int) -> str:
    import pyarrow
    from pyarrow import parquet

    rows = [f"Rub the lamp {number}" * 20 for number in range(30_000)]
    parquet.write_table(pyarrow.table({"text": rows}), tmp_path / "x.parquet")
    (tmp_path / "read.py").write_text(_READ)
    line = [sys.executable, "read.py", "x.parquet", kind, str(most)]
    done = subprocess.run(line, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert done.stderr == ""
    return done.stdout.strip()


@pytest.mark.skipif(sys.platform == "darwin", reason="macOS binds no memory")
@pytest.mark.parametrize(("kind", "most"), [("RLIMIT_AS", 4 << 30), ("RLIMIT_CPU", 100)])
def test_tighter_limits_than_ours_are_kept(tmp_path: Path, kind: str, most: int) -> None:
    assert read(tmp_path, kind, most) == "30000"


@pytest.mark.skipif(sys.platform == "darwin", reason="macOS binds no memory")
def test_a_reader_that_cannot_even_begin_is_told_in_a_line(tmp_path: Path) -> None:
    # Enough for Python and this file, too little for the reader's libraries whatever the machine.
    told = read(tmp_path, "RLIMIT_AS", 200 << 20)
    assert told.startswith("x.parquet: cannot be read: it is damaged, or takes more memory")
    assert "ulimit -v" in told
