"""The opening that all prompts of a shard share: system prompt and template, read once.

The keys and values of the opening depend on the mask and on nothing else of the row, so they are
computed once for each distinct mask (below the first mask: once), and every row starts from a copy.
Padding stands between the opening and what follows it. Only where the cache is plain (`lines.py`).
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from gatekeeper.engine.lines import is_plain
from gatekeeper.engine.running import Given, Running
from gatekeeper.records.trial import Mask, split_mode

#: Shortest opening, in tokens, that is worth a forward of its own.
LEAST = 16


@dataclass(frozen=True, slots=True)
class Opening:
    """Attributes:
    tokens: length of the opening.
    cache: its keys and values, a line to each distinct mask; below the first mask one line.
    line: of each row, the line of its mask.
    """

    tokens: int
    cache: Any
    line: tuple[int, ...]

    def enter(self, given: Given, rows: Sequence[int]) -> Running:
        """Rows that have read the opening, ready for the forward that reads the rest."""
        own = copy.copy(self.cache)
        own.layers = [copy.copy(layer) for layer in self.cache.layers]
        batch = Running(given, rows, cut=self.tokens)
        batch.start_from(own, [self.line[row] for row in rows])
        return batch


def read_opening(given: Given, masks: Sequence[Mask], least: int) -> Opening | None:
    """Reads what all prompts begin with; None if that is too short, or the cache is not plain."""
    tokens = _common(given.prompts)
    if tokens < least or len(given.prompts) == 1:
        return None
    labels = [_label(mask, row) for row, mask in enumerate(masks)]
    heads = {label: row for row, label in reversed(list(enumerate(labels)))}
    place = {label: line for line, label in enumerate(heads)}
    begun = Running(
        replace(given, prompts=[prompt[:tokens] for prompt in given.prompts]), [*heads.values()]
    )
    begun.logits()
    if not is_plain(begun.cache):
        return None
    if given.met is not None:
        given.met.spread(begun.rows[0], range(len(labels)))
    return Opening(tokens, begun.cache, tuple(place[label] for label in labels))


def _common(prompts: Sequence[Sequence[int]]) -> int:
    """Tokens that all prompts begin with; at least one is left to each."""
    first, last = min(map(tuple, prompts)), max(map(tuple, prompts))
    pairs = zip(first, last, strict=False)
    common = next((i for i, (a, b) in enumerate(pairs) if a != b), min(len(first), len(last)))
    return min(common, min(map(len, prompts)) - 1)


def _label(mask: Mask, row: int) -> tuple[object, ...]:
    """Equal for rows whose opening is equal. Noise is each row's own."""
    if not mask.experts:
        return ()
    own = (row,) if split_mode(mask.mode)[0] == "noise" else ()
    return (mask.mode, mask.phase, frozenset(mask.experts), *own)
