"""Whether reading a draft tells what decoding would have written: part of the self-test, on the
loaded model.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from gatekeeper.engine.decode import Reply, decode
from gatekeeper.engine.load import LoadedModel
from gatekeeper.engine.routing import Instrument
from gatekeeper.records.trial import Mask, bare_mask

_TOKENS = 12
#: Rows side by side where prompts and drafts are read together.
_SIDE = 4


@dataclass(frozen=True, slots=True)
class _Tried:
    """A row, and what its reply may be."""

    prompt: tuple[int, ...]
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
    asked = [tuple(prompt) for prompt in (prompts[0], prompts[-1])]

    def run(rows: Sequence[_Tried], *, drafted: bool, slots: int | None = None) -> list[Reply]:
        return decode(
            loaded,
            instrument,
            [row.prompt for row in rows],
            [row.mask for row in rows],
            new_tokens=_TOKENS,
            decided=_never,
            share_prefix=share and drafted,
            drafts=[row.draft for row in rows] if drafted else None,
            slots=slots,
        )

    try:
        bare = [_Tried(prompt, bare_mask([]), ()) for prompt in asked]
        said = [reply.ids for reply in run(bare, drafted=False)]
        rows = [
            _Tried(prompt, mask, whole)
            for mask in _masks(loaded, busiest)
            for prompt, whole in zip(asked, said, strict=True)
        ]
        plain = dict(zip(rows, run(rows, drafted=False), strict=True))
        spoilt = {_spoilt(row): row for row in rows}
        together = _together(rows)
        told = [
            *zip(rows, run(rows, drafted=True), strict=True),
            *zip(spoilt, run([*spoilt], drafted=True), strict=True),
            *zip(together, run(together, drafted=True, slots=_SIDE), strict=True),
        ]
    except (RuntimeError, AttributeError, TypeError, ValueError, IndexError, KeyError):
        return False
    return all(
        # What ends with its first token has nothing to be tried.
        reply.ids == wanted.ids
        and reply.drafted == (row.draft == wanted.ids and len(wanted.ids) > 1)
        for row, reply in told
        for wanted in [plain[spoilt.get(row, row)]]
    )


def _together(rows: Sequence[_Tried]) -> list[_Tried]:
    """Rows of which some read prompt and draft in one forward: that is done once most stood, and
    where masks hold in both phases."""
    masked = [row for row in rows if row.mask.experts and row.mask.phase == "both"]
    late = [*masked[:2], *masked[-2:]]
    longest = max((row for row in rows if not row.mask.experts), key=lambda row: len(row.draft))
    return [*[longest] * (3 * _SIDE), *late, *map(_spoilt, late)]


def _masks(loaded: LoadedModel, busiest: Sequence[tuple[int, int]]) -> list[Mask]:
    """Single experts to all of the late layers, and none as often: half of the drafts begin well,
    or nothing would be read."""
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


def _spoilt(row: _Tried) -> _Tried:
    """The same but for a token in the middle of its draft."""
    draft, place = row.draft, len(row.draft) // 2
    return replace(row, draft=(*draft[:place], int(draft[place] == 0), *draft[place + 1 :]))


def _never(_text: str) -> bool:
    return False
