"""Descriptions from headers agree with the model transformers loads; contradictions are named."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from gatekeeper.checkpoint.describe import describe
from gatekeeper.checkpoint.open import open_checkpoint
from gatekeeper.errors import CheckpointError
from gatekeeper.records.model import ModelDescription
from tests.engine.tiny_checkpoint import FAMILIES, folder, listed, model

SMALL = {"model_type": "qwen3_moe", "num_hidden_layers": 2}


def described(path: Path) -> ModelDescription:
    return describe(open_checkpoint(path))


def small(tmp_path: Path, config: dict[str, Any], **layout: Any) -> ModelDescription:
    return described(folder(tmp_path, SMALL | config, listed([0, 1], **layout)))


def refusal(tmp_path: Path, config: dict[str, Any], **layout: Any) -> str:
    with pytest.raises(CheckpointError) as caught:
        small(tmp_path, config, **layout)
    assert caught.value.where and caught.value.remedy
    return caught.value.message


@pytest.fixture(scope="module", params=sorted(FAMILIES))
def saved(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A tiny model of a family and the sharded checkpoint saved from it."""
    pytest.importorskip("transformers")
    path = tmp_path_factory.mktemp(request.param)
    made = model(request.param)
    made.save_pretrained(path, max_shard_size="100KB")
    assert (path / "model.safetensors.index.json").exists() or request.param == "llama"
    return made, path


def loaded_sites(made: Any) -> list[tuple[int, int, int]]:
    """(layer, experts, top-k) of the loaded model, from its modules."""
    found = []
    for name, module in made.named_modules():
        experts = getattr(module, "num_experts", None)
        stacked = [p for p in module.parameters(recurse=False) if p.dim() == 3]
        is_router = isinstance(getattr(module, "top_k", None), int) and not stacked
        if is_router and experts and any(p.dim() == 2 for p in module.parameters()):
            found.append((int(name.split("layers.")[1].split(".")[0]), experts, module.top_k))
    return sorted(set(found))


def test_parameters_are_those_of_the_loaded_model(saved: Any) -> None:
    made, path = saved
    parameters = sum(p.numel() for p in made.parameters())
    # ERNIE keeps the correction bias of its 3 routers, 8 values each, as a parameter.
    biases = 24 if made.config.model_type == "ernie4_5_moe" else 0
    assert described(path).parameters == parameters - biases


def test_sites_are_those_of_the_loaded_model(saved: Any) -> None:
    made, path = saved
    sites = [(s.layer, s.experts, s.top_k) for s in described(path).sites]
    moe_layers = {"qwen2_moe": [1, 3], "deepseek_v3": [1, 2, 3], "ernie4_5_moe": [1, 2, 3]}
    layers = [] if made.config.model_type == "llama" else [0, 1, 2, 3]
    layers = moe_layers.get(made.config.model_type, layers)
    assert sites == [(layer, 8, 2) for layer in layers]
    if loaded := loaded_sites(made):
        assert sites == loaded


def test_active_parameters_leave_out_idle_experts(saved: Any) -> None:
    made, path = saved
    routed = sum(
        p.numel()
        for n, p in made.named_parameters()
        if (".experts." in n or "put_linear" in n) and "shared" not in n
    )
    description = described(path)
    assert description.parameters - description.active_parameters == routed * 6 // 8


def test_shared_experts_are_counted(saved: Any) -> None:
    made, path = saved
    shared = {"qwen2_moe": 1, "deepseek_v3": 2, "ernie4_5_moe": 2}
    expected = shared.get(made.config.model_type, 0)
    assert {s.shared for s in described(path).sites} <= {expected}


def test_the_rest_of_the_description(saved: Any) -> None:
    made, path = saved
    description = described(path)
    assert description.model_type == made.config.model_type
    assert description.architecture == type(made).__name__
    assert (description.layers, description.context_length) == (4, 64)
    assert description.dtype == "float32"
    assert description.is_moe == (made.config.model_type != "llama")


def test_one_file_and_shards_are_described_alike(tmp_path: Path) -> None:
    pytest.importorskip("transformers")
    made = model("qwen2_moe")
    made.save_pretrained(tmp_path / "one")
    made.save_pretrained(tmp_path / "many", max_shard_size="50KB")
    assert described(tmp_path / "one") == described(tmp_path / "many")


def test_config_and_weights_that_disagree_name_both_numbers_and_the_layer(tmp_path: Path) -> None:
    message = refusal(tmp_path, {"num_experts": 6, "num_experts_per_tok": 2})
    assert "6 experts" in message
    assert "layer 0 hold 4" in message


def test_a_router_of_another_size_is_named(tmp_path: Path) -> None:
    message = refusal(tmp_path, {"num_experts": 4, "num_experts_per_tok": 2}, router=5)
    assert "layer 0 has 4 experts, but a router of 5" in message


def test_a_router_may_have_columns_more_where_the_family_says_so(tmp_path: Path) -> None:
    config = {"model_type": "zaya", "num_experts": 4, "num_experts_per_tok": 1}
    assert small(tmp_path, config, router=5).sites[0].experts == 4


@pytest.mark.parametrize(
    "config",
    [
        {},
        {"num_experts_per_tok": 0},
        {"num_experts_per_tok": 5},
        {"num_experts_per_tok": 2, "moe_topk": 1},
        {"num_experts_per_tok": 2, "experts_per_token": 1},
        {"num_experts_per_tok": 2, "num_selected_experts": 1},
    ],
)
def test_an_impossible_top_k_is_refused(tmp_path: Path, config: dict[str, int]) -> None:
    assert "experts per token of layer 0" in refusal(tmp_path, {"num_experts": 4} | config)


@pytest.mark.parametrize("value", ["four", 4.0, True, -1, {}])
def test_a_number_of_experts_that_is_none(tmp_path: Path, value: object) -> None:
    assert "num_experts is" in refusal(tmp_path, {"num_experts": value, "moe_k": 2})


@pytest.mark.parametrize(
    "config",
    [
        {"num_experts": 4, "num_experts_per_tok": 2},
        {"num_local_experts": 4, "moe_k": 2},
        {"n_routed_experts": 4, "num_experts_per_token": 2},
        {"moe_num_experts": 4, "moe_topk": [2, 2]},
        {"ffn_config": {"moe_num_experts": 4, "moe_top_k": 2}},
        {"text_config": {"num_experts": 4, "top_k_experts": 2}},
    ],
)
def test_every_name_of_e_and_k(tmp_path: Path, config: dict[str, Any]) -> None:
    assert [(s.layer, s.experts, s.top_k) for s in small(tmp_path, config).sites] == [
        (0, 4, 2),
        (1, 4, 2),
    ]


def test_top_k_may_differ_by_layer(tmp_path: Path) -> None:
    sites = small(tmp_path, {"num_experts": 4, "moe_topk": [1, 3]}).sites
    assert [s.top_k for s in sites] == [1, 3]


def test_a_layer_may_have_values_of_its_own(tmp_path: Path) -> None:
    own = {"num_experts_per_tok": 1, "n_shared_experts": 3}
    config = {"num_experts": 4, "num_experts_per_tok": 2, "per_layer_config": {"1": own}}
    tensors = listed([0, 1]) | {"model.layers.1.mlp.shared_experts.up.weight": ("F32", [4, 8])}
    sites = described(folder(tmp_path, SMALL | config, tensors)).sites
    assert [(s.top_k, s.shared) for s in sites] == [(2, 0), (1, 3)]


def test_two_numbers_of_shared_experts_are_refused(tmp_path: Path) -> None:
    config = {"num_experts": 4, "moe_k": 2, "n_shared_experts": 2, "num_shared_experts": 1}
    tensors = listed([0]) | {"model.layers.0.mlp.shared_experts.up.weight": ("F32", [4, 8])}
    with pytest.raises(CheckpointError, match="2 and 1 for the shared experts of layer 0"):
        described(folder(tmp_path, SMALL | config, tensors))


TABLED = {"num_experts": 4, "num_experts_per_tok": 2}


def tabled(tmp_path: Path, config: dict[str, Any], columns: int = 2) -> ModelDescription:
    """Layer 0 has a table of token ids, layer 1 has none."""
    table = {"model.layers.0.mlp.gate.tid2eid": ("I64", [16, columns])}
    return described(folder(tmp_path, SMALL | TABLED | config, listed([0, 1]) | table))


@pytest.mark.parametrize(
    "config",
    [{}, {"mlp_layer_types": ["hash_moe", "moe"]}, {"num_hash_layers": 1}],
)
def test_a_table_of_token_ids_is_no_learned_router(tmp_path: Path, config: dict[str, Any]) -> None:
    description = tabled(tmp_path, config)
    assert [s.routing for s in description.sites] == ["table", "learned"]
    assert [s.layer for s in description.maskable_sites] == [1]


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"mlp_layer_types": ["moe", "moe"]}, "layer 0 routes by learning, its weights hold a"),
        ({"num_hash_layers": 2}, "layer 1 routes by a table, its weights hold no table"),
    ],
)
def test_config_and_tables_that_disagree(
    tmp_path: Path, config: dict[str, Any], message: str
) -> None:
    with pytest.raises(CheckpointError, match=message):
        tabled(tmp_path, config)


def test_a_table_of_another_width_than_top_k(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="names 3 experts per token, config says 2"):
        tabled(tmp_path, {}, columns=3)


def test_a_hand_edited_config_is_caught_on_a_real_checkpoint(tmp_path: Path) -> None:
    pytest.importorskip("transformers")
    model("mixtral").save_pretrained(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text(encoding="utf-8"))
    config["num_local_experts"] = 4
    (tmp_path / "config.json").write_text(json.dumps(config), encoding="utf-8")
    with pytest.raises(CheckpointError, match=r"config says 4 experts, .* hold 8"):
        described(tmp_path)


@pytest.mark.parametrize(
    "block",
    [
        "model.experts",
        "model.layers.x.mlp.experts",
        "model.layers.\u00b2.mlp.experts",
        "model.layers.\u0663.mlp.experts",
        "model.layers.007.mlp.experts",
        f"model.layers.{'9' * 400}.mlp.experts",
        "experts",
    ],
)
def test_experts_in_no_decoder_layer_are_refused(tmp_path: Path, block: str) -> None:
    tensors: dict[str, tuple[str, list[int]]] = {
        f"{block}.{e}.up_proj.weight": ("F32", [4, 8]) for e in range(2)
    }
    path = folder(tmp_path, {"model_type": "mixtral", "num_experts": 2}, tensors)
    with pytest.raises(CheckpointError, match=r"outside its decoder layers|does not know"):
        described(path)


def test_an_expert_whose_number_is_none_is_refused(tmp_path: Path) -> None:
    tensors = listed([0])
    tensors[f"model.layers.0.mlp.experts.{'9' * 400}.up_proj.weight"] = ("F32", [4, 8])
    path = folder(tmp_path, {"model_type": "mixtral", "num_experts_per_tok": 2}, tensors)
    with pytest.raises(CheckpointError):
        described(path)


def test_a_million_identity_experts_take_no_time(tmp_path: Path) -> None:
    config = {"model_type": "mixtral", "num_experts": 4, "num_experts_per_tok": 2}
    path = folder(tmp_path, config | {"zero_expert_num": 10**9}, listed([0]))
    with pytest.raises(CheckpointError, match="zero_expert_num"):
        described(path)
    path = folder(tmp_path, config | {"zero_expert_num": 10**6}, listed([0]))
    assert described(path).routed_experts == 4


def test_experts_that_are_stored_one_by_one_and_together(tmp_path: Path) -> None:
    fused = {"model.layers.1.mlp.experts.down_proj": ("F32", [4, 8, 4])}
    tensors = listed([0, 1])
    for both in (tensors | fused, fused | tensors):
        with pytest.raises(CheckpointError, match="experts of layer 1 are stored twice"):
            described(folder(tmp_path, SMALL | {"num_experts": 4, "num_experts_per_tok": 2}, both))
