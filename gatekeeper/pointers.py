"""Files that stand for a larger one that was never fetched: Git LFS pointers and their kin.

A clone without `git lfs pull` leaves some lines of text in place of weights, tokenizers and data.
Every reader asks here first, because as data such a file looks damaged in some way of its own.
"""

from __future__ import annotations

from pathlib import Path

from gatekeeper.errors import GatekeeperError, excerpt

#: No pointer is longer (the LFS specification: less than 1024 bytes).
LONGEST = 1024
_BOM = b"\xef\xbb\xbf"
#: How each begins: the name, and what fetches the file.
_KINDS = (
    (b"version https://git-lfs.github.com/spec/", "a Git LFS pointer", "git lfs pull"),
    (b"version https://hawser.github.com/spec/", "a Git LFS pointer", "git lfs pull"),
    (b"version http://git-media.io/v/", "a Git LFS pointer", "git lfs pull"),
    (b"# xet version ", "a Git Xet pointer", "git xet checkout"),
    (b"/annex/objects/", "a git-annex pointer", "git annex get"),
    (b"../.git/annex/objects/", "a git-annex pointer", "git annex get"),
    (b".git/annex/objects/", "a git-annex pointer", "git annex get"),
)


def refuse_pointer(raw: bytes, where: str, error: type[GatekeeperError]) -> None:
    """Refuses bytes that are a pointer to a file instead of the file.

    Args:
        raw: the file, or its beginning.
        where: the file, ready to print.
        error: what to raise, by which the exit code is chosen.

    Raises:
        GatekeeperError: of the kind `error`.
    """
    head = raw[:LONGEST].removeprefix(_BOM).lstrip()
    for begins, name, remedy in _KINDS:
        if head.startswith(begins):
            raise error(f"is {name}, not the file", where=where, remedy=remedy)


def refuse_pointer_file(path: Path, where: str, error: type[GatekeeperError]) -> None:
    """The same for a file on disk, of which little is read; raises as `refuse_pointer` does."""
    with path.open("rb") as file:
        refuse_pointer(file.read(LONGEST), where, error)


def refuse_unfetched(path: Path, error: type[GatekeeperError]) -> None:
    """Refuses a path where there is only what tells of a file: a link to nothing, or DVC's note.

    Raises:
        GatekeeperError: of the kind `error`.
    """
    if path.exists():
        return
    if path.is_symlink():
        target = str(path.readlink())
        annexed = "/annex/objects/" in target
        raise error(
            "is a git-annex link to a file that was not fetched"
            if annexed
            else f"is a link to {excerpt(target)}, which is not there",
            where=excerpt(path),
            remedy="git annex get" if annexed else "copy or download what it leads to as well",
        )
    note = path.with_name(f"{path.name}.dvc")
    if note.is_file():
        raise error(
            f"was not fetched: there is only {excerpt(note.name)}, DVC's note of it",
            where=excerpt(path),
            remedy="dvc pull",
        )


def refuse_unfetched_in(folder: Path, error: type[GatekeeperError]) -> None:
    """The same for all of a folder but hidden files; raises as `refuse_unfetched` does."""
    for path in sorted(folder.iterdir()):
        if not path.name.startswith("."):
            refuse_unfetched(path.with_suffix("") if path.suffix == ".dvc" else path, error)
