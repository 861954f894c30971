"""Suites on disk: written whole beside their place, checked, and then put into it."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path

from gatekeeper.errors import UsageError, excerpt
from gatekeeper.outside import refuse_inside_checkpoint
from gatekeeper.suites.read import MANIFEST, read_suite

_PROMPTS = "prompts.jsonl"
_NEW, _OLD = "new", "old"


def check_place(out: Path, *, overwrite: bool) -> None:
    """Refuses a directory that a suite may not be written to; touches nothing.

    Raises:
        UsageError: `out` lies in a checkpoint, or holds a suite and `overwrite` is not given, or
            anything else.
    """
    refuse_inside_checkpoint(out)
    for place in (out, *out.parents):
        if place.exists() or place.is_symlink():
            if not place.is_dir() or (place == out and place.is_symlink()):
                raise UsageError(
                    "not a directory", where=excerpt(place), remedy="choose another --out"
                )
            break
    if not out.exists() or not any(out.iterdir()):
        return
    # Only what an import writes may be replaced: no README or file of somebody's own goes with it.
    imported = {p.name for p in out.iterdir()} == {MANIFEST, _PROMPTS}
    if not (imported and overwrite):
        raise UsageError(
            "holds a suite" if imported else "not empty, and not a suite of this command",
            where=excerpt(out),
            remedy="choose another --out" + (", or add --overwrite" if imported else ""),
        )


def write_suite(
    out: Path, manifest: Mapping[str, object], rows: Iterable[Mapping[str, str]], *, overwrite: bool
) -> None:
    """Writes a suite directory; `out` holds the old one or the new one, never a part.

    Args:
        out: see `check_place`.
        manifest: of suite-v1.json, without `files`.
        rows: of prompt-v1.json.
        overwrite: whether a suite that an import wrote may be replaced.

    Raises:
        UsageError: `check_place`; or what was to be written is no suite.
        OSError: it cannot be written.
    """
    check_place(out, overwrite=overwrite)
    created = [folder for folder in out.parents if not folder.exists()]
    out.parent.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix=f".{out.name}.import-", dir=out.parent))
    try:
        new = work / _NEW
        new.mkdir()
        lines = (json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        with (new / _PROMPTS).open("w", encoding="utf-8", newline="\n") as file:
            file.writelines(lines)
        text = json.dumps({**manifest, "files": [_PROMPTS]}, ensure_ascii=False, indent=2)
        (new / MANIFEST).write_text(text + "\n", encoding="utf-8")
        _check(new, out)
        _install(new, out, work / _OLD)
    finally:
        shutil.rmtree(work, ignore_errors=True)
        for folder in created:  # innermost first; those that hold the suite stay
            if not any(folder.iterdir()):
                folder.rmdir()


def _check(new: Path, out: Path) -> None:
    """Whether what was written is a suite; if not, it is told of the place it was meant for."""
    try:
        read_suite(new)
    except UsageError as error:
        raise UsageError(error.message, where=excerpt(out), remedy=error.remedy) from error


def _install(new: Path, out: Path, old: Path) -> None:
    """Two renames; if the second fails, the first is taken back."""
    if not out.exists():
        new.rename(out)
        return
    out.rename(old)
    try:
        new.rename(out)
    except BaseException:
        old.rename(out)
        raise
