"""Reads what is in a PDF of which nothing is known, in a process of its own."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from gatekeeper.errors import EvidenceError, excerpt
from gatekeeper.evidence.members import is_plain_name

_CHILD = Path(__file__).with_name("pdf_child.py")
#: Seconds after which the process is ended, should the limit on its processor not end it.
_SECONDS = 180


@dataclass(frozen=True, slots=True, kw_only=True)
class PdfSignature:
    """A signature that was appended to a report, and is all that was.

    Attributes:
        unsigned: how many bytes the report had before.
        start, end: where the signature itself lies, which is over all other bytes.
        contents: the signature itself (CMS), in hexadecimal digits.
        when: on which it says that it was made, as a PDF writes times.
    """

    unsigned: int
    start: int
    end: int
    contents: str
    when: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PdfContent:
    """What is in a PDF.

    Attributes:
        files: the attachments by name.
        odd: what it has that no report has.
        signature: None of one that was not signed.
        pages: the text of each page, white space levelled; `drawn`: a digest of all that each is
            drawn with. Empty unless asked for.
    """

    files: Mapping[str, bytes]
    odd: tuple[str, ...]
    signature: PdfSignature | None
    pages: tuple[str, ...]
    drawn: tuple[str, ...] = ()


def read_pdf(data: bytes, where: str, *, text: bool = False) -> PdfContent:
    """The content of a PDF.

    Args:
        text: whether to read the text of its pages too.

    Raises:
        EvidenceError: not a PDF, not a readable one, encrypted, or larger than any report.
    """
    remedy = "get the report again from where it was written"
    if not data.startswith(b"%PDF-"):
        raise EvidenceError(
            "not a PDF",
            where=where,
            remedy="give an evidence bundle, the output of gatekeeper run, or a report.pdf",
        )
    # Isolated: nothing of the working directory or the environment is imported.
    command = [sys.executable, "-I", str(_CHILD), *(["text"] if text else [])]
    try:
        done = subprocess.run(
            command, input=data, capture_output=True, timeout=_SECONDS, check=False
        )
        told = json.loads(done.stdout)
    except (subprocess.TimeoutExpired, ValueError) as error:
        raise EvidenceError(
            "not a readable PDF: reading it takes too long, or too much memory",
            where=where,
            remedy=remedy,
        ) from error
    if "error" in told:
        raise EvidenceError(
            f"not a readable PDF ({excerpt(told['error'])})", where=where, remedy=remedy
        )
    names = [name for name, _ in told["files"]]
    if len(set(names)) < len(names) or not all(map(is_plain_name, names)):
        raise EvidenceError("an attachment is there twice, or has no plain name", where=where)
    return PdfContent(
        files={name: base64.b64decode(content) for name, content in told["files"]},
        odd=tuple(told["odd"]),
        signature=PdfSignature(**told["signature"]) if told["signature"] else None,
        pages=tuple(told.get("pages", ())),
        drawn=tuple(told.get("drawn", ())),
    )
