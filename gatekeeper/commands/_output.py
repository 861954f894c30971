"""The output directory of an audit: what may lie in it, and what is left when an audit stops."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from gatekeeper.errors import AuditError, UsageError, excerpt

#: Rows of a running audit, kept so that it can go on; removed when it is done.
WORK = ".gatekeeper-work"


def check_output(out: Path, *, overwrite: bool) -> None:
    """Refuses a directory that an audit may not be written to; touches nothing.

    Raises:
        UsageError: `out` is not a directory, or holds something else than an unfinished audit.
    """
    if out.exists() and not out.is_dir():
        raise UsageError("not a directory", where=excerpt(out), remedy="choose another --out")
    if not out.exists() or not any(out.iterdir()) or (out / WORK).is_dir():
        return
    ours = _holds_audit(out)
    if overwrite and ours:
        return
    raise UsageError(
        "holds a finished audit" if ours else "not empty, and not an audit of ours",
        where=excerpt(out),
        remedy="choose another --out" + (", or add --overwrite" if ours else ""),
    )


@contextmanager
def output_directory(out: Path, *, overwrite: bool) -> Iterator[Path]:
    """Makes `out` ready for an audit and yields the work directory inside it.

    The work directory goes when the block ends well. When it does not, it stays if it holds rows,
    so that the same command goes on where it stopped; if nothing was computed, nothing is left.

    Raises:
        UsageError: see `check_output`.
        AuditError: it cannot be written, or another audit is at work in it.
    """
    check_output(out, overwrite=overwrite)
    work = out / WORK
    new = [folder for folder in (work, out, *out.parents) if not folder.exists()]
    try:
        work.mkdir(parents=True, exist_ok=True)
        with _lock(work):
            if overwrite and work in new:
                _clear(out)
            try:
                yield work
            except BaseException:
                _leave(work, new)
                raise
    except PermissionError as error:
        raise AuditError(
            "cannot write there", where=excerpt(out), remedy="choose another --out"
        ) from error
    shutil.rmtree(work, ignore_errors=True)


def _holds_audit(out: Path) -> bool:
    return any((folder / "manifest.json").is_file() for folder in (out, out / "evidence"))


def _clear(out: Path) -> None:
    """Removes a finished audit, file by file: nothing else that lies there."""
    from gatekeeper.evidence.bundle import BUNDLE_FILES

    for folder in (out, out / "evidence"):
        for name in BUNDLE_FILES:
            (folder / name).unlink(missing_ok=True)


def _leave(work: Path, new: Sequence[Path]) -> None:
    """After a stop: keeps rows that were computed; else takes away what this command made.

    Args:
        new: directories that were not there before, innermost first.
    """
    from gatekeeper.evidence.trial_store import STORE, holds_rows

    if holds_rows(work / STORE):
        return
    shutil.rmtree(work, ignore_errors=True)
    for folder in new:
        if folder.exists() and not any(folder.iterdir()):
            folder.rmdir()


@contextmanager
def _lock(work: Path) -> Iterator[None]:
    """Two audits in one directory would each remove what the other needs."""
    import fcntl

    with (work / "lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise AuditError(
                "another audit is at work here",
                where=excerpt(work.parent),
                remedy="wait for it, or choose another --out",
            ) from error
        yield
