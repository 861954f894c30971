"""Tests that reading a draft tells what decoding would have written, on the loaded model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import cycle

from gatekeeper.engine.generate.decode import Reply, decode
from gatekeeper.engine.model.hooks import Instrument
from gatekeeper.engine.model.load import LoadedModel
from gatekeeper.records.trial import Mask, bare_mask

_TOKENS = 7


@dataclass(frozen=True, slots=True)
class _Tried:
    """A row, and the draft of its reply."""

    prompt: Sequence[int]
    mask: Mask
    draft: tuple[int, ...]


def drafts_hold(
    loaded: LoadedModel,
    instrument: Instrument,
    prompts: Sequence[Sequence[int]],
    busiest: Sequence[tuple[int, int]],
    *,
    share: bool,
) -> bool:
    """Tries the unmasked replies, whole and spoilt, as drafts under several masks.

    Args:
        prompts: two.
        busiest: the busiest expert of each layer.
        share: whether layers below the first mask run once per group of equal tokens.

    Returns:
        Whether replies are those of plain decoding, and the drafts that stood exactly those that
        plain decoding writes. No also if decoding fails.
    """
    tried = [tuple(prompt) for prompt in (prompts[0], prompts[-1])]

    def run(rows: Sequence[_Tried], *, drafted: bool, slots: int | None = None) -> list[Reply]:
        return decode(
            loaded,
            instrument,
            [row.prompt for row in rows],
            [row.mask for row in rows],
            new_tokens=_TOKENS,
            share_prefix=share and drafted,
            drafts=[row.draft for row in rows] if drafted else None,
            slots=slots,
        )

    try:
        bare = [_Tried(prompt, bare_mask([]), ()) for prompt in tried]
        said = [reply.ids for reply in run(bare, drafted=False)]
        rows = [
            _Tried(prompt, mask, draft)
            for mask, (prompt, draft) in zip(
                _masks(loaded, busiest), cycle(zip(tried, said, strict=True)), strict=False
            )
        ]
        spoilt = [_Tried(row.prompt, row.mask, _spoilt(row.draft)) for row in rows]
        plain = run(rows, drafted=False)
        replies = [*run(rows, drafted=True), *run(spoilt, drafted=True)]
        # Behind a batch whose drafts stand, prompts and drafts are read in one forward.
        pairs = [pair for pair in zip(rows, plain, strict=True) if pair[0].mask.phase == "both"]
        pairs.sort(key=lambda pair: len(pair[0].mask.experts) > 0)
        bare_rows = sum(not row.mask.experts for row, _ in pairs)
        replies += run([row for row, _ in pairs], drafted=True, slots=bare_rows)
    except (RuntimeError, AttributeError, TypeError, ValueError, IndexError, KeyError):
        return False
    return all(
        # What ends with its first token has nothing to be tried.
        b.ids == a.ids and b.drafted == (row.draft == a.ids and len(a.ids) > 1)
        for (row, a), b in zip(
            [*zip(rows, plain, strict=True), *zip(spoilt, plain, strict=True), *pairs],
            replies,
            strict=True,
        )
    )


def _masks(loaded: LoadedModel, busiest: Sequence[tuple[int, int]]) -> list[Mask]:
    """Single experts to all of the late layers, and none as often: half of the drafts begin well,
    or nothing would be read. The prompts take turns."""
    late = loaded.sites[len(loaded.sites) // 2 :]
    everything = [(site.layer, e) for site in late for e in range(site.experts_count)]
    masks = [
        bare_mask(busiest[-1:]),
        bare_mask(busiest[-1:], "scale:0.5"),
        replace(bare_mask(busiest[-2:]), phase="decode"),
        bare_mask(busiest),
        bare_mask(everything, "ablate"),
    ]
    return [*masks, *[bare_mask([])] * len(masks)]


def _spoilt(draft: tuple[int, ...]) -> tuple[int, ...]:
    """The draft with another token in its middle."""
    place = len(draft) // 2
    return (*draft[:place], int(draft[place] == 0), *draft[place + 1 :])
