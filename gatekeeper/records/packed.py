"""Many texts in little memory: compressed in blocks."""

from __future__ import annotations

import zlib
from array import array
from bisect import bisect_right

#: Bytes of texts that are compressed together, and unpacked together when one is asked for.
_BLOCK = 1 << 18


class PackedTexts:
    """Texts, added in order and read in about that order."""

    def __init__(self) -> None:
        self._blocks: list[bytes] = []
        #: Of each block its first text.
        self._first: list[int] = [0]
        #: Where each text ends, in bytes of its block.
        self._ends = array("i")
        self._open = bytearray()
        self._unpacked = -1, b""

    def add(self, text: str) -> None:
        """Adds one; `close` must follow the last."""
        # A model may emit lone surrogates through a byte tokenizer.
        self._open += text.encode("utf-8", "surrogatepass")
        self._ends.append(len(self._open))
        if len(self._open) >= _BLOCK:
            self.close()

    def close(self) -> None:
        """Compresses what is open."""
        if self._first[-1] < len(self._ends):
            self._blocks.append(zlib.compress(self._open, 1))
            self._first.append(len(self._ends))
            self._open = bytearray()

    def text(self, index: int) -> str:
        """The text that was added as this one, counted from 0."""
        block = bisect_right(self._first, index) - 1
        if self._unpacked[0] != block:
            self._unpacked = block, zlib.decompress(self._blocks[block])
        start = 0 if index == self._first[block] else self._ends[index - 1]
        return self._unpacked[1][start : self._ends[index]].decode("utf-8", "surrogatepass")
