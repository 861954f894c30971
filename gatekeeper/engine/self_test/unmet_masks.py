"""Whether a mask of experts that are not chosen changes nothing on the loaded model.

What `skip.py` rests on, as part of the self-test. Two things are looked at. Each router must choose
once, by a top-k over all its columns: then taking out a column that is not chosen cannot change the
choice, whatever the scores are. And the gate weights and the layer's output must stay as they are
when experts that were not chosen are taken out, as many as there are, on several tokens in each
layer. A softmax over all experts that is not renormalised shows there, by the share of its mass
that they held.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from gatekeeper.engine.model.expert_counts import Counter
from gatekeeper.engine.model.hooks import Instrument
from gatekeeper.engine.model.load import LoadedModel
from gatekeeper.engine.model.mask_tables import mask_tables, width_of
from gatekeeper.engine.model.reroute import TOP_K
from gatekeeper.engine.model.sites import RouterSite
from gatekeeper.records.trial import Mask, bare_mask

#: Tokens looked at in each layer, fewer where there are many layers: a row each.
_TOKENS, _ROWS = 16, 256
#: Largest relative difference that rounding makes.
_TOLERANCE = {torch.float32: 1e-4, torch.bfloat16: 2e-2, torch.float16: 4e-3}
#: A choice may fall otherwise where two scores are as good as equal: such a row tells nothing.
_LEAST_EQUAL = 0.75


class _Choices(TorchFunctionMode):
    """Counts the top-k of a router: over all its columns, over those of each group, and others.

    One that takes all there is (the only group) chooses nothing.
    """

    def __init__(self, site: RouterSite) -> None:
        super().__init__()
        self._widths = {site.experts_count, site.columns}
        self._whole = self._grouped = self._all = self._other = 0

    @property
    def is_one(self) -> bool:
        """Whether columns are chosen once, by their own scores alone."""
        ranked = self._grouped == 0 or self._all > 0
        return self._whole == 1 and self._other == 0 and ranked

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        if func in TOP_K:
            scores, k, *_ = *args, *(kwargs or {}).values()
            width = scores.shape[-1]
            self._whole += scores.dim() == 2 and width in self._widths
            self._grouped += scores.dim() == 3
            self._all += scores.dim() == 2 and width == k
            self._other += scores.dim() == 2 and width not in self._widths and width != k
        return func(*args, **(kwargs or {}))


def skip_holds(
    loaded: LoadedModel, instrument: Instrument, prompts: Sequence[Sequence[int]]
) -> bool:
    """Whether a row that never met a masked expert is as good as unmasked; no if in doubt."""
    try:
        return _unchosen_are_idle(loaded, instrument, prompts)
    except (RuntimeError, AttributeError, TypeError, ValueError, IndexError, KeyError):
        return False
    finally:
        instrument.masks = None


@contextmanager
def _watched(sites: Sequence[RouterSite]) -> Iterator[list[_Choices]]:
    """While open, counts how each router chooses."""
    modes = [_Choices(site) for site in sites]
    handles = []
    for site, mode in zip(sites, modes, strict=True):
        handles += [
            site.router.register_forward_pre_hook(lambda *_, mode=mode: _enter(mode)),
            site.router.register_forward_hook(
                lambda *_, mode=mode: _leave(mode), prepend=True, always_call=True
            ),
        ]
    try:
        yield modes
    finally:
        for handle in handles:
            handle.remove()


def _enter(mode: TorchFunctionMode) -> None:
    mode.__enter__()  # type: ignore[no-untyped-call]


def _leave(mode: TorchFunctionMode) -> None:
    mode.__exit__(None, None, None)  # type: ignore[no-untyped-call]


@dataclass(frozen=True, slots=True)
class _Seen:
    """What each row's one token chose, with which weights, and what each layer gave.

    Attributes:
        counts, weights: [B, L, C]; `outputs`: one [B, …] a layer.
    """

    counts: Tensor
    weights: Tensor
    outputs: list[Tensor]


def _unchosen_are_idle(
    loaded: LoadedModel, instrument: Instrument, prompts: Sequence[Sequence[int]]
) -> bool:
    """Takes out experts that tokens were not routed to, and looks whether anything changes.

    Args:
        prompts: tokens to try it on; each is run alone, as the first of its row.
    """
    sites = loaded.sites
    tokens = list(dict.fromkeys(token for prompt in prompts for token in prompt))
    tokens = tokens[: max(2, min(_TOKENS, _ROWS // len(sites)))]
    layer_of = [index for index in range(len(sites)) for _ in tokens]
    ids = torch.tensor(tokens * len(sites), device=loaded.device)[:, None]
    with _watched(sites) as routers:
        plain = _forward(loaded, instrument, ids)
    if not all(router.is_one for router in routers):
        return False
    draw = random.Random(0)  # noqa: S311
    idle = [_idle(plain, sites[layer], layer, row, draw) for row, layer in enumerate(layer_of)]
    for mode in ("reroute", "ablate"):
        masks = [bare_mask(mask.experts, mode) for mask in idle]
        instrument.masks = mask_tables(masks, sites, loaded.device)
        masked = _forward(loaded, instrument, ids)
        instrument.masks = None
        if not _same(plain, masked, layer_of, _TOLERANCE.get(loaded.dtype, 0.0)):
            return False
    return any(mask.experts for mask in idle)


def _forward(loaded: LoadedModel, instrument: Instrument, ids: Tensor) -> _Seen:
    """One forward of rows of one token."""
    outputs: list[Tensor] = []
    handles = [
        loaded.model.get_submodule(site.path).register_forward_hook(
            lambda _m, _args, out: outputs.append(_first(out).reshape(len(ids), -1).float())
        )
        for site in loaded.sites
    ]
    attention = torch.ones_like(ids)
    width = width_of(loaded.sites)
    counter = Counter(attention.bool()[None], len(loaded.sites), width, gate_weights=True)
    instrument.counter, instrument.phase = counter, "prefill"
    try:
        loaded.model(
            input_ids=ids,
            attention_mask=attention,
            position_ids=torch.zeros_like(ids),
            use_cache=False,
        )
    finally:
        instrument.counter = None
        for handle in handles:
            handle.remove()
    return _Seen(counter.counts()[0], counter.weights()[0], outputs)


def _first(out: Any) -> Tensor:
    """The hidden states among what a module gives."""
    found: Tensor = out[0] if isinstance(out, (tuple, list)) else out
    return found


def _idle(plain: _Seen, site: RouterSite, layer: int, row: int, draw: random.Random) -> Mask:
    """All experts of a layer that a row did not choose; of every other row a random half."""
    unused = (plain.counts[row, layer, : site.experts_count] == 0).nonzero()[:, 0].tolist()
    if row % 2:
        unused = draw.sample(unused, (len(unused) + 1) // 2)
    return bare_mask([(site.layer, expert) for expert in unused])


def _same(plain: _Seen, masked: _Seen, layer_of: Sequence[int], limit: float) -> bool:
    """Whether each row is as it was in the layer in which it is masked."""
    if len(masked.outputs) != len(plain.outputs):
        return False
    equal = 0
    for row, layer in enumerate(layer_of):
        if not torch.equal(plain.counts[row, layer], masked.counts[row, layer]):
            continue
        equal += 1
        for a, b in (
            (plain.weights[row, layer], masked.weights[row, layer]),
            (plain.outputs[layer][row], masked.outputs[layer][row]),
        ):
            if not bool((a - b).norm() <= limit * a.norm()):
                return False
    return equal >= _LEAST_EQUAL * len(layer_of)
