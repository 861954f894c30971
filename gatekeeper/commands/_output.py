"""The output directory of an audit: what may lie in it, what is left when an audit stops, and how
new evidence takes the place of old.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from gatekeeper.commands._heartbeat import HEARTBEAT, NEXT
from gatekeeper.commands._outputs import report_names
from gatekeeper.errors import AuditError, UsageError, excerpt
from gatekeeper.evidence.file_locks import NoLocksError, locked
from gatekeeper.outside import refuse_inside_checkpoint
from gatekeeper.records.bundle_files import (
    BUNDLE,
    BUNDLE_FILES,
    COMPARED,
    EVIDENCE,
    LEDGER,
    MANIFEST,
    OUTPUTS,
    POLICY,
    SIGNATURE,
    VERDICT,
    WAIVERS,
    signature_name,
)

#: Rows of a running audit, kept so that it can go on; removed when it is done.
WORK = ".gatekeeper-work"
#: Inside the work directory: the new bundle, until it is whole.
NEW = "bundle"
_LOCK = "lock"
#: Weights that neither GPUs nor memory hold (`--device spread`).
_OFFLOAD = "offload"


def check_directory(out: Path) -> None:
    """Refuses what cannot be a directory to write to, before any work; touches nothing.

    Raises:
        UsageError: it is something else, below a file, or in a checkpoint.
    """
    refuse_inside_checkpoint(out)
    place = next((p for p in (out, *out.parents) if p.exists()), None)
    if place is not None and not place.is_dir():
        raise UsageError("not a directory", where=excerpt(place), remedy="choose another --out")


def check_output(out: Path, *, overwrite: bool) -> None:
    """Refuses a directory that an audit may not be written to; touches nothing.

    Raises:
        UsageError: `out` is not a directory, lies in a checkpoint, or holds something else than an
            unfinished audit.
    """
    check_directory(out)
    finished = holds_audit(out)
    foreign_work = _exists(out / WORK) and not is_work(out / WORK)
    if finished and overwrite and not foreign_work:
        return
    if finished or foreign_work or not _unfinished(out):
        raise UsageError(
            "holds a finished audit" if finished else "not empty, and not an audit of ours",
            where=excerpt(out),
            remedy="choose another --out" + (", or add --overwrite" if finished else ""),
        )


@contextmanager
def output_directory(out: Path, *, overwrite: bool) -> Iterator[Path]:
    """Makes `out` ready for an audit and yields the work directory inside it.

    The work directory goes when the block ends well. When it does not, it stays if it holds rows,
    so that the same command goes on where it stopped; if nothing was computed, nothing is left.
    A finished audit in `out` is not touched: `install` replaces it.

    Raises:
        UsageError: see `check_output`.
        AuditError: it cannot be written, or another audit is at work in it.
    """
    check_output(out, overwrite=overwrite)
    work = out / WORK
    new = [folder for folder in (work, out, *out.parents) if not folder.exists()]
    try:
        work.mkdir(parents=True, exist_ok=True)
        work.chmod(0o700)  # replies are kept in it
        with _lock(work):
            shutil.rmtree(work / NEW, ignore_errors=True)
            try:
                yield work
            except BaseException:
                _leave(work, new)
                raise
    except PermissionError as error:
        raise AuditError(
            "cannot write there", where=excerpt(out), remedy="choose another --out"
        ) from error
    except NoLocksError:
        if work in new:  # else somebody may be at work in it
            _leave(work, new)
        raise
    shutil.rmtree(work, ignore_errors=True)


@contextmanager
def keeping_earlier(out: Path) -> Iterator[None]:
    """Errors inside say so if `out` still holds the audit that it held before.

    Without that, the verdict beside a failed run would be taken for its result.
    """
    before = _manifests(out)
    try:
        yield
    except BaseException as error:
        if before and _manifests(out) == before:
            error.add_note(f"the earlier audit in {excerpt(out)} is untouched")
        raise


def install(new: Path, target: Path, out: Path) -> None:
    """Puts a whole new bundle in the place of whatever audit `out` holds.

    Old verdict and reports go first, and the manifest comes last: stopped at any point, `out` holds
    nothing that looks like a result of either audit, and the same command goes on.
    """
    if (out / VERDICT).is_file():
        for name in (POLICY, WAIVERS, COMPARED):
            (out / name).unlink(missing_ok=True)
    for name in (VERDICT, OUTPUTS, signature_name(OUTPUTS), *report_names()):
        (out / name).unlink(missing_ok=True)
    for folder in (out, out / BUNDLE):
        for name in sorted((*BUNDLE_FILES, SIGNATURE), key=lambda n: n != MANIFEST):
            (folder / name).unlink(missing_ok=True)
    target.mkdir(parents=True, exist_ok=True)
    for name in sorted(BUNDLE_FILES, key=lambda n: n == MANIFEST):
        (new / name).replace(target / name)
    if target == out and (out / BUNDLE).is_dir() and not any((out / BUNDLE).iterdir()):
        (out / BUNDLE).rmdir()


def discard_work(out: Path) -> None:
    """Removes what an audit left that was stopped after its evidence was whole.

    Raises:
        AuditError: another audit is at work there.
    """
    if is_work(out / WORK):
        with _lock(out / WORK):
            shutil.rmtree(out / WORK, ignore_errors=True)


def holds_audit(out: Path) -> bool:
    """Whether a finished audit lies in `out`, or in its `evidence`."""
    return any(
        (folder / MANIFEST).is_file() and (folder / EVIDENCE).is_file()
        for folder in (out, out / BUNDLE)
    )


def _exists(path: Path) -> bool:
    return path.exists() or path.is_symlink()


def _manifests(out: Path) -> list[bytes]:
    paths = [folder / MANIFEST for folder in (out, out / BUNDLE)]
    return [path.read_bytes() for path in paths if path.is_file()]


def _unfinished(out: Path) -> bool:
    """Whether there is nothing in `out`, or nothing but an audit of ours that was stopped."""
    # The ledger of earlier audits outlives them.
    if not out.exists() or all(path.name == LEDGER for path in out.iterdir()):
        return True
    if not is_work(out / WORK):
        return False
    names = (VERDICT, OUTPUTS, signature_name(OUTPUTS), POLICY, WAIVERS, COMPARED)
    ours = {LEDGER, WORK, BUNDLE, *names}
    ours |= report_names()
    bundle = {*BUNDLE_FILES, SIGNATURE}
    inner = (out / BUNDLE).iterdir() if (out / BUNDLE).is_dir() else ()
    return {p.name for p in out.iterdir()} <= ours | bundle and {p.name for p in inner} <= bundle


def is_work(work: Path) -> bool:
    """Whether this is a work directory of ours: it is removed with all that is in it."""
    from gatekeeper.evidence.judge_store import JUDGE_STORE
    from gatekeeper.evidence.trial_store import STORE

    if work.is_symlink() or not work.is_dir():
        return False
    names = {path.name for path in work.iterdir()}
    stores = (
        f"{store}{end}"
        for store in (STORE, JUDGE_STORE)
        for end in ("", "-journal", "-wal", "-shm")
    )
    return names <= {_LOCK, NEW, _OFFLOAD, HEARTBEAT, NEXT, *stores}


def _leave(work: Path, new: Sequence[Path]) -> None:
    """Leaves a stopped audit: keeps computed rows alone; else takes away what this command made.

    Args:
        new: directories that were not there before, innermost first.
    """
    from gatekeeper.evidence.trial_store import STORE, holds_rows

    if holds_rows(work / STORE):
        # As large as a model, and written anew by whoever goes on.
        shutil.rmtree(work / _OFFLOAD, ignore_errors=True)
        return
    shutil.rmtree(work, ignore_errors=True)
    for folder in new:
        if folder.exists() and not any(folder.iterdir()):
            folder.rmdir()


@contextmanager
def _lock(work: Path) -> Iterator[None]:
    """Locks a directory: two audits in it would each remove what the other needs."""
    with ExitStack() as held:
        try:
            held.enter_context(locked(work / _LOCK))
        except BlockingIOError as error:
            raise AuditError(
                "another audit is at work here",
                where=excerpt(work.parent),
                remedy="wait for it, or choose another --out",
            ) from error
        yield
