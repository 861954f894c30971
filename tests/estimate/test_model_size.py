"""Sizes from configs alone, held against published counts and against real weights."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gatekeeper.checkpoint.describe import describe
from gatekeeper.checkpoint.open import open_checkpoint
from gatekeeper.checkpoint.safetensors_header import TensorInfo
from gatekeeper.errors import CheckpointError, UsageError
from gatekeeper.estimate.model_size import config_only, shape_of, stored_bytes
from tests.e2e.cli import HARDENED, ROOT
from tests.engine.tiny_checkpoint import FAMILIES
from tests.engine.zoo import build

CONFIGS = ROOT / "benchmarks" / "configs"
DEEP: dict[str, Any] = {"text_config": {"text_config": {"text_config": {}}}}
QWEN = CONFIGS / "qwen3-30b-a3b.json"

#: Parameters in all and at work on a token, as their publishers tell (10^9). Qwen counts its
#: embedding as active, of 0.3.
PUBLISHED = {
    "qwen3-30b-a3b": (30.5, 3.3 - 0.3),
    "gpt-oss-20b": (20.9, 3.6),
    "mixtral-8x7b": (46.7, 12.8),
    "deepseek-v3": (671.0, 36.6),
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_configs_give_published_counts(name):
    shape = shape_of(config_only(CONFIGS / f"{name}.json"))
    total, active = PUBLISHED[name]
    assert shape.parameters / 1e9 == pytest.approx(total, rel=0.005)
    assert shape.active / 1e9 == pytest.approx(active, rel=0.02)


def test_every_published_config_is_held_against_a_count():
    assert {path.stem for path in CONFIGS.glob("*.json")} == set(PUBLISHED)


def test_latent_attention_caches_one_latent_per_token():
    shape = shape_of(config_only(CONFIGS / "deepseek-v3.json"))
    assert shape.cached == 61 * (512 + 64)
    assert shape.expanded == 61 * 512 * 128 * 256
    assert shape_of(config_only(CONFIGS / "qwen3-30b-a3b.json")).cached == 48 * 2 * 4 * 128


@pytest.mark.parametrize("family", [name for name in FAMILIES if name != "llama"])
def test_a_config_alone_tells_what_the_weights_do(family, tmp_path):
    model = build(family, seed=1)
    model.save_pretrained(tmp_path)
    description = describe(open_checkpoint(tmp_path))
    with_weights = shape_of(open_checkpoint(tmp_path), description)
    alone = shape_of(config_only(tmp_path))
    assert alone == replace(with_weights, stored=0, joined=alone.joined)  # how they are stored
    # Norms and biases are left out, which in models so tiny are hundredths.
    assert alone.parameters == pytest.approx(description.parameters, rel=0.06)


def test_the_demo_is_counted_but_for_its_norms():
    description = describe(open_checkpoint(HARDENED))
    shape = shape_of(config_only(HARDENED))
    assert 0 < description.parameters - shape.parameters < 2000
    assert 0 < description.active_parameters - shape.active < 2000


def config(tmp_path: Path, **changes) -> Path:
    known = json.loads((CONFIGS / "qwen3-30b-a3b.json").read_text(encoding="utf-8"))
    path = tmp_path / "config.json"
    kept = {key: value for key, value in (known | changes).items() if value is not None}
    path.write_text(json.dumps(kept), encoding="utf-8")
    return path


def test_layers_that_are_no_mixtures_hold_a_dense_mlp(tmp_path):
    whole = shape_of(config_only(config(tmp_path)))
    some = shape_of(config_only(config(tmp_path, mlp_only_layers=[0, 5])))
    assert len(some.moe) == 46 and some.layers == 48
    assert some.dense - whole.dense == 2 * (3 * 2048 * 6144 - 2048 * 128)
    half = shape_of(config_only(config(tmp_path, decoder_sparse_step=2)))
    assert len(half.moe) == 24


def test_a_dense_config_is_refused(tmp_path):
    path = config(tmp_path, num_experts=None)
    with pytest.raises(CheckpointError, match="dense"):
        shape_of(config_only(path))


def test_a_config_without_a_size_is_refused_by_its_name(tmp_path):
    with pytest.raises(CheckpointError, match="hidden_size"):
        shape_of(config_only(config(tmp_path, hidden_size=None)))


def test_no_config_is_a_usage_error(tmp_path):
    with pytest.raises(UsageError, match=r"no config\.json"):
        config_only(tmp_path)


@pytest.mark.parametrize(("method", "stored"), [(None, 2.0), ("fp8", 1.0), ("mxfp4", 2.0)])
def test_weights_are_kept_as_an_audit_keeps_them(method, stored, tmp_path):
    quantised = {"quant_method": method} if method else None
    found = config_only(config(tmp_path, quantization_config=quantised))
    assert stored_bytes(found) == stored


def test_a_quantisation_that_audits_refuse_is_refused(tmp_path):
    found = config_only(config(tmp_path, quantization_config={"quant_method": "gptq"}))
    with pytest.raises(CheckpointError, match="gptq"):
        stored_bytes(found)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"hidden_size": 10**50}, "hidden_size"),
        ({"num_hidden_layers": 10**9}, "num_hidden_layers"),
        ({"vocab_size": True}, "vocab_size"),
        ({"num_attention_heads": "4"}, "num_attention_heads"),
        ({"moe_intermediate_size": -4}, "moe_intermediate_size"),
        ({"head_dim": 2.5}, "head_dim"),
        ({"num_experts": 10**12}, "num_experts"),
        ({"mlp_only_layers": 5}, "mlp_only_layers"),
        ({"mlp_only_layers": [{}]}, "mlp_only_layers"),
        ({"mlp_only_layers": "x"}, "mlp_only_layers"),
        ({"mlp_only_layers": [[0]]}, "mlp_only_layers"),
        ({"tie_word_embeddings": "yes"}, "tie_word_embeddings"),
        ({"per_layer_config": 5}, "per_layer_config"),
        ({"per_layer_config": {"0": [1]}}, "per_layer_config"),
        ({"text_config": 5}, "text_config"),
        (
            {"text_config": {"text_config": {"text_config": {"text_config": {"llm_config": {}}}}}},
            "not",
        ),
        ({"num_attention_heads": 10**6, "head_dim": None}, "head_dim"),
    ],
)
def test_a_field_of_another_type_or_size_is_refused_by_its_name(changes, named, tmp_path):
    (tmp_path / "config.json").write_text(json.dumps(json.loads(QWEN.read_text()) | changes))
    with pytest.raises(CheckpointError, match=named):
        shape_of(config_only(tmp_path))


def test_a_mark_for_each_layer_says_which_are_mixtures(tmp_path):
    config = json.loads(QWEN.read_text())
    layers = config["num_hidden_layers"]
    config |= {"decoder_sparse_step": None, "moe_layer_freq": [0] + [1] * (layers - 1)}
    (tmp_path / "config.json").write_text(json.dumps(config))
    assert len(shape_of(config_only(tmp_path)).moe) == layers - 1


@pytest.mark.parametrize(
    ("names", "share"),
    [
        (tuple(f"experts.0.{name}_proj.weight" for name in ("gate", "up", "down")), 2),
        (tuple(f"experts.0.w{number}.weight" for number in (1, 2, 3)), 1),
        (("experts.gate_up_proj", "experts.down_proj"), 2),
        ((), 2),  # a config alone: what most are stored as
    ],
)
def test_thirds_of_a_layer_that_are_joined_are_told_by_how_they_are_stored(names, share):
    opened = config_only(CONFIGS / "mixtral-8x7b.json")
    info = TensorInfo(dtype="BF16", shape=(8, 8))
    tensors = {f"model.layers.0.mlp.{name}": info for name in names}
    shape = shape_of(replace(opened, tensors=tensors))
    assert shape.joined == pytest.approx(share / 3)
    assert shape.stored == len(names)
