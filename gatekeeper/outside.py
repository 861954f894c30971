"""Where output may not go: into a checkpoint, which is another one with a file more."""

from __future__ import annotations

from pathlib import Path

from gatekeeper.errors import UsageError, excerpt


def refuse_inside_checkpoint(path: Path) -> None:
    """Refuses a place for output in a checkpoint's directory, by whatever name it goes.

    All files there count for its digest: what was audited would not be there any more.

    Raises:
        UsageError: names the checkpoint.
    """
    resolved = path.resolve()
    for folder in (resolved, *resolved.parents):
        if (folder / "config.json").is_file() and any(folder.glob("*.safetensors")):
            raise UsageError(
                f"lies in a checkpoint ({excerpt(folder.name)}), which output would change",
                where=excerpt(path),
                remedy="choose a place outside of it",
            )
