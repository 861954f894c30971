"""Which rows a sweep computes, in which order, and in which shards.

The unit of work is the shard: a fixed run of rows of the plan, computed and committed together, so
that a resumed audit runs the same shards and gets the same bits. Rows of one prompt stand together,
longest prompts first. Rows without a mask come before all others, because what they met decides
which of the others need not run (`skip.py`), where that was noted, and because what they said is a
draft of what the others say (`draft.py`); both are in the store.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from gatekeeper.engine.batching import Encoded, batches
from gatekeeper.engine.load import LoadedModel
from gatekeeper.engine.techniques import Techniques
from gatekeeper.records.plugins import Judge
from gatekeeper.records.trial import Mask

#: Rows of a shard for each that runs at a time, where rows enter as others end.
_REFILLS = 4

#: A batch of fewer rows than this part of a full one is not begun for the prefix that it shares.
_SMALL = 4

#: Masks to a prompt from which on it pays to know first what the unmasked row meets and says.
_MANY = 32


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
    """

    prompt: Encoded
    mask: Mask
    key: str
    draft: tuple[int, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepSettings:
    """What a reply depends on besides model, mask and prompt.

    Attributes:
        base: digest of the model, its dtype and all generation settings; part of every key.
    """

    base: str
    new_tokens: int
    batch_rows: int
    judge: Judge
    techniques: Techniques = field(default_factory=Techniques)


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
    for job in jobs:
        prompt = job.prompt
        for mask in job.masks:
            key = row_key(base, mask, prompt)
            keys[mask.name, prompt.prompt.id] = key
            rows.setdefault(key, Row(prompt=prompt, mask=mask, key=key))
    order = list(rows.values())
    if _by_depth(using):
        deepest = max((_depth(row) for row in order if row.mask.experts), default=0)
        # Without a mask a row shares all that those of the deepest share.
        order.sort(key=lambda row: min(_depth(row), deepest), reverse=True)
    if not using.fold:
        place = {text: i for i, text in enumerate(dict.fromkeys(_masked(row) for row in order))}
        order.sort(key=lambda row: place[_masked(row)])
    return order, keys


def _by_depth(using: Techniques) -> bool:
    return using.fold and using.share_prefix and using.sort_depth


def _depth(row: Row) -> float:
    """The first layer that the row's mask touches; no mask touches none."""
    return min((expert.layer for expert in row.mask.experts), default=math.inf)


def row_key(base: str, mask: Mask, prompt: Encoded) -> str:
    """A digest of all that a reply depends on."""
    return hashlib.sha256(json.dumps([base, *_what(mask), prompt.ids]).encode()).hexdigest()


def _what(mask: Mask) -> list[Any]:
    """What a mask does: equal for masks with equal experts, whatever their names."""
    experts = sorted([e.layer, e.expert] for e in mask.experts)
    return [*([mask.mode, mask.phase] if experts else ["none"]), experts]


def same_mask(mask: Mask) -> str:
    """Equal for masks that share their rows, whatever their names."""
    return json.dumps(_what(mask))


def _masked(row: Row) -> str:
    return same_mask(row.mask)


def waves(rows: Sequence[Row], techniques: Techniques) -> list[list[Row]]:
    """Planned rows in parts that run one after the other: first those that may spare others.

    Apart from the others they share no prefix with them: that has to be few of the rows.
    """
    bare = [row for row in rows if not row.mask.experts]
    masked = [row for row in rows if row.mask.experts]
    spares = techniques.skip or techniques.draft
    if not spares or not bare or len(masked) < _MANY * len(bare):
        return [list(rows)]
    return [bare, masked]


def shards(loaded: LoadedModel, rows: Sequence[Row], settings: SweepSettings) -> list[slice]:
    """Cuts the rows of a wave into what is computed and committed together.

    A batch each; more rows where those that end make room for others.
    """
    size = settings.batch_rows * (_REFILLS if settings.techniques.refill else 1)
    apart: list[str] | None = None
    if not settings.techniques.fold:
        apart = [_masked(row) for row in rows]
    elif _by_depth(settings.techniques):
        apart = _parted_by_depth(rows, size // _SMALL)
    return batches(
        [len(row.prompt.ids) for row in rows], size, pads=loaded.architecture.pads, apart=apart
    )


def _parted_by_depth(rows: Sequence[Row], least: int) -> list[str]:
    """A label for each row, another one where masks begin less deep.

    Not before `least` rows have the one before: small batches cost more than a prefix saves.
    """
    labels: list[str] = []
    part = held = 0
    for row, before in zip(rows, [None, *rows], strict=False):
        shallower = before is not None and _depth(row) < _depth(before) < math.inf
        if shallower and held >= least:
            part, held = part + 1, 0
        labels.append(str(part))
        held += 1
    return labels
