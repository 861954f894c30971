"""Plans which rows a sweep computes, and in which order.

The unit of work is the shard (`batch_order.py`): rows of the plan that are computed and committed
together, so that a resumed audit runs the same shards and gets the same bits. Rows of one prompt
stand together, longest prompts first. Rows without a mask come before all others: what they said is
a draft of what the others say (`speculative.py`).
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from gatekeeper.engine.generate.batching import Encoded
from gatekeeper.engine.generate.techniques import Techniques
from gatekeeper.records.reasoning import Reasoning
from gatekeeper.records.trial import Mask, what_it_does

#: Masks to a prompt from which on it pays to know first what the unmasked row says.
_MANY = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """A prompt and the masks to run it under."""

    prompt: Encoded
    masks: tuple[Mask, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One reply to make. Masks with equal experts share it, whatever their names.

    Attributes:
        draft: the unmasked reply's tokens, to be tried first; no part of what the row is.
        cluster: in a shard, rows of the same number share a prefix; no part of it either.
    """

    prompt: Encoded
    mask: Mask
    key: str
    draft: tuple[int, ...] | None = None
    cluster: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepSettings:
    """The settings on which a reply depends besides model, mask and prompt.

    Attributes:
        base: digest of the model, its dtype and all generation settings; part of every key.
        reasoning: how it is told from replies; None: it is not.
        ending: tokens at the end of prompts that the template writes, which may open a block.
    """

    base: str
    new_tokens: int
    batch_rows: int
    techniques: Techniques = field(default_factory=Techniques)
    reasoning: Reasoning | None = None
    ending: int | None = None


def plan_rows(
    work: Sequence[Work], base: str, techniques: Techniques | None = None
) -> tuple[list[Row], dict[tuple[str, str], str]]:
    """Distinct rows in running order, and the key of each (mask name, prompt id)."""
    using = techniques or Techniques()
    rows: dict[str, Row] = {}
    keys: dict[tuple[str, str], str] = {}
    jobs = list(work)
    if using.sort_lengths:
        jobs.sort(key=lambda w: (-len(w.prompt.ids), w.prompt.prompt.id))
    done: dict[int, str] = {}  # by identity: a mask stands in the work of many prompts
    for job in jobs:
        prompt, ids = job.prompt, json.dumps(job.prompt.ids)
        for mask in job.masks:
            does = done.get(id(mask)) or done.setdefault(id(mask), what_it_does(mask))
            key = _digest(base, does, ids)
            keys[mask.name, prompt.prompt.id] = key
            rows.setdefault(key, Row(prompt=prompt, mask=mask, key=key))
    order = list(rows.values())
    if by_depth(using):
        deepest = max((depth(row) for row in order if row.mask.experts), default=0)
        # Without a mask a row shares all that those of the deepest share.
        order.sort(key=lambda row: min(depth(row), deepest), reverse=True)
    if not using.fold:
        place = {text: i for i, text in enumerate(dict.fromkeys(_masked(row) for row in order))}
        order.sort(key=lambda row: place[_masked(row)])
    return order, keys


def by_depth(using: Techniques) -> bool:
    """Whether rows are ordered by the first layer that their masks touch."""
    return using.fold and using.share_prefix and using.sort_depth


def depth(row: Row) -> float:
    """The first layer that the row's mask touches; infinite without a mask."""
    return min((expert.layer for expert in row.mask.experts), default=math.inf)


def row_key(base: str, mask: Mask, prompt: Encoded) -> str:
    """A digest of all that a reply depends on."""
    return _digest(base, what_it_does(mask), json.dumps(prompt.ids))


def _digest(base: str, does: str, ids: str) -> str:
    return hashlib.sha256(f"[{json.dumps(base)}, {does[1:-1]}, {ids}]".encode()).hexdigest()


def _masked(row: Row) -> str:
    return what_it_does(row.mask)


def waves(rows: Sequence[Row], techniques: Techniques) -> list[list[Row]]:
    """Planned rows in parts that run one after the other: first those that are drafts of others.

    Apart from the others they share no prefix with them: that has to be few of the rows.
    """
    bare = [row for row in rows if not row.mask.experts]
    masked = [row for row in rows if row.mask.experts]
    if not techniques.draft or not bare or len(masked) < _MANY * len(bare):
        return [list(rows)]
    return [bare, masked]
