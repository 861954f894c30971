"""Tests the prompt cache, and rows that enter a running batch, on the loaded model.

Parts of the self-test: each shortcut is tried beside plain decoding, and used if the replies are
equal.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from gatekeeper.engine.generate.decode import decode
from gatekeeper.engine.generate.kv_cache import is_plain
from gatekeeper.engine.model.hooks import Instrument
from gatekeeper.engine.model.load import LoadedModel
from gatekeeper.engine.self_test.prefix import with_ends
from gatekeeper.records.trial import Mask, bare_mask

_TOKENS = 7
#: Tokens of a prompt behind the shared prefix that is tried.
_REST = 3
#: Tokens behind which half of the replies end, so that rows leave at unlike times.
_SHORT = 3
#: Rows side by side where rows enter late.
_SLOTS = 4


def prompt_cache_holds(
    loaded: LoadedModel,
    instrument: Instrument,
    prompts: Sequence[Sequence[int]],
    busiest: Sequence[tuple[int, int]],
) -> bool:
    """Decodes prompts with a shared prefix under several masks, with the prompt cache and without.

    Args:
        prompts: two, the longer one last.
        busiest: the busiest expert of each layer.
    """
    first, other = tuple(prompts[-1]), tuple(prompts[0])
    cut = max(len(first) - _REST, len(first) // 2)
    tried = [first, first[:cut] + first[cut:][::-1]]
    if loaded.architecture.pads:
        tried.append(first[:cut] + other)
    late = loaded.sites[len(loaded.sites) // 2 :]
    everything = [(site.layer, e) for site in late for e in range(site.experts_count)]
    masks = [*_masks(busiest), bare_mask(everything, "ablate")]
    rows = [(prompt, mask) for prompt in tried for mask in masks]
    return cut > 0 and _equal(loaded, instrument, rows, cache_prompts_from=1)


def refill_holds(
    loaded: LoadedModel,
    instrument: Instrument,
    prompts: Sequence[Sequence[int]],
    busiest: Sequence[tuple[int, int]],
) -> bool:
    """Decodes more rows than there is room for, which enter as others end, and all side by side.

    Args:
        prompts: two.
        busiest: the busiest expert of each layer.
    """
    used = (prompts[0], prompts[-1]) if loaded.architecture.pads else (prompts[0],)
    rows = [(tuple(prompt), mask) for mask in 2 * _masks(busiest) for prompt in used]
    return _equal(loaded, instrument, rows, slots=_SLOTS, refill=True)


def _masks(busiest: Sequence[tuple[int, int]]) -> list[Mask]:
    late = busiest[len(busiest) // 2 :]
    return [bare_mask([]), bare_mask(busiest), bare_mask(late), bare_mask(late, "ablate")]


def _equal(
    loaded: LoadedModel,
    instrument: Instrument,
    rows: Sequence[tuple[Sequence[int], Mask]],
    **options: Any,
) -> bool:
    """Whether replies are the same with the options and without.

    No also if decoding fails, or if the cache is not plain: then the options do nothing.
    """

    def run(model: LoadedModel, **more: Any) -> list[tuple[int, ...]]:
        ids, masks = [prompt for prompt, _ in rows], [mask for _, mask in rows]
        replies = decode(
            model, instrument, ids, masks, new_tokens=_TOKENS, share_prefix=False, **more
        )
        return [reply.ids for reply in replies]

    try:
        ids = torch.tensor([list(rows[0][0])], device=loaded.device)
        cache = loaded.model(input_ids=ids, use_cache=True, logits_to_keep=1).past_key_values
        if not is_plain(cache):
            return False
        plain = run(loaded)
        ends = {ids[_SHORT - 1] for ids in [*dict.fromkeys(plain)][::2] if len(ids) >= _SHORT}
        ending, expected = with_ends(loaded, plain, ends)
        return run(ending, **options) == expected
    except (RuntimeError, AttributeError, TypeError, ValueError, IndexError, KeyError):
        return False
