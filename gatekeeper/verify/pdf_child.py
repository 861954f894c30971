"""Reads a PDF, as a process of its own that a hostile file can hang or end without harm.

Run as a script, by `pdf_file.py`: the file comes on stdin, what is in it goes to stdout as JSON. It
imports nothing of this package.
"""

from __future__ import annotations

import base64
import io
import json
import logging
import resource
import sys
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

#: Bytes of memory, and seconds of a processor, that reading may take.
_MEMORY, _SECONDS = 2 << 30, 60
#: Bytes of all attachments together, and how many there may be.
_MOST_BYTES, _MOST_FILES = 128 << 20, 16
_MOST_PAGES = 2000


def main() -> None:
    """Answers with what was asked for, or with why it cannot be had."""
    with suppress(OSError, ValueError):  # memory cannot be bound on macOS
        resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (_SECONDS, _SECONDS))
    logging.disable()
    try:
        answer = _read(sys.stdin.buffer.read(), text="text" in sys.argv[1:])
    except MemoryError:
        answer = {"error": "it takes too much memory"}
    except RecursionError:
        answer = {"error": "it is nested without end"}
    except Exception as error:
        answer = {"error": type(error).__name__}
    sys.stdout.write(json.dumps(answer))


def _read(data: bytes, *, text: bool) -> dict[str, Any]:
    from pypdf import PdfReader

    reader = PdfReader(io.BytesIO(data), strict=True)
    if reader.is_encrypted:
        return {"error": "it is encrypted"}
    if len(reader.pages) > _MOST_PAGES:
        return {"error": "it has too many pages"}
    files, size = list[tuple[str, str]](), 0
    for name, content in _attached(reader):
        size += len(content)
        if size > _MOST_BYTES or len(files) >= _MOST_FILES:
            return {"error": "its attachments are too large, or too many"}
        files.append((name, base64.b64encode(content).decode("ascii")))
    answer: dict[str, Any] = {"files": files, "odd": sorted(set(_odd(reader)))}
    if text:
        answer["pages"] = [" ".join(page.extract_text().split()) for page in reader.pages]
    return answer


def _attached(reader: Any) -> Iterator[tuple[str, bytes]]:
    """The files in the list of names, and those that the document is associated with: each once."""
    root, seen = reader.trailer["/Root"].get_object(), set[int]()
    found = []
    if "/Names" in root and "/EmbeddedFiles" in root["/Names"]:
        found += _named(root["/Names"]["/EmbeddedFiles"].get_object(), 0)
    found += list(root.get("/AF", ()))
    for one in found:
        spec = one.get_object()
        stream = spec["/EF"]["/F"].get_object()
        if id(stream) in seen:
            continue
        seen.add(id(stream))
        yield str(spec.get("/UF", spec.get("/F"))), bytes(stream.get_data())


def _named(node: Any, depth: int) -> list[Any]:
    """The files below a node of a name tree."""
    if depth > 8:
        raise RecursionError
    found = list(node.get("/Names", ()))[1::2]
    for kid in node.get("/Kids", ()):
        found += _named(kid.get_object(), depth + 1)
    return found


def _odd(reader: Any) -> Iterator[str]:
    """What a report never has: what acts, asks, or is drawn over its pages."""
    root = reader.trailer["/Root"].get_object()
    yield from (key for key in ("/AcroForm", "/OpenAction", "/AA", "/Collection") if key in root)
    if "/Names" in root:
        yield from (key for key in ("/JavaScript", "/Renditions") if key in root["/Names"])
    for page in reader.pages:
        if "/AA" in page:
            yield "/AA"
        for one in page.get("/Annots", ()):
            kind = one.get_object().get("/Subtype")
            if kind != "/Link":
                yield f"an annotation {str(kind)[:40]}"


if __name__ == "__main__":
    main()
