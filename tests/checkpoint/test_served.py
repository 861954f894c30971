"""What is audited is what is served: a real checkpoint, changed where loaders would part ways."""

from __future__ import annotations

import json
import math
import shutil
import struct
from pathlib import Path
from typing import Any

import pytest
import torch

from gatekeeper.checkpoint.describe import describe
from gatekeeper.checkpoint.open import open_checkpoint
from gatekeeper.checkpoint.tied_head import refuse_two_heads
from gatekeeper.engine.model.load import LoadedModel, load_model
from gatekeeper.engine.model.unsupported import refuse_unauditable, strange_architectures
from gatekeeper.engine.self_test.run import self_test
from gatekeeper.errors import CheckpointError
from tests.e2e.cli import HARDENED, edit_json
from tests.engine.tiny_loaded import encoded, loaded_with

EMBEDDING = "model.embed_tokens.weight"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return Path(shutil.copytree(HARDENED, tmp_path / "candidate"))


def load(path: Path, dtype: torch.dtype = torch.float32) -> LoadedModel:
    description = describe(open_checkpoint(path))
    return load_model(path, description, device=torch.device("cpu"), dtype=dtype)


def parts(path: Path) -> tuple[dict[str, Any], bytearray]:
    raw = (path / "model.safetensors").read_bytes()
    (length,) = struct.unpack("<Q", raw[:8])
    return json.loads(raw[8 : 8 + length]), bytearray(raw[8 + length :])


def put(path: Path, header: dict[str, Any], data: bytes | bytearray) -> None:
    raw = json.dumps(header).encode()
    (path / "model.safetensors").write_bytes(struct.pack("<Q", len(raw)) + raw + data)


def with_head(path: Path, change: int, name: str = "lm_head.weight") -> None:
    """Stores the embedding a second time, as output head; the last byte differs by `change`."""
    header, data = parts(path)
    start, stop = header[EMBEDDING]["data_offsets"]
    copy = data[start:stop]
    copy[-1] ^= change
    span = [len(data), len(data) + len(copy)]
    put(path, {**header, name: {**header[EMBEDDING], "data_offsets": span}}, data + copy)


def test_a_tied_head_that_is_stored_and_another_is_refused(path: Path) -> None:
    with_head(path, 1)
    with pytest.raises(CheckpointError, match=r"lm_head\.weight is stored and is not"):
        refuse_two_heads(open_checkpoint(path))


def test_a_tied_head_that_is_stored_as_it_is_tied_is_no_matter(path: Path) -> None:
    with_head(path, 0)
    refuse_two_heads(open_checkpoint(path))


@pytest.mark.parametrize(
    "name",
    ["model.layers.4.shared_head.head.weight", "mtp.head.weight", "vision_tower.head.weight"],
)
def test_heads_of_other_parts_are_no_matter(path: Path, name: str) -> None:
    with_head(path, 1, name)
    refuse_two_heads(open_checkpoint(path))


def test_a_head_of_its_own_is_no_matter(path: Path) -> None:
    with_head(path, 1)
    edit_json(path / "config.json", tie_word_embeddings=False)
    refuse_two_heads(open_checkpoint(path))


def test_a_head_that_only_the_nested_config_ties_is_refused(path: Path) -> None:
    with_head(path, 1)
    edit_json(
        path / "config.json", tie_word_embeddings=False, text_config={"tie_word_embeddings": True}
    )
    with pytest.raises(CheckpointError, match="ties the output head"):
        refuse_two_heads(open_checkpoint(path))


@pytest.mark.parametrize("name", ["LlamaForCausalLM", "Qwen3MoeForSequenceClassification"])
def test_architectures_of_another_class_are_refused(path: Path, name: str) -> None:
    edit_json(path / "config.json", architectures=[name])
    with pytest.raises(CheckpointError, match=name):
        refuse_unauditable(open_checkpoint(path))


def test_an_architecture_that_transformers_has_not_is_told(path: Path) -> None:
    edit_json(path / "config.json", architectures=["Qwen3MoeForCausalLM", "MyForCausalLM"])
    opened = open_checkpoint(path)
    refuse_unauditable(opened)
    (told,) = strange_architectures(opened)
    assert "MyForCausalLM" in told
    edit_json(path / "config.json", architectures=["QWEN3MoEForCausalLM"])
    assert strange_architectures(open_checkpoint(path)) == ()


@pytest.mark.parametrize("value", [b"\xc0\x7f", b"\x80\x7f"])  # bfloat16: NaN, infinity
def test_weights_that_are_no_numbers_are_named(path: Path, value: bytes) -> None:
    header, data = parts(path)
    start = header["model.layers.2.mlp.experts.3.down_proj.weight"]["data_offsets"][0]
    data[start : start + 2] = value
    put(path, header, data)
    with pytest.raises(CheckpointError, match=r"NaN or infinity: model\.layers\.2\.mlp\.experts"):
        load(path)


def test_weights_that_float16_cannot_hold_are_told_so(path: Path) -> None:
    header, data = parts(path)
    start = header[EMBEDDING]["data_offsets"][0]
    data[start : start + 2] = b"\xff\x47"  # bfloat16: 130,560
    put(path, header, data)
    assert load(path).sites
    with pytest.raises(CheckpointError, match="in float16") as caught:
        load(path, torch.float16)
    assert "bfloat16" in str(caught.value.remedy)


def test_logits_that_are_no_numbers_are_not_blamed_on_the_hooks() -> None:
    model = loaded_with("qwen3_moe", 3)
    with torch.no_grad():
        model.model.get_parameter(EMBEDDING).mul_(math.inf)
    with pytest.raises(CheckpointError, match="without any hook"):
        self_test(model, encoded())


@pytest.mark.parametrize(
    "changes",
    [{"hidden_size": 200_000}, {"vocab_size": 10**8}, {"moe_intermediate_size": 10**8}],
)
def test_sizes_that_the_weights_have_not_get_no_room(path: Path, changes: dict[str, int]) -> None:
    edit_json(path / "config.json", **changes)
    with pytest.raises(CheckpointError, match=r"config describes a model of .* parameters"):
        load(path)


def test_what_transformers_warns_of_is_a_line_of_ours(path: Path) -> None:
    edit_json(path / "generation_config.json", temperature=0.5, do_sample=False)
    (told,) = load(path).cautions
    assert told.startswith("transformers warns: ")
    assert "temperature" in told
    assert "\n" not in told


def test_tensors_that_transformers_leaves_out_are_told(path: Path) -> None:
    header, data = parts(path)
    spare = {"dtype": "F32", "shape": [1], "data_offsets": [len(data), len(data) + 4]}
    put(path, {**header, "model.layers.4.eh_proj.weight": spare}, data + bytes(4))
    edit_json(path / "config.json", num_nextn_predict_layers=1)
    (told,) = load(path).cautions
    assert "model.layers.4.eh_proj.weight" in told


def zeroed(path: Path, *parts_of_names: str) -> None:
    header, data = parts(path)
    for name, entry in header.items():
        if name != "__metadata__" and any(part in name for part in parts_of_names):
            start, stop = entry["data_offsets"]
            data[start:stop] = bytes(stop - start)
    put(path, header, data)


@pytest.mark.parametrize("which", ["", EMBEDDING])
def test_weights_that_hold_nothing_are_told_as_such(path: Path, which: str) -> None:
    zeroed(path, which)
    with pytest.raises(CheckpointError, match="nothing but zeros"):
        load(path)


def test_an_expert_of_zeros_is_told(path: Path) -> None:
    zeroed(path, "layers.2.mlp.experts.")
    (told,) = load(path).cautions
    assert "nothing but zeros" in told
    assert "layers.2.mlp.experts" in told


def test_kernels_that_a_config_asks_for_are_not_taken(path: Path) -> None:
    edit_json(
        path / "config.json",
        _attn_implementation="flex_attention",
        experts_implementation="someone/kernels",
    )
    loaded = load(path)
    config: Any = loaded.model.config
    assert config._attn_implementation == "sdpa"
    assert [line.split(" (")[0] for line in loaded.cautions] == [
        "not applied: attn_implementation of config.json",
        "not applied: experts_implementation of config.json",
    ]


@pytest.mark.parametrize("name", ["text_config", "decoder", "generator"])
def test_a_model_in_a_model_that_has_none_is_refused_by_name(path: Path, name: str) -> None:
    edit_json(path / "config.json", **{name: {"hidden_size": 3}})
    with pytest.raises(CheckpointError, match=f"{name} describes a model in the model"):
        refuse_unauditable(open_checkpoint(path))


def test_ends_that_servers_do_not_share_are_told(path: Path) -> None:
    ordinary = 400
    edit_json(path / "generation_config.json", eos_token_id=[ordinary, 10**6])
    tokenizer_end, word, none = load(path).cautions[-3:]
    assert "token 1 of the tokenizer" in tokenizer_end
    assert f"token {ordinary} of generation_config.json ('" in word
    assert "no special token" in word
    assert f"token {10**6}, which the tokenizer has not" in none
