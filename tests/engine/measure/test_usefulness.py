from __future__ import annotations

import numpy as np
import pytest
import torch

from gatekeeper.engine.measure import usefulness as module
from gatekeeper.engine.measure.usefulness import usefulness
from gatekeeper.engine.model.hooks import Instrument
from gatekeeper.engine.model.mask_tables import mask_tables
from gatekeeper.evidence.trial_store import TrialStore
from gatekeeper.records.trial import UNMASKED
from tests.engine.invariants import mask
from tests.engine.tiny_loaded import encoded, loaded

REPLIES = ((11, 12, 13, 2), (20,), (31, 32), (41, 42, 43))


def measured(tmp_path, masks, *, family="qwen3_moe", batch_rows=64, name="store.sqlite"):
    told = []
    with TrialStore(tmp_path / name) as store:
        found = usefulness(
            loaded(family),
            encoded(4),
            REPLIES,
            masks,
            base="base",
            batch_rows=batch_rows,
            store=store,
            progress=lambda done, total: told.append((done, total)),
        )
    assert told[-1] == (4 * len(masks), 4 * len(masks))
    return found


def alone(model, prompt, reply, experts):
    """One reply by itself, without padding: log-probabilities at each of its places."""
    ids = torch.tensor([[*prompt.ids, *reply[:-1]]])
    with torch.inference_mode(), Instrument(model.sites) as instrument:
        instrument.masks = mask_tables([mask(experts)], model.sites, model.device)
        logits = model.model(input_ids=ids, use_cache=False).logits
    return logits[0, -len(reply) :].log_softmax(dim=-1)


@pytest.mark.parametrize("family", ["qwen3_moe", "mixtral", "deepseek_v3", "gpt_oss"])
@pytest.mark.parametrize("batch_rows", [1, 64])
def test_equals_each_reply_alone(tmp_path, family, batch_rows):
    model = loaded(family)
    layers = [site.layer for site in model.sites]
    masks = [mask([(layers[0], 1)]), mask([(layer, 3) for layer in layers])]
    found = measured(tmp_path, masks, family=family, batch_rows=batch_rows)
    for record, one in zip(found, masks, strict=True):
        assert record.tokens == (4, 1, 2, 3)
        assert record.prompts == tuple(p.prompt.id for p in encoded(4))
        for i, (prompt, reply) in enumerate(zip(encoded(4), REPLIES, strict=True)):
            plain, masked = (alone(model, prompt, reply, e) for e in ((), one.experts))
            chosen = torch.tensor(reply)[:, None]
            assert record.plain[i] == pytest.approx(-float(plain.gather(1, chosen).sum()), abs=1e-3)
            assert record.masked[i] == pytest.approx(
                -float(masked.gather(1, chosen).sum()), abs=1e-3
            )
            apart = torch.nn.functional.kl_div(masked, plain, log_target=True, reduction="sum")
            assert record.divergence[i] == pytest.approx(float(apart), abs=1e-3)
    assert max(found[1].divergence) > 1e-4, "the mask does something"


def test_no_mask_costs_nothing(tmp_path):
    (found,) = measured(tmp_path, [UNMASKED])
    assert found.plain == found.masked and set(found.divergence) == {0.0}


def test_what_is_in_the_store_is_not_computed_again(tmp_path, monkeypatch):
    masks = [mask([(loaded("qwen3_moe").sites[0].layer, 1)])]
    first = measured(tmp_path, masks)

    def broken(*_args, **_options):
        raise AssertionError("computed again")

    monkeypatch.setattr(loaded("qwen3_moe").model, "forward", broken)
    assert measured(tmp_path, masks) == first
    other = [mask([(loaded("qwen3_moe").sites[0].layer, 2)])]
    with pytest.raises(AssertionError, match="computed again"):
        measured(tmp_path, other)


def test_a_large_vocabulary_has_smaller_batches(monkeypatch):
    monkeypatch.setattr(module, "MOST_BYTES", 4 * 128 * 4 * 3)
    assert module._rows(loaded("qwen3_moe"), 4, 64) == 3
    monkeypatch.setattr(module, "MOST_BYTES", 1)
    assert module._rows(loaded("qwen3_moe"), 4, 64) == 1


def test_nothing_to_force_is_nothing(tmp_path):
    with TrialStore(tmp_path / "s.sqlite") as store:
        found = usefulness(
            loaded("qwen3_moe"),
            [],
            [],
            [mask([(loaded("qwen3_moe").sites[0].layer, 1)])],
            base="",
            batch_rows=4,
            store=store,
            progress=lambda _done, _total: None,
        )
    assert found[0].prompts == () and np.sum(found[0].tokens) == 0
