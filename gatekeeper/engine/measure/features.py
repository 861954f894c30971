"""Captures what probes read: experts' own outputs on tokens routed to them, the residual stream."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from gatekeeper.engine.generate.batching import Encoded, left_padded, positions
from gatekeeper.engine.generate.prefix_sharing import decoder_layers
from gatekeeper.engine.measure.capture import by_length
from gatekeeper.engine.model.hooks import Instrument
from gatekeeper.engine.model.load import LoadedModel
from gatekeeper.engine.model.mask_tables import mask_tables
from gatekeeper.errors import AuditError
from gatekeeper.records.model import ExpertId
from gatekeeper.records.trial import Mask


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpertFeatures:
    """Mean outputs of experts on the prompt tokens that were routed to them.

    Attributes:
        experts: the K experts.
        outputs: float32 [P, K, H], mean over those tokens of the expert's own output, before its
            gate weight; zeros where there was no token.
        tokens: int32 [P, K], tokens routed there.
    """

    experts: tuple[ExpertId, ...]
    outputs: npt.NDArray[np.float32]
    tokens: npt.NDArray[np.int32]


class _Listener(Instrument):
    """Reads the outputs that noise would be scaled by, and adds no noise.

    So it works in every family that noise works in, each with the hooks of its own.

    Attributes to set between forwards:
        valid: bool [B, T], tokens that count.
    """

    def __init__(self, loaded: LoadedModel, experts: Sequence[ExpertId]) -> None:
        super().__init__(loaded.sites)
        place = {site.layer: index for index, site in enumerate(self.sites)}
        #: Per layer, the column of `sums` of each wanted expert.
        self.wanted: dict[int, list[tuple[int, int]]] = {}
        for column, (layer, expert) in enumerate(experts):
            index = place.get(layer)
            if index is None or not 0 <= expert < self.sites[index].experts_count:
                raise AuditError("features are asked of an expert the model does not route")
            self.wanted.setdefault(index, []).append((expert, column))
        self.valid = torch.zeros(0, 0, dtype=torch.bool)
        self.heard: set[int] = set()
        self.sums: dict[int, Tensor] = {}  # per column, float32 [B, H]
        self.counts: dict[int, Tensor] = {}  # per column, int64 [B]

    def noisy(self, index: int) -> bool:
        return index in self.wanted

    def noise(
        self,
        index: int,
        out: Tensor,
        chosen: Tensor,
        weights: Tensor,
        output_of: Callable[[Tensor, Tensor], Tensor],
    ) -> None:
        """Adds up the own outputs of the wanted experts; some families call it slot by slot."""
        self.heard.add(index)
        rows, length = self.valid.shape
        valid = self.valid.reshape(-1).to(chosen.device)
        for expert, column in self.wanted[index]:
            # Weight 0 is how some families tell that the token skips its expert.
            routed = ((chosen == expert) & (weights != 0)).any(dim=1)
            token = (routed & valid).nonzero()[:, 0]
            if token.numel() == 0:
                continue
            outputs = output_of(token, torch.full_like(token, expert)).float()
            row = token // length
            if column not in self.sums:
                self.sums[column] = outputs.new_zeros(rows, outputs.shape[1])
                self.counts[column] = token.new_zeros(rows)
            self.sums[column].index_add_(0, row, outputs)
            self.counts[column].index_add_(0, row, torch.ones_like(row))

    def clear(self) -> None:
        """Forgets what the last batch gave."""
        self.sums, self.counts = {}, {}


@torch.inference_mode()
def expert_features(
    loaded: LoadedModel,
    prompts: Sequence[Encoded],
    experts: Sequence[ExpertId],
    *,
    batch_rows: int,
) -> ExpertFeatures | str:
    """Mean own output of each expert over the prompt tokens the unmasked router sent to it.

    Returns:
        A string where the family does not let an expert's own output be seen.

    Raises:
        AuditError: an expert is none of the model's.
    """
    tokens = np.zeros((len(prompts), len(experts)), np.int32)
    features: npt.NDArray[np.float32] | None = None
    listener = _Listener(loaded, experts)
    with listener:
        for index in by_length(loaded, [p.ids for p in prompts], batch_rows):
            ids, attention = left_padded(
                [prompts[i].ids for i in index], loaded.pad_id, loaded.device
            )
            listener.clear()
            listener.valid = attention.bool()
            _forward(loaded, ids, attention)
            for column, sums in listener.sums.items():
                if features is None:
                    features = np.zeros((*tokens.shape, sums.shape[1]), np.float32)
                counts = listener.counts[column]
                mean = sums / counts.clamp(min=1)[:, None]
                features[index, column] = mean.cpu().numpy()
                tokens[index, column] = counts.cpu().numpy()
        if listener.heard != set(listener.wanted):
            return "this family does not show what an expert by itself gives to a token"
    if features is None:
        return "no token of these prompts is routed to any of the experts"
    return ExpertFeatures(experts=tuple(experts), outputs=features, tokens=tokens)


@torch.inference_mode()
def residual_features(
    loaded: LoadedModel,
    prompts: Sequence[Encoded],
    mask: Mask | None,
    *,
    layer: int | None,
    batch_rows: int,
) -> npt.NDArray[np.float32]:
    """Hidden state of the last prompt token under a mask, float32 [P, H].

    Args:
        mask: None for the unmasked model.
        layer: decoder layer behind which it is read; None: what the head reads.

    Raises:
        AuditError: the model has no such layer, or no module that is its head.
    """
    seen: list[Tensor] = []
    handle = _listen(loaded, layer, seen)
    rows: list[npt.NDArray[np.float32]] = []
    order: list[int] = []
    try:
        with Instrument(loaded.sites) as instrument:
            for index in by_length(loaded, [p.ids for p in prompts], batch_rows):
                ids, attention = left_padded(
                    [prompts[i].ids for i in index], loaded.pad_id, loaded.device
                )
                if mask is not None:
                    instrument.masks = mask_tables([mask] * len(index), loaded.sites, loaded.device)
                    instrument.positions = positions(attention)
                seen.clear()
                _forward(loaded, ids, attention)
                rows.append(seen[-1][:, -1].flatten(1).float().cpu().numpy())
                order += index
    finally:
        handle.remove()
    if not rows:
        return np.zeros((0, 0), np.float32)
    states = np.concatenate(rows)
    return states[np.argsort(order)]


def _listen(loaded: LoadedModel, layer: int | None, seen: list[Tensor]) -> Any:
    """Hooks in to keep the hidden states behind a layer, or in front of the head."""
    if layer is None:
        head = loaded.model.get_output_embeddings()  # type: ignore[operator]
        if not isinstance(head, nn.Module):
            raise AuditError("the model has no head whose input could be read")
        return head.register_forward_pre_hook(lambda _m, args: seen.append(args[0]))
    layers = decoder_layers(loaded.model, loaded.sites)
    if layers is None or not 0 <= layer < len(layers):
        raise AuditError(f"the model has no decoder layer {layer} to read behind")

    def behind(_module: nn.Module, _args: Any, out: Any) -> None:
        seen.append(out if isinstance(out, Tensor) else out[0])

    return layers[layer].register_forward_hook(behind)


def _forward(loaded: LoadedModel, ids: Tensor, attention: Tensor) -> None:
    loaded.model(
        input_ids=ids,
        attention_mask=attention,
        position_ids=positions(attention),
        use_cache=False,
        logits_to_keep=1,
    )
