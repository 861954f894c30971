"""Where output may not go: into a checkpoint, which is another one with a file more."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from gatekeeper.errors import UsageError, excerpt


def refuse_inside_checkpoint(path: Path) -> None:
    """Refuses a place for output in a checkpoint's directory, by whatever name it goes.

    All files there count for its digest: what was audited would not be there any more.

    Raises:
        UsageError: names the checkpoint; or there is no such place, see `resolved`.
    """
    place = resolved(path)
    for folder in (place, *place.parents):
        if (folder / "config.json").is_file() and any(folder.glob("*.safetensors")):
            raise UsageError(
                f"lies in a checkpoint ({excerpt(folder.name)}), which output would change",
                where=excerpt(path),
                remedy="choose a place outside of it",
            )


def resolved(path: Path) -> Path:
    """The place behind all links.

    Raises:
        UsageError: there is none: links lead round in a circle.
    """
    place = Path(os.path.realpath(path))  # `Path.resolve` fails on a circle, by Python's version
    try:
        place.stat()
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise UsageError(
                "links that lead round in a circle",
                where=excerpt(path),
                remedy="remove one of them, or choose another place",
            ) from None
    return place
