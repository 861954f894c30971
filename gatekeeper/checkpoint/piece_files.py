"""Reads pieces of a tokenizer from files of SentencePiece and tiktoken, without their code.

SentencePiece: a protobuf message whose field 1, repeated, is a piece with text (1), score (2) and
kind (3), see sentencepiece_model.proto. Tiktoken: a line for each token, its bytes in base64 and
its rank.
"""

from __future__ import annotations

import base64
import binascii
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

_MOST_BYTES = 100_000_000
#: Kinds of wire in protobuf, by the lower three bits of a tag.
_VARINT, _EIGHT, _COUNTED, _FOUR = 0, 1, 2, 5
_NORMAL = 1


@dataclass(slots=True)
class Pieces:
    """The pieces that a file of a tokenizer holds.

    Attributes:
        ids: piece to id.
        scores: of the pieces that are ordinary text; what has more is merged earlier.
    """

    ids: dict[str, int] = field(default_factory=dict)
    scores: dict[str, float] = field(default_factory=dict)


def read_pieces(path: Path) -> Pieces | None:
    """The pieces in a file, or None if it is of neither kind, damaged or too large."""
    if path.stat().st_size > _MOST_BYTES:
        return None
    raw = path.read_bytes()
    try:
        return _of_sentencepiece(raw) or _of_tiktoken(raw)
    except (ValueError, IndexError, struct.error):
        return None


def _of_sentencepiece(raw: bytes) -> Pieces | None:
    if not raw.startswith(b"\x0a"):  # field 1, counted
        return None
    pieces = Pieces()
    for number, value in _fields(raw):
        if number != 1 or not isinstance(value, bytes):
            continue
        piece = dict(_fields(value))
        text, score = piece.get(1, b""), piece.get(2, bytes(4))
        if not isinstance(text, bytes) or not isinstance(score, bytes):
            return None
        name, index = text.decode("utf-8"), len(pieces.ids)
        if name in pieces.ids:
            raise ValueError("a piece is there twice")
        pieces.ids[name] = index
        if piece.get(3, _NORMAL) == _NORMAL:
            (pieces.scores[name],) = struct.unpack("<f", score)
    return pieces


def _fields(raw: bytes) -> Iterator[tuple[int, int | bytes]]:
    place = 0
    while place < len(raw):
        tag, place = _varint(raw, place)
        kind = tag & 7
        if kind == _VARINT:
            number, place = _varint(raw, place)
            yield tag >> 3, number
            continue
        if kind == _COUNTED:
            size, place = _varint(raw, place)
        elif kind in {_EIGHT, _FOUR}:
            size = 8 if kind == _EIGHT else 4
        else:
            raise ValueError("no protobuf")
        if place + size > len(raw):
            raise ValueError("cut")
        yield tag >> 3, raw[place : place + size]
        place += size


def _varint(raw: bytes, place: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        byte = raw[place + shift // 7]
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, place + shift // 7 + 1
    raise ValueError("no protobuf")


def _of_tiktoken(raw: bytes) -> Pieces | None:
    pieces = Pieces()
    for line in raw.splitlines():
        token, _, rank = line.partition(b" ")
        try:
            name = "".join(_SHOWN[byte] for byte in base64.b64decode(token, validate=True))
        except binascii.Error:
            return None
        pieces.ids[name] = int(rank)
        pieces.scores[name] = -float(rank)
    return pieces if pieces.ids else None


def _shown() -> dict[int, str]:
    """A printable character for each byte, as GPT-2 and tokenizer.json write them."""
    plain = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    rest = [byte for byte in range(256) if byte not in plain]
    return {byte: chr(byte) for byte in plain} | {b: chr(256 + n) for n, b in enumerate(rest)}


_SHOWN = _shown()
