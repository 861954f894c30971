"""Replies that need not be written: the unmasked reply of a prompt is a draft of its masked ones.

One forward reads prompt and draft under the row's mask. Where the likeliest token at every place is
the draft's next, greedy decoding would have written the same, so the row is done. Any other row is
decoded from its prompt: nothing of a draft that falls is used. It is the check of speculative
decoding (Leviathan et al. 2023, arXiv:2211.17192) for greedy choice, with all of the reply as one
draft.

A mask of one phase would have to change within the forward, and noise is drawn place by place as
the reply is written, so such rows have no draft.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from gatekeeper.engine.batching import batches
from gatekeeper.engine.load import embedding_rows
from gatekeeper.engine.opening import Opening
from gatekeeper.engine.running import Given, Running
from gatekeeper.records.trial import Mask, split_mode

#: Most logits of one forward: drafts are read where a decoding step looks at one place a row.
_LOGITS = 1 << 27

#: Tokens of the vocabulary where the model does not tell.
_VOCABULARY = 1 << 17


def draftable(mask: Mask) -> bool:
    """Whether a reply under the mask can be checked by one forward."""
    noisy = split_mode(mask.mode)[0] == "noise"
    return bool(mask.experts) and mask.phase == "both" and not noisy


def confirmed(
    given: Given,
    drafts: Sequence[Sequence[int] | None],
    slots: int,
    opening: Opening | None,
    settle: Callable[[Running], None],
) -> Iterator[Running]:
    """Batches of rows that have been read with their drafts; those that stand have ended.

    Args:
        drafts: one to each row of `given`; rows without are not read.
        slots: rows side by side, at most.
        opening: what has been read of all prompts.
        settle: notes the rows that have ended with their last token (`Running.settle`).
    """
    rows = [row for row, draft in enumerate(drafts) if draft]
    told = {row: tuple(drafts[row] or ()) for row in rows}
    # The last token of a draft is looked for, not read.
    read = [(*prompt, *told.get(row, ())[:-1]) for row, prompt in enumerate(given.prompts)]
    both = replace(given, prompts=read)
    longest = max(map(len, told.values()), default=1)
    room = _LOGITS // (longest * (embedding_rows(given.loaded.model) or _VOCABULARY))
    pads = given.loaded.architecture.pads
    for part in batches([len(read[row]) for row in rows], max(1, min(slots, room)), pads=pads):
        batch = rows[part]
        reading = Running(both, batch) if opening is None else opening.enter(both, batch)
        _check(reading, [told[row] for row in batch], settle)
        yield reading


def _check(
    batch: Running, drafts: Sequence[tuple[int, ...]], settle: Callable[[Running], None]
) -> None:
    """One forward; ends the rows whose draft stands, with what decoding would have written."""
    keep = max(map(len, drafts))
    likeliest = batch.last_logits(keep).argmax(dim=-1).tolist()
    # What has ended is looked at token by token, as the loop would have.
    for length in range(1, keep + 1):
        for row, draft in zip(batch.rows, drafts, strict=True):
            if row not in batch.ends:
                batch.generated[row] = list(draft[:length])
        settle(batch)
    for row, draft, found in zip(batch.rows, drafts, likeliest, strict=True):
        said = batch.generated[row]
        start = keep - len(draft)
        if row in batch.ends and found[start : start + len(said)] != said:
            del batch.ends[row]
