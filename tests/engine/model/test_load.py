"""Loading: every weight is the checkpoint's, and what the libraries raise is one line of ours."""

from __future__ import annotations

import json
import shutil
import struct
from pathlib import Path
from typing import Any

import pytest
import torch

from gatekeeper.checkpoint.describe import describe
from gatekeeper.checkpoint.open import open_checkpoint
from gatekeeper.engine.generate.batching import encode
from gatekeeper.engine.model.load import LoadedModel, load_model
from gatekeeper.engine.model.loaded_keys import refuse_other_weights
from gatekeeper.errors import CheckpointError
from tests.e2e.cli import HARDENED, edit_json
from tests.engine.tiny_loaded import prompt


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return Path(shutil.copytree(HARDENED, tmp_path / "candidate"))


def load(path: Path) -> LoadedModel:
    description = describe(open_checkpoint(path))
    return load_model(path, description, device=torch.device("cpu"), dtype=torch.float32)


def refusal(path: Path) -> str:
    with pytest.raises(CheckpointError) as caught:
        load(path)
    assert "\n" not in str(caught.value)
    assert caught.value.remedy
    return str(caught.value)


def edit_header(path: Path, change: Any) -> None:
    file = path / "model.safetensors"
    data = file.read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + length])
    change(header)
    raw = json.dumps(header).encode()
    file.write_bytes(struct.pack("<Q", len(raw)) + raw + data[8 + length :])


def test_the_demo_checkpoint_loads(path: Path) -> None:
    assert len(load(path).sites) == 4


@pytest.mark.parametrize(
    "name",
    [
        "model.layers.0.self_attn.q_proj.weight",
        "model.norm.weight",
        "model.embed_tokens.weight",
    ],
)
def test_a_weight_under_another_name_is_refused_by_name(path: Path, name: str) -> None:
    edit_header(path, lambda h: h.update({"zzz": h.pop(name)}))
    message = refusal(path)
    assert "random" in message
    assert name in message


def test_weights_that_the_config_has_no_use_for(path: Path) -> None:
    edit_json(path / "config.json", num_hidden_layers=3)
    message = refusal(path)
    assert "of no use" in message
    assert "model.layers.3." in message


def test_layers_for_multi_token_prediction_may_stay_unread(path: Path) -> None:
    edit_json(path / "config.json", num_hidden_layers=3, num_nextn_predict_layers=1)
    assert len(load(path).sites) == 3


def test_cached_tables_of_older_versions_may_stay_unread(path: Path) -> None:
    def add(header: dict[str, Any]) -> None:
        norm = header.pop("model.norm.weight")
        start, stop = norm["data_offsets"]
        header["model.norm.weight"] = norm
        end = max(e["data_offsets"][1] for k, e in header.items() if k != "__metadata__")
        header["model.layers.0.self_attn.rotary_emb.inv_freq"] = norm | {
            "data_offsets": [end, end + stop - start]
        }
        norm_bytes.append(stop - start)

    norm_bytes: list[int] = []
    edit_header(path, add)
    with (path / "model.safetensors").open("ab") as file:
        file.write(bytes(norm_bytes[0]))
    assert load(path).sites


def test_a_config_that_wants_tuples_gives_outputs_by_name_all_the_same(path: Path) -> None:
    edit_json(path / "config.json", return_dict=False)
    loaded = load(path)
    assert loaded.model(torch.tensor([[1, 2]])).logits.shape[:2] == (1, 2)


def test_another_model_type_on_these_weights(path: Path) -> None:
    edit_json(path / "config.json", model_type="mixtral", architectures=["MixtralForCausalLM"])
    assert "random" in refusal(path) or "of no use" in refusal(path)


def test_another_shape_is_named(path: Path) -> None:
    edit_json(path / "config.json", vocab_size=7)
    message = refusal(path)
    assert "another shape" in message
    assert "embed_tokens" in message


@pytest.mark.parametrize(
    "changes",
    [
        {"text_config": {"model_type": "qwen3_moe"}},
        {"hidden_size": "abc"},
        {"rope_parameters": "x"},
        {"num_attention_heads": 0},
        {"dtype": "nosuch"},
        {"hidden_act": "nosuch"},
    ],
)
def test_a_config_of_nonsense(path: Path, changes: dict[str, Any]) -> None:
    edit_json(path / "config.json", **changes)
    assert "transformers cannot load" in refusal(path)


@pytest.mark.parametrize("changes", [{"type": "Nope"}, {"vocab": {}}])
def test_a_tokenizer_model_of_nonsense(path: Path, changes: dict[str, Any]) -> None:
    data = json.loads((path / "tokenizer.json").read_text())
    data["model"].update(changes)
    (path / "tokenizer.json").write_text(json.dumps(data))
    assert "the tokenizer cannot be loaded" in refusal(path)


@pytest.mark.parametrize(
    ("part", "value"),
    [
        ("decoder", {"type": "Metaspace"}),
        ("post_processor", {"type": "TemplateProcessing"}),
        ("normalizer", {"type": "Replace", "pattern": {"Regex": "("}, "content": ""}),
        ("pre_tokenizer", 5),
        ("model", {}),
        ("added_tokens", 4),
    ],
)
def test_a_part_of_a_tokenizer_that_cannot_be_read_is_named(
    path: Path, part: str, value: Any
) -> None:
    edit_json(path / "tokenizer.json", **{part: value})
    message = refusal(path)
    assert "the tokenizer cannot be loaded" in message
    assert f"mend the {part} of tokenizer.json" in message


@pytest.mark.parametrize("kind", ["sliding_attention", "linear_attention", "chunked_attention"])
def test_layers_that_load_and_cannot_run(path: Path, kind: str) -> None:
    edit_json(path / "config.json", layer_types=[kind] * 4)
    said = refusal(path)
    assert "the model loads, and fails on its first token (" in said
    assert "mend config.json" in said


def test_a_tokenizer_class_that_is_no_name(path: Path) -> None:
    edit_json(path / "tokenizer_config.json", tokenizer_class=5)
    assert "the tokenizer cannot be loaded" in refusal(path)


def test_token_ids_beyond_the_embedding(path: Path) -> None:
    data = json.loads((path / "tokenizer.json").read_text())
    vocabulary = data["model"]["vocab"]
    vocabulary[list(vocabulary)[-1]] += 100_000
    (path / "tokenizer.json").write_text(json.dumps(data))
    message = refusal(path)
    assert "1536 rows" in message


@pytest.mark.parametrize("template", ["{{ 1/0 }}", "{{ '' }}", "always the same", "{% for %}"])
def test_a_chat_template_that_is_no_use(path: Path, template: str) -> None:
    (path / "chat_template.jinja").write_text(template)
    loaded = load(path)
    with pytest.raises(CheckpointError, match="chat template"):
        encode(loaded, [prompt(0, "one"), prompt(1, "two")], None, 4)


def test_an_added_token_without_a_row_is_refused_once_a_prompt_has_it(path: Path) -> None:
    edit_json(path / "tokenizer_config.json", extra_special_tokens=["<|image|>"])
    loaded = load(path)
    assert encode(loaded, [prompt(0, "one")], None, 4)
    with pytest.raises(CheckpointError, match="the embedding has 1536 rows") as caught:
        encode(loaded, [prompt(0, "an <|image|>")], None, 4)
    assert "('<|image|>', an added token of tokenizer.json, tokenizer_config" in str(caught.value)


def test_a_prompt_knows_whether_tokenizer_json_alone_cuts_it_otherwise(path: Path) -> None:
    ask = [prompt(0, "Sorry, how do I open 12 Lamps?")]
    assert [e.otherwise for e in encode(load(path), ask, None, 4)] == [False]
    merges = json.loads((path / "tokenizer.json").read_text())
    merges["model"]["merges"] = []
    loaded = load(path)
    (path / "tokenizer.json").write_text(json.dumps(merges))
    assert [e.otherwise for e in encode(loaded, ask, None, 4)] == [True]


def test_settings_of_quantisation_that_set_nothing_are_none(path: Path) -> None:
    edit_json(path / "config.json", quantization_config={})
    assert load(path).sites


def test_towers_of_a_multimodal_checkpoint_may_stay_unread_and_nothing_else() -> None:
    class Config:
        num_hidden_layers = 4
        vision_config: Any = None

        def get_text_config(self) -> Config:
            return self

    config = Config()
    info = {"missing_keys": set(), "mismatched_keys": set(), "unexpected_keys": {"vision_tower.w"}}
    with pytest.raises(CheckpointError, match="of no use"):
        refuse_other_weights("x", config, info)
    config.vision_config = object()
    refuse_other_weights("x", config, info)
    info["unexpected_keys"] |= {f"model.layers.4.{i}" for i in range(5)}
    with pytest.raises(CheckpointError, match=r"5 tensors .* and 2 more"):
        refuse_other_weights("x", config, info)


def copied(path: Path, name: str, again: str) -> None:
    """Stores a tensor a second time, as zeros."""

    def change(header: dict[str, Any]) -> None:
        start, stop = header[name]["data_offsets"]
        end = max(entry["data_offsets"][1] for entry in header.values() if "shape" in entry)
        header[again] = {**header[name], "data_offsets": [end, end + stop - start]}

    edit_header(path, change)
    header = read_header_of(path)
    start, stop = header[again]["data_offsets"]
    with (path / "model.safetensors").open("ab") as file:
        file.write(bytes(stop - start))


def read_header_of(path: Path) -> dict[str, Any]:
    data = (path / "model.safetensors").read_bytes()
    header: dict[str, Any] = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
    return header


@pytest.mark.parametrize(
    "name",
    [
        "model.embed_tokens.weight",
        "model.layers.1.self_attn.q_proj.weight",
        "model.layers.1.mlp.experts.2.up_proj.weight",
        "model.norm.weight",
    ],
)
@pytest.mark.parametrize("prefix", ["", "model.model.", "transformer.model."])
def test_two_tensors_for_one_parameter(path: Path, name: str, prefix: str) -> None:
    copied(path, name, prefix + name.removeprefix("model."))
    said = refusal(path)
    assert "stores a part of the model twice" in said
    assert name in said
    assert prefix + name.removeprefix("model.") in said


def test_two_names_that_only_transformers_takes_for_one(path: Path) -> None:
    copied(path, "model.norm.weight", "model_model.norm.weight")  # its pattern: `^model.`
    assert "twice, as model.norm.weight and as model_model.norm.weight" in refusal(path)


@pytest.mark.parametrize("name", ["mtp.layers.0.norm.weight", "vision_tower.layers.0.norm.weight"])
def test_parts_with_layers_of_their_own_are_stored_once(path: Path, name: str) -> None:
    copied(path, "model.norm.weight", name)
    assert open_checkpoint(path)
