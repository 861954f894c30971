"""The prompt cache: a prefix that prompts share (system prompt, template, first words), read once.

The keys and values of the prefix depend on the mask and on nothing else of the row, so they are
computed once for each distinct mask (below the first mask: once), and every row starts from a copy.
Padding stands between the prefix and what follows it. Only for plain caches (`kv_cache.py`).
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gatekeeper.engine.generate.batch_state import Running
from gatekeeper.engine.generate.decode_context import DecodeContext
from gatekeeper.engine.generate.kv_cache import is_plain
from gatekeeper.records.trial import Mask, split_mode

#: Tokens that take as long as starting a forward, on a processor and on CUDA (there on paper, for
#: a model of 3e9 active parameters): a prefix that spares fewer is not read by itself.
START, _CUDA_START = 192, 2048


@dataclass(frozen=True, slots=True)
class CachedStart:
    """A shared prefix that has been read.

    Attributes:
        tokens: length of the prefix.
        cache: its keys and values, a line to each distinct mask; below the first mask one line.
        line: of each row, the line of its mask.
    """

    tokens: int
    cache: Any
    line: Mapping[int, int]

    def enter(self, context: DecodeContext, rows: Sequence[int]) -> Running:
        """Rows that have read the prefix, ready for the forward that reads the rest."""
        cache = copy.copy(self.cache)
        cache.layers = [copy.copy(layer) for layer in self.cache.layers]
        batch = Running(context, rows, cut=self.tokens)
        batch.start_from(cache, [self.line[row] for row in rows])
        return batch


def least_tokens(cuda: bool, share: float = 1.0) -> int:
    """How many tokens a forward has to spare to be worth its start.

    Args:
        share: of the layers, those that run for every row: below the first mask a token costs
            next to nothing.
    """
    return int((_CUDA_START if cuda else START) / share)


class PromptCache:
    """Reads the prefix that a cluster's prompts share, and holds its cache; one cluster at a time.

    Args:
        masks: one to each row of the call.
        least: tokens that a prefix has to spare.
        most: rows that may run side by side, so many masks at most have a prefix read.
    """

    def __init__(
        self, context: DecodeContext, masks: Sequence[Mask], least: int, most: int
    ) -> None:
        self._context, self._masks, self._least, self._most = context, masks, least, most
        self._cluster: int | None = None
        self._cached: CachedStart | None = None

    def of(self, cluster: int, rows: Sequence[int]) -> CachedStart | None:
        """A cluster's prefix, read once; None if the cache is not plain, or nothing is gained.

        Args:
            rows: those of the cluster that are still to enter.
        """
        if cluster != self._cluster:
            self._cluster, self._cached = cluster, None  # the last one's room is free
            self._cached = self.read(rows)
        return self._cached

    def read(self, rows: Sequence[int]) -> CachedStart | None:
        """Runs the model over the rows' shared prefix, once for each mask; None: no gain."""
        tokens = common([self._context.prompts[row] for row in rows])
        labels = {row: _label(self._masks[row], row) for row in rows}
        heads = {label: row for row, label in reversed(labels.items())}
        spared = tokens * (len(labels) - len(heads))
        if spared < max(1, self._least) or len(heads) > self._most:
            return None
        place = {label: line for line, label in enumerate(heads)}
        begun = Running(self._context, [*heads.values()], stop=tokens)
        begun.logits()
        if not is_plain(begun.cache):
            return None
        return CachedStart(tokens, begun.cache, {row: place[labels[row]] for row in rows})


def common(prompts: Sequence[Sequence[int]]) -> int:
    """How many tokens all prompts begin with; at least one is left to each."""
    first, last = min(map(tuple, prompts)), max(map(tuple, prompts))
    pairs = zip(first, last, strict=False)
    common = next((i for i, (a, b) in enumerate(pairs) if a != b), min(len(first), len(last)))
    return min(common, min(map(len, prompts)) - 1)


def _label(mask: Mask, row: int) -> tuple[object, ...]:
    """A key that rows with equal caches of the prefix share. Noise is each row's own."""
    if not mask.experts:
        return ()
    alone = (row,) if split_mode(mask.mode)[0] == "noise" else ()
    return (mask.mode, mask.phase, frozenset(mask.experts), *alone)
