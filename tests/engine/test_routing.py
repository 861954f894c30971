"""The invariants of the hooks, on one random model per scoring family."""

from __future__ import annotations

import pytest
import torch

from gatekeeper.engine.batching import left_padded, positions
from gatekeeper.engine.routing import Instrument, mask_table
from tests.engine.tiny_loaded import SCORING, encoded, loaded

pytestmark = pytest.mark.parametrize("family", SCORING)


def batch(count: int = 3):
    ids, mask = left_padded([e.ids for e in encoded(count)], 0, torch.device("cpu"))
    return {"input_ids": ids, "attention_mask": mask, "position_ids": positions(mask)}


@torch.inference_mode()
def logits(model, inputs):
    return model.model(**inputs, use_cache=False).logits


@torch.inference_mode()
def count(model, instrument, inputs):
    rows = inputs["input_ids"].shape[0]
    instrument.counts = torch.zeros(1, rows, len(model.sites), model.width, dtype=torch.int64)
    instrument.valid = inputs["attention_mask"].bool()[None]
    model.model(**inputs, use_cache=False)
    counts, instrument.counts = instrument.counts, None
    return counts[0]


def hook_count(model) -> int:
    return sum(len(m._forward_hooks) + len(m._forward_pre_hooks) for m in model.model.modules())


def test_watching_and_an_empty_mask_change_no_bit(family):
    model, inputs = loaded(family), batch()
    plain = logits(model, inputs)
    with Instrument(model.sites) as instrument:
        assert torch.equal(logits(model, inputs), plain)
        count(model, instrument, inputs)
        instrument.set_mask(mask_table([[], [], []], model.sites))
        assert torch.equal(logits(model, inputs), plain)
    assert torch.equal(logits(model, inputs), plain)


def test_counts_are_valid_tokens_times_k(family):
    model, inputs = loaded(family), batch()
    with Instrument(model.sites) as instrument:
        counts = count(model, instrument, inputs)
    wanted = inputs["attention_mask"].sum(dim=1)
    for row, tokens in enumerate(wanted.tolist()):
        for i, site in enumerate(model.sites):
            assert counts[row, i].sum() == tokens * site.top_k


def test_masked_experts_are_never_selected_and_others_take_their_place(family):
    model, inputs = loaded(family), batch()
    masked = [(site.layer, e) for site in model.sites for e in (1, 4)]
    with Instrument(model.sites) as instrument:
        assert count(model, instrument, inputs)[..., [1, 4]].sum() > 0
        instrument.set_mask(mask_table([masked] * 3, model.sites))
        counts = count(model, instrument, inputs)
        assert torch.isfinite(logits(model, inputs)).all()
    assert counts[..., [1, 4]].sum() == 0
    assert counts.sum() == inputs["attention_mask"].sum() * sum(s.top_k for s in model.sites)


def test_rows_with_masks_of_their_own_equal_separate_runs(family):
    model, inputs = loaded(family), batch()
    masks = [[(s.layer, 0) for s in model.sites], [], [(model.sites[-1].layer, 3)]]
    with Instrument(model.sites) as instrument:
        instrument.set_mask(mask_table(masks, model.sites))
        together = logits(model, inputs)
        for row, mask in enumerate(masks):
            instrument.set_mask(mask_table([mask] * 3, model.sites))
            alone = logits(model, inputs)
            valid = inputs["attention_mask"][row].bool()
            assert torch.allclose(together[row][valid], alone[row][valid], atol=2e-5)
    assert (together - logits(model, inputs)).abs().max() > 1e-4


def test_an_exception_in_the_middle_leaves_no_hook_and_no_mode(family):
    model, inputs = loaded(family), batch()
    plain, before = logits(model, inputs), hook_count(model)

    def explode(*_args):
        raise RuntimeError("planted")

    handle = model.sites[-1].router.register_forward_hook(explode)
    try:
        with pytest.raises(RuntimeError, match="planted"), Instrument(model.sites) as instrument:
            instrument.set_mask(mask_table([[(model.sites[-1].layer, 0)]] * 3, model.sites))
            logits(model, inputs)
    finally:
        handle.remove()
    assert hook_count(model) == before
    assert torch.equal(logits(model, inputs), plain)


def test_starvation_stays_finite(family):
    """Fewer than k experts left: the survivor works, nothing is NaN."""
    model, inputs = loaded(family), batch()
    layer = model.sites[0].layer
    for left in (1, 0):
        masked = [(layer, e) for e in range(left, model.sites[0].experts_count)]
        with Instrument(model.sites) as instrument:
            instrument.set_mask(mask_table([masked] * 3, model.sites))
            assert torch.isfinite(logits(model, inputs)).all()
