"""Scores the unmasked model's own benign answers when they are forced under each mask."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from gatekeeper.engine.generate.batching import Encoded, left_padded, positions
from gatekeeper.engine.measure.capture import by_length
from gatekeeper.engine.model.hooks import Instrument
from gatekeeper.engine.model.load import LoadedModel
from gatekeeper.engine.model.mask_tables import mask_tables
from gatekeeper.evidence.trial_store import TrialStore
from gatekeeper.records.digest import sha256
from gatekeeper.records.trial import Mask
from gatekeeper.records.usefulness import Usefulness

#: Bytes that the log-probabilities of a batch may take: a vocabulary has up to 260,000 entries.
MOST_BYTES = 256 << 20

#: Per prompt: tokens, −log p unmasked and masked, divergence.
_Row = tuple[int, float, float, float]


def usefulness(
    loaded: LoadedModel,
    prompts: Sequence[Encoded],
    replies: Sequence[tuple[int, ...]],
    masks: Sequence[Mask],
    *,
    base: str,
    batch_rows: int,
    store: TrialStore,
    progress: Callable[[int, int], None],
) -> tuple[Usefulness, ...]:
    """Forces each reply under each mask and compares next-token distributions.

    The whole reply is read in one forward, so masks must hold in both phases. What was computed is
    kept in the store, per batch.

    Args:
        prompts, replies: N prompts and the unmasked replies to them, none empty.
        base: what else the numbers depend on.
        batch_rows: most rows of a forward; fewer where the vocabulary is large.
    """
    per_mask: list[dict[int, _Row]] = [{} for _ in masks]
    fed = [[*p.ids, *reply[:-1]] for p, reply in zip(prompts, replies, strict=True)]
    longest = max((len(reply) for reply in replies), default=1)
    size = _rows(loaded, longest, batch_rows)
    done = 0
    with Instrument(loaded.sites) as instrument:
        for index in by_length(loaded, fed, size):
            rows, targets = [fed[i] for i in index], [replies[i] for i in index]
            how = [[m.mode, sorted(map(list, m.experts))] for m in masks]
            name = "usefulness " + sha256(json.dumps([base, how, rows, targets]))
            stored = store.blob(name)
            if stored is None:
                values = _batch(loaded, instrument, rows, targets, masks)
                stored = store.put_blob(name, json.dumps(values).encode())
            for per_reply, of_mask in zip(per_mask, json.loads(stored), strict=True):
                per_reply.update({i: tuple(row) for i, row in zip(index, of_mask, strict=True)})
            done += len(index) * len(masks)
            progress(done, len(prompts) * len(masks))
    return tuple(_record(mask, prompts, rows) for mask, rows in zip(masks, per_mask, strict=True))


def _record(mask: Mask, prompts: Sequence[Encoded], rows: dict[int, _Row]) -> Usefulness:
    ordered = [rows[i] for i in range(len(prompts))]
    return Usefulness(
        mask=mask.name,
        prompts=tuple(p.prompt.id for p in prompts),
        tokens=tuple(row[0] for row in ordered),
        plain=tuple(row[1] for row in ordered),
        masked=tuple(row[2] for row in ordered),
        divergence=tuple(row[3] for row in ordered),
    )


def _rows(loaded: LoadedModel, longest: int, most: int) -> int:
    head = loaded.model.get_output_embeddings()  # type: ignore[operator]
    vocabulary = int(getattr(head, "out_features", 0) or head.weight.shape[0])
    return max(1, min(most, MOST_BYTES // (4 * vocabulary * longest)))


@torch.inference_mode()
def _batch(
    loaded: LoadedModel,
    instrument: Instrument,
    rows: Sequence[Sequence[int]],
    replies: Sequence[Sequence[int]],
    masks: Sequence[Mask],
) -> list[list[_Row]]:
    """The effect of each mask on each reply of a batch, [M][B]."""
    ids, attention = left_padded(rows, loaded.pad_id, loaded.device)
    keep = max(len(reply) for reply in replies)
    # Padding is on the left: the last `keep` places end with every row's reply.
    target = torch.zeros(len(rows), keep, dtype=torch.int64)
    counted = torch.zeros(len(rows), keep, dtype=torch.bool)
    for i, reply in enumerate(replies):
        target[i, keep - len(reply) :] = torch.tensor(reply)
        counted[i, keep - len(reply) :] = True
    target, counted = target.to(loaded.device), counted.to(loaded.device)
    plain = _log_probabilities(loaded, instrument, ids, attention, keep, None)
    before = _given(plain, target, counted)
    table = []
    for mask in masks:
        masked = _log_probabilities(loaded, instrument, ids, attention, keep, mask)
        apart = (plain.exp() * (plain - masked)).sum(dim=-1)
        apart = torch.where(counted, apart, torch.zeros_like(apart)).sum(dim=1)
        values = torch.stack([before, _given(masked, target, counted), apart], dim=1).cpu().tolist()
        tokens = [len(reply) for reply in replies]
        table.append([(n, a, b, max(c, 0.0)) for n, (a, b, c) in zip(tokens, values, strict=True)])
    return table


def _given(logs: Tensor, target: Tensor, counted: Tensor) -> Tensor:
    """−log p of each reply [B]."""
    chosen = logs.gather(2, target[..., None])[..., 0]
    return -torch.where(counted, chosen, torch.zeros_like(chosen)).sum(dim=1)


def _log_probabilities(
    loaded: LoadedModel,
    instrument: Instrument,
    ids: Tensor,
    attention: Tensor,
    keep: int,
    mask: Mask | None,
) -> Tensor:
    """Log-probabilities of the last `keep` places, float32 [B, keep, V]."""
    instrument.forget()
    if mask is not None:
        instrument.masks = mask_tables([mask] * len(ids), loaded.sites, loaded.device)
    instrument.positions = positions(attention)
    logits: Tensor = loaded.model(
        input_ids=ids,
        attention_mask=attention,
        position_ids=positions(attention),
        use_cache=False,
        logits_to_keep=keep,
    ).logits
    instrument.masks = None
    return logits[:, -keep:].float().log_softmax(dim=-1)
