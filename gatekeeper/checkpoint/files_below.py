"""Lists the files of a checkpoint that some loader may read, and so are part of what it is."""

from __future__ import annotations

from pathlib import Path

from gatekeeper.errors import CheckpointError, excerpt

#: What no loader reads, so that it may change without the model becoming another.
_UNREAD = frozenset({"README.md", "README", "LICENSE", "LICENSE.txt", "LICENSE.md", "NOTICE"})
_UNREAD_SUFFIXES = frozenset({".md", ".png", ".jpg", ".jpeg", ".gif", ".svg", ".pdf"})
#: Weights of other kinds: only safetensors are ever loaded.
_OTHER_WEIGHTS = frozenset(
    {".pt", ".pth", ".ckpt", ".pkl", ".h5", ".msgpack", ".gguf", ".onnx", ".onnx_data"}
)


def files_below(folder: Path) -> set[str]:
    """Paths, from the folder, of the files in it that a loader may read.

    Raises:
        CheckpointError: a pipe, socket or device is among them, for which a loader would wait, or
            from which it would read what nobody can hash.
    """
    names = set()
    for path in folder.rglob("*"):
        inner = path.relative_to(folder)
        if _unread(inner) or path.is_dir():
            continue
        if path.is_file():
            names.add(inner.as_posix())
        elif path.exists():
            raise CheckpointError(
                "is neither a file nor a directory", where=excerpt(path), remedy="remove it"
            )
    return names


def _unread(path: Path) -> bool:
    return (
        any(part.startswith(".") for part in path.parts)
        or "__pycache__" in path.parts
        or path.name in _UNREAD
        or path.suffix.lower() in _UNREAD_SUFFIXES | _OTHER_WEIGHTS
        or path.match("pytorch_model*.bin")
    )
