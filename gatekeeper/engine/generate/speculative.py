"""Speculative decoding: the unmasked reply to a prompt is tried as a draft of its masked ones.

Behind the prompt, or with it, one forward reads the draft under the row's mask. Where the likeliest
token at every place is the draft's next, greedy decoding would have written the same, so the row is
done. For any other row the draft is forgotten, and it goes on from its prompt as if nothing had
been. It is the check of speculative decoding (Leviathan et al. 2023, arXiv:2211.17192) for greedy
choice, with the whole reply as one draft. Only where the cache is plain (`kv_cache.py`): others
cannot forget.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from gatekeeper.engine.generate.batch_state import LOOK_EVERY, Running
from gatekeeper.engine.generate.kv_cache import is_plain
from gatekeeper.engine.model.token_ids import embedding_rows
from gatekeeper.records.trial import Mask, split_mode

#: Most logits of a forward: one that reads has them at every place, one that writes at one.
LOGITS = 1 << 27

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
    """Checks drafts in one forward, and ends the rows whose draft decoding would have written.

    Nothing is read where less than half of the rows began as their draft does: the forward is of
    all rows.

    Args:
        batch: rows that have their first token.
        drafts: one to each row of the call, by its number.
        settle: notes the rows that have ended with their last token (`Running.settle`).

    Returns:
        The rows whose draft stood.
    """
    if not is_plain(batch.cache):
        return frozenset()
    read = _begun(batch, _read(batch, drafts))
    if not read or 2 * len(read) < len(batch.rows):
        return frozenset()
    tokens, at_once = _tokens(batch, read), _at_once(batch)
    chosen: list[list[int]] = batch.look_ahead(tokens, at_once).tolist()
    return close_drafts(batch, read, chosen, settle)


def can_begin_with(batch: Running, drafts: Sequence[Draft]) -> bool:
    """Whether prompts and drafts can be read in one forward.

    Not where a mask holds in one phase only. The cache has to be plain: it is not asked here.
    """
    masks, longest = batch.masks, max(len(drafts[row] or ()) for row in batch.rows)
    alike = masks is not None and masks.decode is masks.prefill
    return alike and 2 <= longest <= _at_once(batch)


def begin_with(
    batch: Running, drafts: Sequence[Draft], settle: Callable[[Running], None]
) -> frozenset[int]:
    """Reads prompts and drafts in one forward, for the first tokens and what `confirm` does.

    For rows of which most drafts stand: of others it has read more than `confirm` would have.
    """
    read = _read(batch, drafts)
    chosen = batch.step_ahead(_tokens(batch, read))
    settle(batch)
    return close_drafts(batch, _begun(batch, read), chosen.tolist(), settle)


def close_drafts(
    batch: Running,
    read: dict[int, list[int]],
    chosen: Sequence[Sequence[int]],
    settle: Callable[[Running], None],
) -> frozenset[int]:
    """Ends the rows of which every token is the one chosen behind those before it."""
    if not read:
        return frozenset()
    _replay(batch, read, settle)
    for line, row in enumerate(batch.rows):
        said = batch.generated[row]
        if row not in read:
            continue
        if row not in batch.ends or list(chosen[line][: len(said) - 1]) != said[1:]:
            batch.ends.pop(row, None)
            batch.generated[row] = said[:1]
    return frozenset(row for row in read if row in batch.ends)


def _read(batch: Running, drafts: Sequence[Draft]) -> dict[int, list[int]]:
    """The drafts that can be read, by row: one to each group, rows with another are decoded."""
    group = dict(zip(batch.rows, batch.group, strict=True))
    first: dict[int, list[int]] = {}
    readable: dict[int, list[int]] = {}
    for row in batch.rows:
        ids = list(drafts[row] or ())
        if row not in batch.ends and len(ids) > 1 and first.setdefault(group[row], ids) == ids:
            readable[row] = ids
    return readable


def _begun(batch: Running, read: dict[int, list[int]]) -> dict[int, list[int]]:
    """The drafts that go on from their row's first token."""
    return {
        row: draft
        for row, draft in read.items()
        if row not in batch.ends and draft[:1] == batch.generated[row]
    }


def _tokens(batch: Running, read: dict[int, list[int]]) -> Tensor:
    """The draft tokens that each group reads, int64 [G, K]; the last of a draft is read by none.

    What stands behind a draft, or in a group without, is read by nobody before it.
    """
    group = dict(zip(batch.rows, batch.group, strict=True))
    lines = {group[row]: draft[:-1] for row, draft in read.items()}
    places = max(map(len, lines.values()))
    pad = [batch.context.loaded.pad_id] * places
    tokens = [[*lines.get(g, ()), *pad][:places] for g in range(len(batch.ids))]
    return torch.tensor(tokens, device=batch.ids.device)


def _at_once(batch: Running) -> int:
    """How many tokens a forward reads with logits at each of them."""
    vocabulary = embedding_rows(batch.context.loaded.model) or _VOCABULARY
    return max(1, LOGITS // (len(batch.rows) * vocabulary))


def _replay(batch: Running, read: dict[int, list[int]], settle: Callable[[Running], None]) -> None:
    """Writes the drafts as the rows' replies, and ends them where the loop would have."""
    ends = batch.context.loaded.end_ids
    said = {
        row: draft[: next((i + 1 for i, token in enumerate(draft) if token in ends), len(draft))]
        for row, draft in read.items()
    }
    longest = max(map(len, said.values()))
    # A row is looked at every few tokens, and with its last.
    for length in [*range(LOOK_EVERY, longest, LOOK_EVERY), longest]:
        for row, draft in said.items():
            if row not in batch.ends:
                batch.generated[row] = draft[:length]
        settle(batch)
