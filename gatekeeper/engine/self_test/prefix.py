"""Tests that prefix sharing leaves replies as they are, on the loaded model."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from gatekeeper.engine.generate.decode import Reply, decode
from gatekeeper.engine.generate.prefix_sharing import attention_of, decoder_layers
from gatekeeper.engine.model.hooks import Instrument
from gatekeeper.engine.model.load import LoadedModel
from gatekeeper.records.trial import Mask, bare_mask

_TOKENS = 12
#: Rows are looked at, and may leave the batch, after so many tokens.
_LOOK = 4


def replies_hold(
    loaded: LoadedModel,
    instrument: Instrument,
    prompts: Sequence[Sequence[int]],
    busiest: Sequence[tuple[int, int]],
    *,
    attention: bool = False,
) -> bool | None:
    """Decodes a batch in which rows part and leave, with sharing and without.

    False also where no mask made a row part from its group in time: sharing that was not seen to
    split is not used.

    Args:
        prompts: two.
        busiest: the busiest expert of each layer.
        attention: share the attention of the first masked layer as well.

    Returns:
        None if decoding fails without sharing too.
    """
    first, second = prompts[0], prompts[-1]
    rows = [first, second, first, first, second]
    for mask in _masks(loaded, busiest):
        masks = [bare_mask([]), bare_mask([]), mask, bare_mask([]), mask]

        def run(
            decided: Callable[[str], bool], *, share: bool, masks: list[Mask] = masks
        ) -> list[tuple[int, ...]] | None:
            return _tokens(
                loaded, instrument, rows, masks, decided, share=share, attention=attention and share
            )

        plain = run(_never, share=False)
        if plain is None:
            return None
        if not any(part_in_time(plain[0], row) for row in (plain[2], plain[4])):
            continue
        text = loaded.tokenizer.decode(plain[0][:_LOOK], skip_special_tokens=True).strip()
        leaves = text.__eq__
        return run(_never, share=True) == plain and run(leaves, share=True) == run(
            leaves, share=False
        )
    return False


def attention_holds(
    loaded: LoadedModel,
    instrument: Instrument,
    prompts: Sequence[Sequence[int]],
    busiest: Sequence[tuple[int, int]],
) -> bool:
    """Tests that sharing the first masked layer's attention keeps replies, for each layer in turn.

    False also where a layer's attention is not found.
    """
    layers = decoder_layers(loaded.model, loaded.sites)
    if layers is None or any(attention_of(layers[s.layer]) is None for s in loaded.sites):
        return False
    rows = [prompts[0], prompts[-1]] * 2
    for expert in busiest:
        masks = [bare_mask([])] * 2 + [bare_mask([expert])] * 2
        plain = _tokens(loaded, instrument, rows, masks, _never, share=False, attention=False)
        if plain != _tokens(loaded, instrument, rows, masks, _never, share=True, attention=True):
            return False
    return bool(replies_hold(loaded, instrument, prompts, busiest, attention=True))


def _never(_text: str) -> bool:
    return False


def part_in_time(a: tuple[int, ...], b: tuple[int, ...]) -> bool:
    """Whether two replies differ early enough for steps to follow."""
    return a[: _TOKENS - 2] != b[: _TOKENS - 2]


def _masks(loaded: LoadedModel, busiest: Sequence[tuple[int, int]]) -> Iterator[Mask]:
    """Masks of later layers, from a light one to one that leaves nothing of them."""
    late = loaded.sites[len(loaded.sites) // 2 :]
    everything = [(s.layer, e) for s in late for e in range(s.experts_count)]
    yield bare_mask(busiest[-1:])
    yield bare_mask([e for e in busiest if e[0] >= late[0].layer])
    yield bare_mask([(layer, e) for layer, e in everything if e >= late[0].top_k])
    yield bare_mask(everything, "ablate")


def _tokens(
    loaded: LoadedModel,
    instrument: Instrument,
    rows: Sequence[Sequence[int]],
    masks: Sequence[Mask],
    decided: Callable[[str], bool],
    *,
    share: bool,
    attention: bool,
) -> list[tuple[int, ...]] | None:
    """Tokens of the replies; None if the loop does not know the decoder or its cache."""
    try:
        replies: list[Reply] = decode(
            loaded,
            instrument,
            rows,
            masks,
            new_tokens=_TOKENS,
            decided=decided,
            share_prefix=share,
            share_attention=attention,
        )
    except (RuntimeError, AttributeError, TypeError, ValueError, IndexError):
        instrument.masks, instrument.phase = None, "prefill"
        return None
    return [reply.ids for reply in replies]
