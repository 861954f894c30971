"""All techniques together against none of them: random masks, and the demo's checkpoint."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from gatekeeper.checkpoint.describe import describe
from gatekeeper.checkpoint.open import open_checkpoint
from gatekeeper.engine.generate.batching import Encoded, encode
from gatekeeper.engine.generate.row_plan import SweepSettings, Work
from gatekeeper.engine.generate.techniques import PLAIN, Techniques, where_exact
from gatekeeper.engine.model.load import load_model
from gatekeeper.engine.self_test.run import self_test
from gatekeeper.evidence.trial_store import TrialStore
from gatekeeper.records.trial import UNMASKED, bare_mask
from gatekeeper.suites.read import read_suite
from tests.engine.sweeping import sweep
from tests.engine.tiny_loaded import encoded, loaded, loaded_with

DEMO = Path(__file__).resolve().parents[3] / "demo"
EVERYTHING = Techniques(refill=True, cache_prompts=True, draft=True, share_attention=True)
MODES = ("reroute", "reroute", "ablate", "scale:0.2", "noise:0.5")


def masks_of(model, seed, count):
    draw = random.Random(seed)
    made = [UNMASKED]
    for i in range(count):
        sites = draw.choices(model.sites, k=draw.choice([1, 1, 2, 4]))
        experts = {(s.layer, draw.randrange(s.experts_count)) for s in sites}
        one = bare_mask(sorted(experts), draw.choice(MODES))
        phase = draw.choice(["prefill", "decode", "both"])
        made.append(replace(one, name=f"m{i}", phase=phase))
    return tuple(made)


def swept(path, model, prompts, masks, using, *, rows=8, tokens=9):
    settings = SweepSettings(
        base="b",
        new_tokens=tokens,
        batch_rows=rows,
        techniques=using,
    )
    work = [Work(prompt=prompt, masks=masks) for prompt in prompts]
    with TrialStore(path) as store:
        return sweep(model, work, settings, store, lambda *_: None)


def begun_alike(prompts):
    opening = tuple(range(20, 40))
    return [replace(prompt, ids=(*opening, *prompt.ids)) for prompt in prompts]


@pytest.mark.parametrize("family", ["mixtral", "qwen3_moe", "deepseek_v3", "olmoe", "gpt_oss"])
def test_everything_together_gives_the_tokens_of_the_plain_path(tmp_path, family):
    exact: dict[str, Any] = {
        "qwen3_moe": {"norm_topk_prob": True},
        "deepseek_v3": {"n_group": 1, "topk_group": 1},
    }
    model = loaded_with(family, 7, **exact[family]) if family in exact else loaded(family)
    prompts, masks = begun_alike(encoded(4)), masks_of(model, seed=11, count=36)
    plain, _ = swept(tmp_path / "plain", model, prompts, masks, PLAIN)
    fast, _ = swept(tmp_path / "fast", model, prompts, masks, EVERYTHING)
    assert fast == plain
    assert len({t.completion for t in plain}) > 12


def test_the_demo_checkpoint_decides_alike(tmp_path):
    opened = open_checkpoint(DEMO / "concentrated", None)
    model = load_model(
        opened.path, describe(opened), device=torch.device("cpu"), dtype=torch.float32
    )
    suite = read_suite(DEMO / "suite").prompts
    wanted = [p for s in ("regular", "benign") for p in suite if p.set == s][::25][:6]
    prompts: list[Encoded] = encode(model, wanted, "Answer briefly. " * 6, 16)
    masks = masks_of(model, seed=2, count=34)
    found = where_exact(self_test(model, prompts))
    assert found.share_prefix or found.cache_prompts
    plain, _ = swept(tmp_path / "p", model, prompts, masks, PLAIN, rows=64, tokens=16)
    fast, _ = swept(tmp_path / "f", model, prompts, masks, EVERYTHING, rows=64, tokens=16)
    assert fast == plain
    assert len({t.outcome for t in plain}) > 1
