"""Reads a PDF, as a process of its own that a hostile file can hang or end without harm.

Run as a script, by `pdf_file.py`: the file comes on stdin, what is in it goes to stdout as JSON. It
imports nothing of this package.
"""

from __future__ import annotations

import base64
import hashlib
import io
import json
import logging
import re
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
#: Where a revision of a PDF ends.
_END = re.compile(rb"startxref\s+\d+\s+%%EOF(?:\r\n|\r|\n)?")
#: Of a signature with its certificates, in hexadecimal digits.
_MOST_SIGNATURE = 1 << 17
#: All that the parts of an invisible signature may say.
_FORM = {"/Fields", "/SigFlags"}
_FIELD = {"/FT", "/T", "/Type", "/Subtype", "/F", "/Rect", "/P", "/V"}
_SIGNATURE = {"/Type", "/Filter", "/SubFilter", "/ByteRange", "/Contents", "/M"}
#: Of a page or a stream, what changes nothing that is drawn; links and fields are looked at apart.
_UNDRAWN = {"/Parent", "/StructParents", "/Annots", "/Length", "/Filter", "/DecodeParms"}
_PADES = "/ETSI.CAdES.detached"


class _OddError(Exception):
    """Something that no report has, in words."""


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
    signature = None
    try:
        field, signature = _signature(data, reader)
        odd = sorted(set(_odd(reader, field)))
    except _OddError as error:
        odd = [str(error)]
    answer: dict[str, Any] = {"files": files, "odd": odd, "signature": signature}
    if text:
        answer["pages"] = [" ".join(page.extract_text().split()) for page in reader.pages]
        known = dict[int, str]()
        answer["drawn"] = [_drawn(page, known) for page in reader.pages]
    return answer


def _drawn(told: Any, known: dict[int, str]) -> str:
    """A digest of all that a page is drawn with, however the file stores it.

    Args:
        known: of objects that pages share, by number; a circle ends in an empty one.
    """
    number = getattr(told, "idnum", None)
    if number is not None:
        if number not in known:
            known[number] = ""
            known[number] = _drawn(told.get_object(), known)
        return known[number]
    digest = hashlib.sha256(type(told).__name__.encode())
    if isinstance(told, dict):
        for key, part in sorted(_raw(told).items()):
            if key not in _UNDRAWN:
                digest.update(f"{key} {_drawn(part, known)} ".encode())
        if hasattr(told, "get_data"):
            digest.update(told.get_data())
    elif isinstance(told, list):
        digest.update(" ".join([_drawn(part, known) for part in _items(told)]).encode())
    else:
        digest.update(repr(told).encode())
    return digest.hexdigest()


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


def _odd(reader: Any, field: int | None) -> Iterator[str]:
    """What a report never has: what acts, asks, or is drawn over its pages.

    Args:
        field: the object that is the field of its signature, if it has one.
    """
    root = reader.trailer["/Root"].get_object()
    yield from (key for key in ("/OpenAction", "/AA", "/Collection") if key in root)
    if "/Names" in root:
        yield from (key for key in ("/JavaScript", "/Renditions") if key in root["/Names"])
    for page in reader.pages:
        if "/AA" in page:
            yield "/AA"
        for one in list.__iter__(page.get("/Annots", [])):
            kind = one.get_object().get("/Subtype")
            if kind != "/Link" and (field is None or getattr(one, "idnum", None) != field):
                yield f"an annotation {str(kind)[:40]}"


def _signature(data: bytes, reader: Any) -> tuple[int | None, dict[str, Any] | None]:
    """The field of the one invisible signature, and what it says; none of an unsigned report.

    Raises:
        _OddError: more, or something else, was added to the report than such a signature.
    """
    ends = [found.end() for found in _END.finditer(data)]
    root = reader.trailer["/Root"].get_object()
    if "/AcroForm" not in root:
        if len(ends) > 1:
            raise _OddError("an update that was appended to it")
        return None, None
    field, told = _field(root["/AcroForm"].get_object())
    start, before, after, rest = (int(number) for number in told["/ByteRange"])
    if (start, after + rest) != (0, len(data)):
        raise _OddError("an update that was appended after it was signed")
    hexed = data[before:after]
    sound = len(hexed) <= _MOST_SIGNATURE and re.fullmatch(rb"<(?:[0-9a-fA-F]{2})+>", hexed)
    if not sound or told["/Contents"].original_bytes != bytes.fromhex(hexed[1:-1].decode("ascii")):
        raise _OddError("a signature that leaves out more than itself")
    # What /XRefStm hides, some readers see and others do not.
    if len(ends) != 2 or b"/XRefStm" in data[ends[0] :]:
        raise _OddError("a signature that is not the one thing that was appended to it")
    _hold_update(data[: ends[-2]], reader, field)
    return field, {
        "unsigned": ends[-2],
        "start": before,
        "end": after,
        "contents": hexed[1:-1].decode("ascii"),
        "when": str(told.get("/M", "")),
    }


def _field(form: Any) -> tuple[int, Any]:
    """The field of a signature, and the dictionary of the signature in it.

    Raises:
        _OddError: there are other fields, or it shows or does something.
    """
    try:
        (reference,) = list.__iter__(form["/Fields"])
        field = reference.get_object()
        told = field["/V"].get_object()
        sound = (
            form.keys() <= _FORM
            and field.keys() <= _FIELD
            and told.keys() <= _SIGNATURE
            and (field["/FT"], field.get("/Subtype")) == ("/Sig", "/Widget")
            and not any(field["/Rect"])
            and len(told["/ByteRange"]) == 4
            and bool(told["/Contents"])
        )
        number = int(reference.idnum)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise _OddError("a form (/AcroForm)") from error
    if not sound:
        raise _OddError("a form (/AcroForm) that is more than one invisible signature")
    if told["/SubFilter"] != _PADES:
        raise _OddError("a signature that is not a PAdES one")
    return number, told


def _hold_update(unsigned: bytes, reader: Any, field: int) -> None:
    """Walks through the report with and without its signature: the field is all that was added.

    Raises:
        _OddError: something else is another.
    """
    from pypdf import PdfReader
    from pypdf.generic import IndirectObject

    before = PdfReader(io.BytesIO(unsigned), strict=True)
    names = ("/Root", "/Info")
    todo = [(n, _raw(before.trailer).get(n), _raw(reader.trailer).get(n)) for n in names]
    seen, placed = set[int](), 0
    while todo:
        name, old, new = todo.pop()
        if isinstance(old, IndirectObject) and isinstance(new, IndirectObject):
            if (old.idnum, old.generation) != (new.idnum, new.generation):
                raise _changed(name)
            if old.idnum in seen:
                continue
            seen.add(old.idnum)
            old, new = old.get_object(), new.get_object()
        if isinstance(old, dict) and isinstance(new, dict):
            olds, news = _raw(old), _raw(new)
            if name == "/Root":
                news.pop("/AcroForm")
            if olds.get("/Type") == "/Page":
                placed += _take_field(olds, news, field)
            same = olds.keys() == news.keys()
            same = same and getattr(old, "_data", None) == getattr(new, "_data", None)
            todo += [(key, olds[key], news.get(key)) for key in olds]
        elif isinstance(old, list) and isinstance(new, list):
            same = len(old) == len(new)
            todo += [(name, a, b) for a, b in zip(_items(old), _items(new), strict=False)]
        else:
            same = _equal(old, new)
        if not same:
            raise _changed(name)
    if placed != 1:
        raise _OddError("a signature that is on no page, or on several")


def _take_field(olds: dict[str, Any], news: dict[str, Any], field: int) -> int:
    """Takes the field of the signature off a page; how often it was there.

    The lists of annotations stand in the page afterwards, wherever they were kept.
    """
    annotations = _items(news["/Annots"].get_object()) if "/Annots" in news else []
    kept = [one for one in annotations if getattr(one, "idnum", None) != field]
    if "/Annots" in olds:
        olds["/Annots"] = _items(olds["/Annots"].get_object())
    if kept or "/Annots" in olds:
        news["/Annots"] = kept
    else:
        news.pop("/Annots", None)
    return len(annotations) - len(kept)


def _equal(old: Any, new: Any) -> bool:
    """Whether two plain values are the same; in Python a name is equal to a text, 0.0 to 0."""
    numbers = isinstance(old, int | float) and isinstance(new, int | float)
    return bool(old == new) and (numbers or type(old) is type(new))


def _raw(told: Any) -> dict[str, Any]:
    """A dictionary as it is written: references are not followed."""
    return dict(dict.items(told))


def _items(told: Any) -> list[Any]:
    return list(list.__iter__(told))


def _changed(name: str) -> _OddError:
    return _OddError(f"a change that was appended with its signature, of {name[:40]}")


if __name__ == "__main__":
    main()
