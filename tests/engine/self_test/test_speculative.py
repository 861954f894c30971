"""The self-test of drafts: where it passes, and what it catches."""

from __future__ import annotations

import pytest
import torch

from gatekeeper.engine.generate import batch_state as running
from gatekeeper.engine.generate import speculative as module
from gatekeeper.engine.model.hooks import Instrument
from gatekeeper.engine.self_test.speculative import drafts_hold
from tests.engine.generate.test_speculative import FAMILIES
from tests.engine.tiny_loaded import encoded, loaded, loaded_with


def tried(model) -> bool:
    busiest = [(site.layer, 1) for site in model.sites]
    prompts = [encoded(4)[i].ids for i in (1, 3)]
    with torch.inference_mode(), Instrument(model.sites) as instrument:
        return drafts_hold(model, instrument, prompts, busiest, share=True)


@pytest.mark.parametrize("family", FAMILIES)
def test_the_self_test_passes_where_the_cache_is_plain(family):
    assert tried(loaded(family))


@pytest.mark.parametrize("family", ["gpt_oss", "qwen3_next", "minimax"])
def test_and_not_where_the_cache_keeps_more(family):
    assert not tried(loaded(family))


def test_a_draft_that_is_taken_for_granted_is_caught(monkeypatch):
    real = module.close_drafts

    def granted(batch, told, chosen, settle):
        lines = [[*told[r][1:], *chosen[i]] if r in told else [] for i, r in enumerate(batch.rows)]
        return real(batch, told, lines, settle)

    monkeypatch.setattr(module, "close_drafts", granted)
    assert not tried(loaded("mixtral"))


def test_a_draft_that_is_not_forgotten_is_caught(monkeypatch):
    monkeypatch.setattr(running, "crop", lambda cache, columns: None)
    assert not tried(loaded_with("mixtral", 7))


def test_what_is_read_with_the_prompts_is_tried_too(monkeypatch):
    real = running.Running.step_ahead
    monkeypatch.setattr(
        running.Running, "step_ahead", lambda batch, tokens: real(batch, tokens).roll(1, dims=1)
    )
    assert not tried(loaded("mixtral"))
