from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
import torch

from gatekeeper.engine.generate.batching import left_padded
from gatekeeper.engine.measure.attribute import TargetTokens, log_odds
from gatekeeper.engine.measure.mask_effects import MeasuredEffect, chosen_rows
from gatekeeper.engine.model.hooks import Instrument
from gatekeeper.engine.model.mask_tables import mask_tables
from gatekeeper.evidence.trial_store import TrialStore
from gatekeeper.records.model import ExpertId
from tests.engine.invariants import mask
from tests.engine.silent import Silent
from tests.engine.tiny_loaded import encoded, loaded

TARGET = TargetTokens(refusal=(9, 10), compliance=(20, 21, 22))


def measured(store, *, family="qwen3_moe", batch_rows=64, share=True):
    prompts = encoded(4)
    return MeasuredEffect(
        loaded=loaded(family),
        store=store,
        reporter=Silent(),
        prompts=prompts,
        rows=np.arange(len(prompts)),
        target=TARGET,
        base="base",
        batch_rows=batch_rows,
        share_prefix=share,
        note="measured",
    )


def plain(model, prompt, experts):
    """One prompt alone, the log-odds of its last token under a mask."""
    ids, attention = left_padded([prompt.ids], model.pad_id, model.device)
    with torch.inference_mode(), Instrument(model.sites) as instrument:
        instrument.masks = mask_tables([mask(experts)], model.sites, model.device)
        logits = model.model(input_ids=ids, attention_mask=attention, use_cache=False).logits
    return float(log_odds(logits[:, -1], TARGET))


def masks_of(model):
    layers = [site.layer for site in model.sites]
    return [[ExpertId(layers[0], 1)], [ExpertId(layers[-1], 2)], [ExpertId(la, 3) for la in layers]]


@pytest.mark.parametrize("family", ["qwen3_moe", "mixtral", "deepseek_v3"])
@pytest.mark.parametrize("share", [True, False])
def test_equals_each_row_alone(tmp_path, family, share):
    model = loaded(family)
    with TrialStore(tmp_path / "store") as store:
        found = measured(store, family=family, share=share)(masks_of(model))
    for row, experts in enumerate(masks_of(model)):
        for column, prompt in enumerate(encoded(4)):
            wanted = plain(model, prompt, []) - plain(model, prompt, experts)
            assert found[row, column] == pytest.approx(wanted, abs=2e-4)
    assert np.abs(found).max() > 1e-3  # or this shows nothing


def test_what_was_measured_is_not_measured_again(tmp_path, monkeypatch):
    with TrialStore(tmp_path / "store") as store:
        first = measured(store)(masks_of(loaded("qwen3_moe")))
        monkeypatch.setattr(loaded("qwen3_moe").model, "forward", None)
        again = measured(store)(masks_of(loaded("qwen3_moe")))
    assert np.array_equal(first, again)


def test_batches_change_nothing_but_rounding(tmp_path):
    with TrialStore(tmp_path / "store") as store:
        large = measured(store)(masks_of(loaded("qwen3_moe")))
        small = measured(store, batch_rows=3)(masks_of(loaded("qwen3_moe")))
    assert np.allclose(large, small, atol=2e-4)


def test_the_prompts_of_one_set_alone_are_measured_as_among_all(tmp_path):
    masks = masks_of(loaded("qwen3_moe"))
    with TrialStore(tmp_path / "store") as store:
        whole = measured(store)
        for i, own in enumerate(whole.prompts):
            name = "jailbreak" if i in {1, 3} else "regular"
            whole.prompts[i] = replace(own, prompt=replace(own.prompt, set=name))
        whole.rows = np.array([5, 6, 8, 9])
        alone = whole.of_set("jailbreak")
        assert alone.rows.tolist() == [6, 9]
        assert np.allclose(alone(masks), whole(masks)[:, [1, 3]], atol=2e-4)


def test_rows_of_many_seeds_come_first():
    rows = list(range(100, 180))
    seeds = ["same"] * 60 + [f"s{i}" for i in range(20)]
    picked = chosen_rows(rows, seeds, 0)
    assert len(picked) == 32
    assert set(range(160, 180)) <= set(picked.tolist())
    assert np.array_equal(picked, chosen_rows(rows, seeds, 0))
    assert len(chosen_rows([], [], 0)) == 0


def test_every_part_is_drawn_in_proportion() -> None:
    """As by chance alone, of a category that is a tenth of the rows none is drawn now and then."""
    parts = [(f"category {i % 10}", "language ja" if i % 3 else "language en") for i in range(200)]
    seeds = [f"s{i}" for i in range(200)]
    for seed in range(20):
        drawn = [parts[i] for i in chosen_rows(range(200), seeds, seed, parts=parts)]
        categories = Counter(category for category, _ in drawn)
        assert len(drawn) == 32 and len(categories) == 10
        assert set(categories.values()) <= {3, 4}
        assert Counter(language for _, language in drawn)["language ja"] in {21, 22}
