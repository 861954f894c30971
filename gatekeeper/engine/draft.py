"""Replies that need not be written: the unmasked reply of a prompt is a draft of its masked ones.

Behind the prompt, one forward reads the draft under the row's mask. Where the likeliest token at
every place is the draft's next, greedy decoding would have written the same, so the row is done.
For any other row the draft is forgotten, and it goes on from its prompt as if nothing had been. It
is the check of speculative decoding (Leviathan et al. 2023, arXiv:2211.17192) for greedy choice,
with the whole reply as one draft. Only where the cache is plain (`lines.py`): others cannot forget.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch

from gatekeeper.engine.lines import is_plain
from gatekeeper.engine.load import embedding_rows
from gatekeeper.engine.running import Running
from gatekeeper.records.trial import Mask, split_mode

#: Most logits of a forward: one that reads has them at every place, one that writes at one.
_LOGITS = 1 << 27

#: Tokens of the vocabulary where the model does not tell.
_VOCABULARY = 1 << 17

#: A draft of a row, if it has one.
Draft = Sequence[int] | None


def draftable(mask: Mask) -> bool:
    """Whether replies under the mask are tried: not without one, and not under noise, which makes
    of every row its own and seldom leaves a reply as it was."""
    return bool(mask.experts) and split_mode(mask.mode)[0] != "noise"


def confirm(
    batch: Running, drafts: Sequence[Draft], settle: Callable[[Running], None]
) -> frozenset[int]:
    """Ends the rows whose draft stands, with what decoding would have written.

    Nothing is read where less than half of the rows began as their draft does: the forward is of
    all rows.

    Args:
        batch: rows that have their first token.
        drafts: one to each row of the call, by its number.
        settle: notes the rows that have ended with their last token (`Running.settle`).

    Returns:
        The rows whose draft stood.
    """
    if batch.given.met is not None or not is_plain(batch.cache):
        return frozenset()
    told, read = _begun(batch, drafts)
    if not told or 2 * len(told) < len(batch.rows):
        return frozenset()
    chosen = _chosen(batch, read)
    _replay(batch, told, settle)
    for line, row in enumerate(batch.rows):
        said = batch.generated[row]
        if row not in told:
            continue
        if row not in batch.ends or chosen[line][: len(said) - 1] != said[1:]:
            batch.ends.pop(row, None)
            batch.generated[row] = said[:1]
    return frozenset(row for row in told if row in batch.ends)


def _begun(
    batch: Running, drafts: Sequence[Draft]
) -> tuple[dict[int, list[int]], dict[int, list[int]]]:
    """Drafts that go on from a row's first token, by row; and those to read, by group."""
    told: dict[int, list[int]] = {}
    read: dict[int, list[int]] = {}
    for row, group in zip(batch.rows, batch.group, strict=True):
        draft = list(drafts[row] or ())
        if row in batch.ends or len(draft) < 2 or draft[:1] != batch.generated[row]:
            continue
        # A group reads one draft; rows with another one are decoded.
        if read.setdefault(group, draft) == draft:
            told[row] = draft
    return told, read


def _chosen(batch: Running, read: dict[int, list[int]]) -> list[list[int]]:
    """The token that each row would choose behind each of its draft's, the last one's apart."""
    loaded = batch.given.loaded
    places = max(map(len, read.values())) - 1
    # What stands behind a draft, or in a group without, is read by nobody before it.
    tokens = torch.full((len(batch.ids), places), loaded.pad_id, dtype=torch.int64)
    for group, draft in read.items():
        tokens[group, : len(draft) - 1] = torch.tensor(draft[:-1])
    vocabulary = embedding_rows(loaded.model) or _VOCABULARY
    at_once = max(1, _LOGITS // (len(batch.rows) * vocabulary))
    found: list[list[int]] = batch.look_ahead(tokens.to(batch.ids.device), at_once).tolist()
    return found


def _replay(batch: Running, told: dict[int, list[int]], settle: Callable[[Running], None]) -> None:
    """Lets the rows say their drafts, and ends them where the loop would have."""
    for length in range(2, max(map(len, told.values())) + 1):
        for row, draft in told.items():
            if row not in batch.ends:
                batch.generated[row] = draft[:length]
        settle(batch)
