"""Locks, on file systems that answer as those of Lustre, FUSE and NFS do."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from gatekeeper.evidence.file_locks import lacks_locks, locked

#: Stands between the process and its C library: each lock is answered with errno.
SHIM = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
static int asked(const char *name) {
    const char *text = getenv(name);
    return text ? atoi(text) : 0;
}
int flock(int fd, int operation) {
    int (*real)(int, int) = dlsym(RTLD_NEXT, "flock");
    if (asked("FLOCK")) { errno = asked("FLOCK"); return -1; }
    return real(fd, operation);
}
static int through(const char *name, int fd, int command, void *more) {
    int (*real)(int, int, ...) = dlsym(RTLD_NEXT, name);
    if ((command == F_SETLK || command == F_SETLKW) && asked("FCNTL")) {
        errno = asked("FCNTL"); return -1;
    }
    return real(fd, command, more);
}
#define PASS(name) int name(int fd, int command, ...) { \
    va_list list; va_start(list, command); void *more = va_arg(list, void *); va_end(list); \
    return through(#name, fd, command, more); }
PASS(fcntl)
PASS(fcntl64)
"""
SCRIPT = """
import sys
from pathlib import Path
from gatekeeper.commands._output import output_directory
from gatekeeper.errors import AuditError
from gatekeeper.evidence.judge_store import JudgeStore
from gatekeeper.evidence.trial_store import TrialStore
here = Path(sys.argv[2])
try:
    if sys.argv[1] == "directory":
        with output_directory(here / "out", overwrite=False):
            print("went on")
    elif sys.argv[1] == "trials":
        TrialStore(here / "work" / "trials.sqlite", patience=0.2)
    else:
        JudgeStore(here / "judge.sqlite", patience=0.2)
except (AuditError, OSError) as error:
    print(type(error).__name__, error)
"""
NONE = ["ENOSYS", "ENOTSUP", "EOPNOTSUPP", "ENOLCK", "EINVAL"]


@pytest.fixture(scope="module")
def shim(tmp_path_factory) -> Path:
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None or not sys.platform.startswith("linux"):
        pytest.skip("a C compiler and Linux are needed to stand in for a file system")
    folder = tmp_path_factory.mktemp("shim")
    (folder / "shim.c").write_text(SHIM)
    made = folder / "shim.so"
    command = [compiler, "-shared", "-fPIC", "-o", made, folder / "shim.c", "-ldl"]
    subprocess.run(command, check=True, capture_output=True)
    return made


def told(shim: Path, what: str, folder: Path, **answers: str) -> str:
    (folder / "work").mkdir(exist_ok=True)
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, what, folder],
        env={**os.environ, "LD_PRELOAD": str(shim)}
        | {name: str(getattr(errno, value)) for name, value in answers.items()},
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.parametrize("answer", NONE)
def test_a_file_system_without_locks_is_named_as_such(shim, tmp_path, answer) -> None:
    message = told(shim, "directory", tmp_path, FLOCK=answer)
    assert message == (
        f"NoLocksError {tmp_path / 'out'}: this file system has no locks → choose --out on another"
    )
    assert not (tmp_path / "out").exists()  # nothing is left


def test_a_work_directory_that_was_there_stays(shim, tmp_path) -> None:
    (tmp_path / "out" / ".gatekeeper-work").mkdir(parents=True)
    assert "no locks" in told(shim, "directory", tmp_path, FLOCK="ENOSYS")
    assert (tmp_path / "out" / ".gatekeeper-work").is_dir()


@pytest.mark.parametrize("answer", NONE)
@pytest.mark.parametrize("store", ["trials", "judge"])
def test_so_is_one_where_only_sqlite_notices(shim, tmp_path, store, answer) -> None:
    assert "this file system has no locks → choose --out" in told(
        shim, store, tmp_path, FCNTL=answer
    )


@pytest.mark.parametrize(
    ("what", "answers", "words"),
    [
        ("directory", {"FLOCK": "EAGAIN"}, "another audit is at work here"),
        ("directory", {"FLOCK": "EIO"}, "Input/output error: '"),
        ("trials", {"FCNTL": "EAGAIN"}, "locked by another process"),
        ("trials", {"FCNTL": "EIO"}, "check the disk"),
        ("judge", {"FCNTL": "EIO"}, "cannot use the store"),
    ],
)
def test_other_causes_are_not_taken_for_it(shim, tmp_path, what, answers, words) -> None:
    message = told(shim, what, tmp_path, **answers)
    assert words in message
    assert "no locks" not in message


def test_here_there_are_locks(tmp_path) -> None:
    assert not lacks_locks(tmp_path)
    assert list(tmp_path.iterdir()) == []
    with locked(tmp_path / "lock"), pytest.raises(BlockingIOError), locked(tmp_path / "lock"):
        pass
    with locked(tmp_path / "lock"):
        pass
