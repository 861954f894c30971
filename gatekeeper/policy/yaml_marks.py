"""Policy files: strict YAML, and no characters that hide or reorder text."""

from __future__ import annotations

import hashlib
import re
from itertools import islice
from pathlib import Path

from gatekeeper.bundled import is_shipped_name, shipped_policies
from gatekeeper.errors import UsageError, did_you_mean, excerpt
from gatekeeper.odd_characters import named
from gatekeeper.plain_files import open_plain
from gatekeeper.pointers import refuse_pointer
from gatekeeper.strict_yaml import YamlDocument, moved, parse_yaml, place

MAX_BYTES = 1 << 20
_ENDINGS = (".yaml", ".yml")
#: Files in a folder that are looked through for the one that was meant.
_MOST_BESIDE = 200

#: C0 and C1 controls (but tab, line feed and carriage return), surrogates and non-characters; bidi
#: controls; characters of no width and fillers that show as nothing, which make two names of one;
#: line and paragraph separators, which end a line for some readers only; tags. YAML escapes
#: ("\u202e") can make what the raw text may not hold, so both are looked through.
_UNSAFE = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff"
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
    "\u00ad\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200d\u2060-\u2065\u206a-\u206f"
    "\u3164\ufeff\uffa0\ufff0-\ufffb\u2028\u2029\U000e0000-\U000e0fff]"
)


def read_yaml(path: Path) -> YamlDocument:
    """Read and check a YAML file.

    Raises:
        UsageError: unreadable, too large, not UTF-8, not YAML, or YAML beyond the strict subset;
            `where` tells line and column.
    """
    return yaml_of(read_bytes(path), str(path))


def yaml_of(raw: bytes, source: str) -> YamlDocument:
    """The document in a file's bytes.

    Args:
        source: the file, for messages.

    Raises:
        UsageError: as `read_yaml`.
    """
    text = _decode(raw, source)
    digest = "sha256:" + hashlib.sha256(raw).hexdigest()
    return parse_yaml(text, source, digest=digest, check=_refuse_unsafe)


def read_text(path: Path) -> str:
    """The text of a YAML file, which need not be YAML yet.

    Raises:
        UsageError: unreadable, too large, not UTF-8, or with characters that hide or reorder text.
    """
    return _decode(read_bytes(path), str(path))


def read_bytes(path: Path) -> bytes:
    """The bytes of a plain file of no more than `MAX_BYTES`.

    Raises:
        UsageError: it cannot be read, or is larger; `where` is the file.
    """
    source = str(path)
    try:
        with open_plain(path, place(source), UsageError) as file:
            raw = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        reason = excerpt(getattr(error, "strerror", None) or error)
        remedy = _near(path) if isinstance(error, FileNotFoundError) else "check the path"
        raise UsageError(f"cannot be read: {reason}", where=place(source), remedy=remedy) from error
    if len(raw) > MAX_BYTES:
        raise UsageError(
            f"larger than {MAX_BYTES >> 20} MiB", where=place(source), remedy="split the file"
        )
    refuse_pointer(raw, place(source), UsageError)
    return raw


def _near(path: Path) -> str:
    """The file, or shipped policy, that was probably meant by a path at which nothing lies."""
    try:
        beside = islice((p for p in path.parent.iterdir() if p.suffix in _ENDINGS), _MOST_BESIDE)
        known = [excerpt(path.with_name(other.name)) for other in beside]
    except OSError:
        known = []
    shipped = [other.stem for other in shipped_policies()]
    if path.stem in shipped:
        return f"check the path, or write {path.stem}: the shipped policy of that name"
    if is_shipped_name(str(path)):
        known += shipped
    return did_you_mean(str(path), known, "check the path")


def _decode(raw: bytes, source: str) -> str:
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = raw[: error.start].decode("utf-8-sig")
        raise UsageError(
            "not UTF-8 text", where=place(source, moved((1, 1), before)), remedy="save it as UTF-8"
        ) from error
    if unsafe := _UNSAFE.search(text):
        _refuse_unsafe(unsafe.group(), place(source, moved((1, 1), text[: unsafe.start()])))
    return text


def _refuse_unsafe(text: str, where: str) -> None:
    if unsafe := _UNSAFE.search(text):
        raise UsageError(
            f"{named(unsafe.group())} hides or reorders text", where=where, remedy="remove it"
        )
