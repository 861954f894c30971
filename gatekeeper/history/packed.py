"""Answers as they are kept: each is read from its JSON when it is asked for, and not before.

A first line with the questions, and a line for the answer to each, compressed together.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator, Mapping
from typing import Any

#: Without looking for spaces around a value: there are hundreds for each verdict.
_DECODE = json.JSONDecoder().raw_decode


class Answers(Mapping[str, Any]):
    """Answers by question.

    Raises:
        ValueError: on looking one up that is no JSON.
    """

    def __init__(self, texts: Mapping[str, str]) -> None:
        self._texts = texts

    def __getitem__(self, question: str) -> Any:
        text = self._texts[question]
        answer, end = _DECODE(text)
        if end != len(text):
            raise ValueError("more than one answer")
        return answer

    def __contains__(self, question: object) -> bool:
        return question in self._texts

    def __iter__(self) -> Iterator[str]:
        return iter(self._texts)

    def __len__(self) -> int:
        return len(self._texts)

    def packed(self, new: Mapping[str, Any]) -> bytes:
        """These, and newer ones over them."""
        texts = {**self._texts, **{key: json.dumps(value) for key, value in new.items()}}
        return zlib.compress("\n".join([json.dumps([*texts]), *texts.values()]).encode(), 1)


def unpacked(data: bytes) -> Answers:
    """What was packed; nothing if it was not."""
    try:
        first, *lines = zlib.decompress(data).decode().split("\n")
        return Answers(dict(zip(json.loads(first), lines, strict=True)))
    except (ValueError, TypeError, zlib.error):  # whatever it is, the bundle itself can be asked
        return Answers({})
