"""Answers as they are kept: each is read from its JSON when it is asked for, and not before.

A first line with the questions, then as many lines of answers as a part has, compressed together,
for each part by itself: a verdict asks a tenth of what is known, and mostly what was asked
together.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator, Mapping
from typing import Any

#: Answers in one part.
_PART = 128
#: Without looking for spaces around a value: there are hundreds for each verdict.
_DECODE = json.JSONDecoder().raw_decode


class Answers(Mapping[str, Any]):
    """Answers by question.

    Args:
        questions: in the order of the answers; parts: compressed, `_PART` answers each.

    Raises:
        ValueError: on looking one up that is no JSON, or whose part is broken.
    """

    def __init__(self, questions: Mapping[str, int], parts: list[bytes]) -> None:
        self._questions, self._parts = questions, parts
        self._open: dict[int, list[str]] = {}

    def __getitem__(self, question: str) -> Any:
        text = self._text(self._questions[question])
        answer, end = _DECODE(text)
        if end != len(text):
            raise ValueError("more than one answer")
        return answer

    def _text(self, place: int) -> str:
        part, at = divmod(place, _PART)
        try:
            if part not in self._open:
                self._open[part] = zlib.decompress(self._parts[part]).decode().split("\n")
            return self._open[part][at]
        except (zlib.error, IndexError) as error:
            raise ValueError("a part of the answers is broken") from error

    def __contains__(self, question: object) -> bool:
        return question in self._questions

    def __iter__(self) -> Iterator[str]:
        return iter(self._questions)

    def __len__(self) -> int:
        return len(self._questions)

    def packed(self, new: Mapping[str, Any]) -> bytes:
        """These, and newer ones over them; the newer ones alone if these are broken."""
        try:
            texts = {question: self._text(place) for question, place in self._questions.items()}
        except ValueError:
            texts = {}
        texts |= {question: json.dumps(answer) for question, answer in new.items()}
        lines = list(texts.values())
        parts = [
            zlib.compress("\n".join(lines[i : i + _PART]).encode(), 1)
            for i in range(0, len(lines), _PART)
        ]
        head = zlib.compress(json.dumps([*texts]).encode(), 1)
        sizes = json.dumps([len(part) for part in (head, *parts)]).encode()
        return b"\n".join([sizes, b"".join([head, *parts])])


def nothing() -> Answers:
    """No answers."""
    return Answers({}, [])


def unpacked(data: bytes) -> Answers:
    """What was packed; nothing if it was not."""
    try:
        sizes, _, rest = data.partition(b"\n")
        parts, at = [], 0
        for size in json.loads(sizes):
            parts.append(rest[at : at + size])
            at += size
        head, *parts = parts
        questions = json.loads(zlib.decompress(head))
        return Answers({question: i for i, question in enumerate(questions)}, parts)
    except (ValueError, TypeError, zlib.error):  # whatever it is, the bundle itself can be asked
        return nothing()
