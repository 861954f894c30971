"""Tests that prefix sharing leaves replies as they are, on the loaded model."""

from __future__ import annotations

from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass, replace

from torch import nn

from gatekeeper.engine.generate.decode import Reply, decode
from gatekeeper.engine.generate.prefix_sharing import attention_of, decoder_layers
from gatekeeper.engine.model.hooks import Instrument
from gatekeeper.engine.model.load import LoadedModel
from gatekeeper.records.trial import Mask, bare_mask

#: Tokens of each reply: rows that have ended leave the batch after four, and some follow.
_LEAVE, _TOKENS = 4, 7
#: Tokens where each layer's attention is shared: of the prompt, and some behind it.
_FEW = 3


@dataclass(frozen=True, slots=True)
class _Batch:
    """Rows under masks, and the replies that plain decoding writes."""

    rows: list[Sequence[int]]
    masks: list[Mask]
    plain: list[tuple[int, ...]]


@dataclass(frozen=True, slots=True)
class Sharing:
    """Which sharing changes no reply.

    Attributes:
        prefix: of the layers below the first masked one; None if decoding fails without it too.
        attention: of that layer's attention as well.
    """

    prefix: bool | None
    attention: bool


def sharing_holds(
    loaded: LoadedModel,
    instrument: Instrument,
    prompts: Sequence[Sequence[int]],
    busiest: Sequence[tuple[int, int]],
) -> Sharing:
    """Decodes a batch in which rows part and leave, with sharing and without.

    No also where no mask made a row part from its group in time: sharing that was not seen to split
    is not used.

    Args:
        prompts: two.
        busiest: the busiest expert of each layer.
    """
    first, second = prompts[0], prompts[-1]
    rows = [first, second, first, first, second]
    for mask in _masks(loaded, busiest):
        masks = [bare_mask([]), bare_mask([]), mask, bare_mask([]), mask]
        plain = _tokens(loaded, instrument, rows, masks)
        if plain is None:
            return Sharing(None, attention=False)
        if any(part_in_time(plain[0], row) for row in (plain[2], plain[4])):
            batch = _Batch(rows, masks, plain)
            prefix = _leaving_holds(loaded, instrument, batch, attention=False)
            return Sharing(
                prefix,
                attention=prefix
                and _attention_found(loaded)
                and _leaving_holds(loaded, instrument, batch, attention=True)
                and _each_attention_holds(loaded, instrument, prompts, busiest),
            )
    return Sharing(prefix=False, attention=False)


def _leaving_holds(
    loaded: LoadedModel, instrument: Instrument, batch: _Batch, *, attention: bool
) -> bool:
    """Whether replies stay where rows end and leave the shared batch, and the others go on."""
    ending, expected = with_ends(loaded, batch.plain, {_end(batch.plain)})
    shared = _tokens(ending, instrument, batch.rows, batch.masks, share=True, attention=attention)
    return shared == expected


def _end(replies: Sequence[tuple[int, ...]]) -> int:
    """A token that ends the first reply before rows leave, and as few of the others as can be."""
    begun = [ids[:_LEAVE] for ids in replies]
    return min(reversed(begun[0]), key=lambda token: sum(token in ids for ids in begun))


def with_ends(
    loaded: LoadedModel, replies: Sequence[tuple[int, ...]], ends: Set[int]
) -> tuple[LoadedModel, list[tuple[int, ...]]]:
    """The model with more tokens that end a reply, and the replies that it then writes."""
    cuts = (next((i + 1 for i, t in enumerate(ids) if t in ends), len(ids)) for ids in replies)
    cut = [ids[:stop] for ids, stop in zip(replies, cuts, strict=True)]
    return replace(loaded, end_ids=loaded.end_ids | ends), cut


def _attention_found(loaded: LoadedModel) -> bool:
    layers = decoder_layers(loaded.model, loaded.sites)
    return layers is not None and all(attention_of(layers[s.layer]) for s in loaded.sites)


def _each_attention_holds(
    loaded: LoadedModel,
    instrument: Instrument,
    prompts: Sequence[Sequence[int]],
    busiest: Sequence[tuple[int, int]],
) -> bool:
    """Whether sharing the first masked layer's attention keeps replies, in layers of every kind."""
    rows = [prompts[0], prompts[-1]] * 2
    for expert in _of_every_kind(loaded, busiest):
        masks = [bare_mask([])] * 2 + [bare_mask([expert])] * 2
        plain = _tokens(loaded, instrument, rows, masks, tokens=_FEW)
        shared = _tokens(loaded, instrument, rows, masks, tokens=_FEW, share=True, attention=True)
        if plain != shared:
            return False
    return True


def _of_every_kind(
    loaded: LoadedModel, busiest: Sequence[tuple[int, int]]
) -> list[tuple[int, int]]:
    """The busiest expert of the first and of the last layer of each kind of decoder layer."""
    layers = decoder_layers(loaded.model, loaded.sites)
    first: dict[object, tuple[int, int]] = {}
    last: dict[object, tuple[int, int]] = {}
    for expert in busiest:
        kind = None if layers is None else _kind(layers[expert[0]])
        first.setdefault(kind, expert)
        last[kind] = expert
    return sorted({*first.values(), *last.values()})


def _kind(layer: nn.Module) -> tuple[object, ...]:
    """What tells layers apart whose attention works in unlike ways."""
    attention = attention_of(layer)
    parts = [type(part) for part in layer.children()]
    window = [getattr(attention, name, None) for name in ("sliding_window", "layer_type")]
    return (type(layer), *parts, *map(str, window))


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
    *,
    tokens: int = _TOKENS,
    share: bool = False,
    attention: bool = False,
) -> list[tuple[int, ...]] | None:
    """Tokens of the replies; None if the loop does not know the decoder or its cache."""
    try:
        replies: list[Reply] = decode(
            loaded,
            instrument,
            rows,
            masks,
            new_tokens=tokens,
            share_prefix=share,
            share_attention=attention,
        )
    except (RuntimeError, AttributeError, TypeError, ValueError, IndexError):
        instrument.masks, instrument.phase = None, "prefill"
        return None
    return [reply.ids for reply in replies]
