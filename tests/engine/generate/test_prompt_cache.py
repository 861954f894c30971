"""The prefix that prompts share: no more of it side by side than there is room for."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from gatekeeper.engine.generate import batch_order as arrange
from gatekeeper.engine.generate import prompt_cache as module
from gatekeeper.engine.generate.row_plan import SweepSettings, Work
from gatekeeper.engine.generate.techniques import PLAIN, Techniques
from gatekeeper.evidence.trial_store import TrialStore
from gatekeeper.records.trial import bare_mask
from tests.engine.sweeping import sweep
from tests.engine.tiny_loaded import encoded, loaded

ROWS = 8


def swept(path, model, using):
    masks = [
        replace(bare_mask([(site.layer, e)]), name=f"{site.layer}/{e}")
        for site in model.sites[:2]
        for e in range(6)
    ]
    prompts = [replace(p, ids=(*range(20, 40), *p.ids)) for p in encoded(4)]
    settings = SweepSettings(
        base="b",
        new_tokens=5,
        batch_rows=ROWS,
        techniques=using,
    )
    work = [Work(prompt=p, masks=tuple(masks)) for p in prompts]
    with TrialStore(path) as store:
        return sweep(model, work, settings, store, lambda *_: None)[0]


@pytest.mark.parametrize("room", [1, 3, ROWS])
def test_memory_for_few_rows_is_enough_for_those_that_share_a_prefix(tmp_path, monkeypatch, room):
    monkeypatch.setattr(module, "START", 1)
    monkeypatch.setattr(arrange, "SHARES", 1)  # so few rows would have shards of a batch each
    model = loaded("mixtral")
    plain = swept(tmp_path / "plain", model, PLAIN)
    lines, real = [], module.PromptCache.read

    def watched(self, rows):
        found = real(self, rows)
        lines.append(0 if found is None else len(set(found.line.values())))
        return found

    def full(_module, _args, given):
        if given["input_ids"].shape[0] > room:
            raise torch.cuda.OutOfMemoryError("planted")

    monkeypatch.setattr(module.PromptCache, "read", watched)
    handle = model.model.register_forward_pre_hook(full, with_kwargs=True)
    try:
        using = Techniques(cache_prompts=True, refill=True, share_prefix=False)
        found = swept(tmp_path / "cut", model, using)
    finally:
        handle.remove()
    assert found == plain
    assert max(lines) <= room
    assert any(lines) == (room == ROWS)
