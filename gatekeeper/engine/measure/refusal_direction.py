"""Finds the refusal direction by a difference of means, and projects it out of the stream.

Arditi et al. 2024, arXiv 2406.11717: r is the mean residual stream of refused prompts less that of
answered ones, at the last prompt token behind one layer; x' = x − r rᵀ x with unit r at every layer
and token. It stays in memory: the vector undoes a model's refusals, and is written nowhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn

from gatekeeper.engine.generate.batching import Encoded, left_padded, positions
from gatekeeper.engine.generate.prefix_sharing import decoder_layers
from gatekeeper.engine.measure.capture import by_length
from gatekeeper.engine.model.load import LoadedModel
from gatekeeper.engine.model.parallel import in_step

#: Unit directions by decoder layer, float32 [L, H].
Directions = Tensor


@torch.inference_mode()
def directions(
    loaded: LoadedModel,
    refused: Sequence[Encoded],
    answered: Sequence[Encoded],
    *,
    batch_rows: int,
    progress: Callable[[int, int], None] | None = None,
) -> Directions | str:
    """The unit refusal direction behind each decoder layer, float32 [L, H] on the processor.

    Where a layer holds several residual streams, of their mean.

    Returns:
        A string where the residual stream cannot be read, or does not tell the two apart.
    """
    layers = decoder_layers(loaded.model, loaded.sites)
    if layers is None:
        return "this family's decoder layers are no list: its residual stream cannot be read"
    seen: dict[int, Tensor] = {}
    width = stream_width(loaded)

    def keep(place: int, out: Any) -> None:
        last = _states(out)[:, -1].double()
        seen[place] = last.reshape(len(last), -1, _width(last, width)).mean(dim=1).cpu()

    handles = [
        layer.register_forward_hook(lambda _m, _a, out, place=place: keep(place, out))
        for place, layer in enumerate(layers)
    ]
    prompts = [*refused, *answered]
    sums: list[Tensor | float] = [0.0, 0.0]
    done = 0
    try:
        for index in by_length(loaded, [p.ids for p in prompts], batch_rows):
            _forward(loaded, [prompts[i].ids for i in index])
            states = torch.stack([seen[place] for place in range(len(layers))], dim=1)
            of_refused = torch.tensor([i < len(refused) for i in index])
            sums[0] = sums[0] + states[of_refused].sum(dim=0)
            sums[1] = sums[1] + states[~of_refused].sum(dim=0)
            done += len(index)
            if progress is not None:
                progress(done, len(prompts))
    finally:
        for handle in handles:
            handle.remove()
    apart = sums[0] / len(refused) - sums[1] / len(answered)
    assert isinstance(apart, Tensor)  # noqa: S101 - there is a batch, as there are prompts
    if not torch.isfinite(apart).all():
        return "the model gave hidden states that are not finite"
    if not bool((apart.norm(dim=-1) > 0).all()):
        return "refused and answered prompts leave the same hidden states"
    return alike((apart / apart.norm(dim=-1, keepdim=True)).float(), loaded.device)


def alike(values: Tensor, device: torch.device) -> Tensor:
    """Rank 0's values on every rank that holds a part of the model."""
    if not in_step():
        return values
    shared = values.to(device).contiguous()
    dist.broadcast(shared, src=0)
    return shared.cpu()


@contextmanager
def projected_out(loaded: LoadedModel, direction: Tensor) -> Iterator[None]:
    """Removes a direction from the residual stream at every layer and token, while open.

    What enters the first layer is projected, and what each layer gives.

    Args:
        direction: [H], a unit vector.

    Raises:
        ValueError: the model's decoder layers are no list.
    """
    layers = decoder_layers(loaded.model, loaded.sites)
    if layers is None:
        raise ValueError("the decoder layers are no list")
    on: dict[torch.device, Tensor] = {}

    def without(states: Tensor) -> Tensor:
        if states.device not in on:
            on[states.device] = direction.to(states.device)
        return _without(states, on[states.device])

    def before(_module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if "hidden_states" in kwargs:
            return args, {**kwargs, "hidden_states": without(kwargs["hidden_states"])}
        return (without(args[0]), *args[1:]), kwargs

    def behind(_module: nn.Module, _args: Any, out: Any) -> Any:
        if isinstance(out, Tensor):
            return without(out)
        return type(out)((without(out[0]), *out[1:]))

    handles = [layers[0].register_forward_pre_hook(before, with_kwargs=True)]
    handles += [layer.register_forward_hook(behind) for layer in layers]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _without(states: Tensor, unit: Tensor) -> Tensor:
    """The states [..., n H] less their part along a unit vector [H], in each of n streams."""
    streams = states.float().reshape(*states.shape[:-1], -1, len(unit))
    streams = streams - (streams @ unit)[..., None] * unit
    return streams.reshape(states.shape).to(states.dtype)


def stream_width(loaded: LoadedModel) -> int | None:
    """H of one residual stream, as the config tells; some layers hold several side by side."""
    config = getattr(loaded.model, "config", None)
    text = config.get_text_config() if config is not None else None
    width = getattr(text, "hidden_size", None)
    return width if isinstance(width, int) else None


def _width(states: Tensor, width: int | None) -> int:
    size = int(states.shape[-1])
    return width if width is not None and size % width == 0 else size


def _states(out: Any) -> Tensor:
    states: Tensor = out if isinstance(out, Tensor) else out[0]
    return states


def _forward(loaded: LoadedModel, prompts: Sequence[Sequence[int]]) -> None:
    ids, attention = left_padded(prompts, loaded.pad_id, loaded.device)
    loaded.model(
        input_ids=ids,
        attention_mask=attention,
        position_ids=positions(attention),
        use_cache=False,
        logits_to_keep=1,
    )
