"""Locks that keep two processes from one directory, and file systems that have none.

A file system that cannot lock is no reason to wait for another process: Lustre without `-o flock`,
some FUSE and NFS mounts.
"""

from __future__ import annotations

import errno
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from gatekeeper.errors import AuditError, excerpt

#: What flock(2) and fcntl(2) answer where there are no locks.
_NONE = frozenset(
    {errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOLCK, errno.EINVAL, errno.ENOTTY}
)
#: And where another process holds one.
_HELD = frozenset({errno.EAGAIN, errno.EWOULDBLOCK, errno.EACCES})


class NoLocksError(AuditError):
    """The file system has no locks.

    Args:
        folder: a folder on it.
        option: what chooses another.
    """

    def __init__(self, folder: Path, option: str) -> None:
        super().__init__(
            "this file system has no locks",
            where=excerpt(folder),
            remedy=f"choose {option} on another",
        )


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Holds a lock on a file, which is made if need be, until the block ends.

    Raises:
        BlockingIOError: another process holds it.
        NoLocksError: there are no locks.
        OSError: the file cannot be opened.
    """
    with path.open("w") as file:
        lock_file(file, path.parent, "--out")
        yield


def lock_file(file: IO[Any], path: Path, option: str) -> None:
    """Takes the lock of an open file, which goes when it is closed; never waits.

    Args:
        path: what to name where there are no locks, above which `option` chooses.

    Raises:
        BlockingIOError: another process holds it.
        NoLocksError: there are no locks.
        OSError: the file system fails.
    """
    import fcntl

    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in _NONE:
            raise NoLocksError(path.parent, option) from error
        if error.errno in _HELD:
            raise BlockingIOError(error.errno, error.strerror) from error
        raise OSError(error.errno, error.strerror, str(file.name)) from error


def lacks_locks(folder: Path) -> bool:
    """Whether the locks of POSIX, which SQLite uses, are not to be had here; tried on a new file.

    SQLite takes ENOLCK for a lock that somebody holds.
    """
    import fcntl

    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        return error.errno in _NONE
    return False
