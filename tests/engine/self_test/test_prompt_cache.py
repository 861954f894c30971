from __future__ import annotations

import pytest
import torch

from gatekeeper.engine.generate import batch_state as running
from gatekeeper.engine.generate import prompt_cache
from gatekeeper.engine.generate.kv_cache import join
from gatekeeper.engine.model.hooks import Instrument
from gatekeeper.engine.self_test.prompt_cache import prompt_cache_holds, refill_holds
from tests.engine.tiny_loaded import encoded, loaded

FAMILIES = ("qwen3_moe", "mixtral", "deepseek_v3", "olmoe", "jetmoe")


def tried(check, model) -> bool:
    busiest = [(site.layer, 1) for site in model.sites]
    prompts = [encoded(4)[i].ids for i in (1, 3)]
    with torch.inference_mode(), Instrument(model.sites) as instrument:
        return check(model, instrument, prompts, busiest)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("check", [prompt_cache_holds, refill_holds])
def test_both_hold_where_the_cache_is_plain(family, check):
    assert tried(check, loaded(family))


@pytest.mark.parametrize("family", ["gpt_oss", "qwen3_next", "minimax"])
@pytest.mark.parametrize("check", [prompt_cache_holds, refill_holds])
def test_neither_is_said_to_be_used_where_the_cache_keeps_more(family, check):
    assert not tried(check, loaded(family))


def test_a_prefix_that_is_lost_is_caught(monkeypatch):
    real = prompt_cache.CachedStart.enter

    def lost(self, given, rows):
        batch = real(self, given, rows)
        for layer in batch.cache.layers:
            layer.values = torch.zeros_like(layer.values)
        return batch

    monkeypatch.setattr(prompt_cache.CachedStart, "enter", lost)
    assert not tried(prompt_cache_holds, loaded("mixtral"))


@pytest.mark.parametrize("family", FAMILIES)
def test_rows_that_are_mixed_up_on_entering_are_caught(monkeypatch, family):
    real = join

    def mixed(caches):
        for layer in caches[-1].layers:
            layer.keys = layer.keys.flip(0)
        real(caches)

    monkeypatch.setattr(running, "join", mixed)
    assert not tried(refill_holds, loaded(family))
