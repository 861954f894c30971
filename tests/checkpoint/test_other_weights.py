"""What lies beside the weights: refused where some loader would take it, else told by name."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from gatekeeper.checkpoint.open import open_checkpoint
from gatekeeper.errors import CheckpointError
from tests.engine.tiny_checkpoint import folder, header, write

CONFIG = {"model_type": "llama", "num_hidden_layers": 1}
INDEX = "model.safetensors.index.json"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return folder(tmp_path / "candidate", CONFIG)


def refusal(path: Path) -> str:
    with pytest.raises(CheckpointError) as caught:
        open_checkpoint(path)
    assert caught.value.remedy
    return str(caught.value)


def index(path: Path, weight_map: dict[str, str], name: str = INDEX) -> None:
    (path / name).write_text(json.dumps({"weight_map": weight_map}))


def shards(path: Path, *names: str) -> None:
    for number, name in enumerate(names):
        write(path / name, header({f"w{number}": ("F32", [2])}))


def test_a_folder_of_one_model_has_nothing_to_tell(path: Path) -> None:
    names = ("README.md", "training_args.bin", "tokenizer.json", "optimizer.pt", "merges.txt")
    copies = ("config.json.bak", "chat_template.jinja.old", "tokenizer.json~", "vocab.json.gz")
    others = ("logo.ico", "a.wav", "k.cu", "x.js", "uv.lock", "t.tsv", "t.parquet", "w.sha512")
    more = ("LICENSE", "Notice.en", "tokenizer.model.v3", "Thumbs.db", "Changelog", "latest")
    for name in (*names, *copies, *others, *more):
        (path / name).write_text("{}")
    (path / ".cache").mkdir()
    (path / ".cache" / "model.gguf").touch()
    assert open_checkpoint(path).cautions == ()


def test_a_single_file_and_an_index_of_shards(path: Path) -> None:
    shards(path, "model-00001-of-00001.safetensors")
    index(path, {"w0": "model-00001-of-00001.safetensors"})
    said = refusal(path)
    assert "two sets of weights: model.safetensors, which transformers loads" in said
    assert "model-00001-of-00001.safetensors" in said
    assert "vLLM" in said


def test_a_single_file_and_an_index_whose_shards_are_gone(path: Path) -> None:
    index(path, {"w": "gone.safetensors"})
    assert "two sets of weights" in refusal(path)


def test_an_index_of_the_single_file_is_no_second_set(path: Path) -> None:
    index(path, {"w": "model.safetensors"})
    assert open_checkpoint(path).cautions == ()


def test_an_index_that_names_one_of_two_sets_of_shards(tmp_path: Path) -> None:
    path = folder(tmp_path, CONFIG)
    (path / "model.safetensors").unlink()
    shards(path, "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors")
    shards(path, "old-00001-of-00001.safetensors")
    both = {"w0": "model-00001-of-00002.safetensors", "w1": "model-00002-of-00002.safetensors"}
    index(path, both)
    assert "old-00001-of-00001.safetensors" in refusal(path)
    (path / "old-00001-of-00001.safetensors").unlink()
    assert open_checkpoint(path).cautions == ()


@pytest.mark.parametrize(
    "name",
    [
        "consolidated.safetensors",
        "model.fp16.safetensors",
        "adapter_model.safetensors",
        "Model.SafeTensors",
        "model.safetensors.index.fp16.json",
    ],
)
def test_other_safetensors_are_refused_by_name(path: Path, name: str) -> None:
    shutil.copy(path / "model.safetensors", path / name)
    assert name in refusal(path)


@pytest.mark.parametrize(
    "name",
    [
        "pytorch_model.bin",
        "pytorch_model-00001-of-00002.bin",
        "tf_model.h5",
        "flax_model.msgpack",
        "candidate-Q4_K_M.gguf",
        "consolidated.00.pth",
        "model.onnx",
        "weights.bin",
        "model.pickle",
        "model.keras",
        "model.safetensors.bak",
        "model.bin.gz",
        "weights~",
        "Modelfile",
        "weights",
        "dump.tar.zst",
        "old/weights.bin",
        "tekken.json",
        "params.json",
        "quantize_config.json",
        "original/consolidated.00.pth",
        "checkpoint-500/model.safetensors",
        "custom_generate/generate.py",
    ],
)
def test_what_only_loaders_that_are_told_to_take_is_told(path: Path, name: str) -> None:
    (path / name).parent.mkdir(exist_ok=True)
    (path / name).write_text("x")
    (caution,) = open_checkpoint(path).cautions
    assert caution.startswith("not audited: ")
    assert name.removesuffix("/generate.py") in caution


def test_a_quantiser_of_its_own_file(path: Path) -> None:
    (path / "hf_quant_config.json").write_text("{}")
    assert "hf_quant_config.json" in refusal(path)


@pytest.mark.parametrize(
    ("name", "value", "server"),
    [
        ("speculators_config", {"verifier": {"name_or_path": "other"}}, "vLLM"),
        ("medusa_num_heads", 4, "Text Generation Inference"),
    ],
)
def test_a_draft_that_names_the_model_to_serve(
    tmp_path: Path, name: str, value: object, server: str
) -> None:
    path = folder(tmp_path / "candidate", CONFIG | {name: value})
    assert f"{name} has {server} take these weights for a draft only" in refusal(path)
    assert open_checkpoint(path, served=False).cautions == ()
    assert open_checkpoint(folder(tmp_path / "none", CONFIG | {name: None})).cautions == ()


def test_a_judges_model_is_loaded_by_nobody_else(path: Path) -> None:
    shutil.copy(path / "model.safetensors", path / "consolidated.safetensors")
    assert open_checkpoint(path, served=False).cautions == ()


def test_a_tensor_in_a_shard_that_the_index_does_not_name(path: Path) -> None:
    (path / "model.safetensors").unlink()
    write(path / "one.safetensors", header({"a": ("F32", [2]), "b": ("F32", [2])}))
    index(path, {"a": "one.safetensors"})
    assert "holds b, which model.safetensors.index.json does not name" in refusal(path)


@pytest.mark.parametrize(
    ("file", "entries"),
    [
        ("config.json", {**CONFIG, "auto_map": {"AutoModelForCausalLM": "m.M"}}),
        ("config.json", {**CONFIG, "text_config": {"auto_map": {"AutoConfig": "m.M"}}}),
        ("processor_config.json", {"auto_map": {"AutoProcessor": "m.M"}}),
        ("generation_config.json", {"auto_map": "m.M"}),
        ("video_preprocessor_config.json", {"auto_map": ["m.M", None]}),
        ("config.json", {**CONFIG, "a": {"b": [{"c": {"auto_map": {"d": "m.M"}}}]}}),
        ("config.json", {**CONFIG, "custom_pipelines": {"chat": {"impl": "m.P"}}}),
    ],
)
def test_code_beside_a_native_type_is_to_be_removed(
    path: Path, file: str, entries: dict[str, Any]
) -> None:
    pytest.importorskip("transformers")
    (path / file).write_text(json.dumps(entries))
    assert "llama is transformers' own: remove " in refusal(path)


@pytest.mark.parametrize("nothing", [None, {}, []])
@pytest.mark.parametrize("name", ["auto_map", "custom_pipelines"])
def test_code_that_is_none_is_no_matter(path: Path, name: str, nothing: object) -> None:
    (path / "config.json").write_text(json.dumps({**CONFIG, name: nothing}))
    (path / "tokenizer_config.json").write_text(json.dumps({name: nothing}))
    assert open_checkpoint(path).cautions == ()


@pytest.mark.parametrize("name", ["quantization_config", "compression_config"])
def test_quantisation_that_sets_nothing_is_none(tmp_path: Path, name: str) -> None:
    assert open_checkpoint(folder(tmp_path, CONFIG | {name: {}})).cautions == ()


def test_compression_that_vllm_reads_and_transformers_does_not(tmp_path: Path) -> None:
    path = folder(tmp_path, CONFIG | {"compression_config": {"format": "pack-quantized"}})
    assert "compressed-tensors" in refusal(path)


def test_quantisation_of_the_text_model_is_not_hidden_by_a_null(tmp_path: Path) -> None:
    text = {"quantization_config": {"quant_method": "awq"}}
    empty: tuple[dict[str, str] | None, ...] = (None, {})
    for nothing in empty:
        path = folder(tmp_path, CONFIG | {"quantization_config": nothing, "text_config": text})
        assert "awq" in refusal(path)


@pytest.mark.parametrize(
    ("file", "template", "told"),
    [
        ("tokenizer_config.json", "{{ messages }}", False),
        ("tokenizer_config.json", "{{ messages }}\n", False),
        ("tokenizer_config.json", "{{ other }}", True),
        ("tokenizer_config.json", [{"name": "default", "template": "{{ other }}"}], True),
        ("tokenizer_config.json", [{"name": "tool_use", "template": "{{ other }}"}, 5], False),
        ("chat_template.json", "{{ other }}", True),
        ("chat_template.json", 5, True),
        ("processor_config.json", "{{ other }}", True),
        ("preprocessor_config.json", "{{ other }}", True),
        ("processor_config.json", "{{ messages }}", False),
    ],
)
def test_a_second_chat_template_is_told(path: Path, file: str, template: Any, told: bool) -> None:
    (path / file).write_text(json.dumps({"chat_template": template}))
    assert open_checkpoint(path).cautions == ()
    (path / "chat_template.jinja").write_text("{{ messages }}\n")
    cautions = open_checkpoint(path).cautions
    assert [file in line for line in cautions] == [True] * told


def test_chat_templates_that_differ_are_told_without_a_jinja_file_too(path: Path) -> None:
    for name, text in {"tokenizer_config.json": "{{ a }}", "chat_template.json": "{{ b }}"}.items():
        (path / name).write_text(json.dumps({"chat_template": text}))
    (told,) = open_checkpoint(path).cautions
    assert "in chat_template.json, which is not that of tokenizer_config.json" in told


def test_the_folder_of_templates_goes_first_as_in_transformers(path: Path) -> None:
    (path / "additional_chat_templates").mkdir()
    (path / "additional_chat_templates" / "default.jinja").write_text("{{ a }}")
    (path / "chat_template.jinja").write_text("{{ b }}")
    (told,) = open_checkpoint(path).cautions
    assert "in chat_template.jinja, which is not that of additional_chat_templates" in told


@pytest.mark.parametrize(
    "name",
    ["chat_template.jinja", *(f"additional_chat_templates/{n}.jinja" for n in ("default", "rag"))],
)
def test_a_template_without_end_is_refused(path: Path, name: str) -> None:
    (path / name).parent.mkdir(exist_ok=True)
    with (path / name).open("wb") as file:
        file.truncate(1_000_000)
        open_checkpoint(path)
        file.truncate(1 << 40)
    assert ": larger than 1 MB" in refusal(path)  # a long path is shortened before it


@pytest.mark.parametrize("name", ["tokenizer_config.json", "chat_template.json"])
@pytest.mark.parametrize("listed", [False, True])
def test_so_is_a_long_one_in_json(path: Path, name: str, listed: bool) -> None:
    long = "{#" + "x" * 1_000_000 + "#}"
    said = [{"name": "rag", "template": long}] if listed else long
    (path / name).write_text(json.dumps({"chat_template": said}))
    assert f"{name}: its chat template is larger than 1 MB" in refusal(path)


@pytest.mark.parametrize("nest", [False, True])
def test_two_formats_of_numbers_are_told(tmp_path: Path, nest: bool) -> None:
    both = {"dtype": "float16", "torch_dtype": "bfloat16"}
    path = folder(tmp_path, CONFIG | ({"sub_config": both} if nest else both))
    (told,) = open_checkpoint(path).cautions
    assert "dtype 'float16' and torch_dtype 'bfloat16'" in told
    same = {"dtype": "float16", "torch_dtype": "float16"}
    (path / "config.json").write_text(json.dumps(CONFIG | same))
    assert open_checkpoint(path).cautions == ()


def test_folders_too_full_to_look_through_are_told(path: Path) -> None:
    (path / "many").mkdir()
    for number in range(10_001):
        (path / "many" / f"{number}.txt").touch()
    (said,) = open_checkpoint(path).cautions
    assert said.endswith("(beyond 10,000 files nothing was looked at)")


def test_a_link_to_a_folder_is_named_and_not_followed(path: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside" / "deep"
    outside.mkdir(parents=True)
    (outside / "more.safetensors").touch()
    (path / "assets").mkdir()
    (path / "assets" / "away").symlink_to(outside)
    (path / "loop").symlink_to(".")
    (path / "root").symlink_to("/")
    (path / ".hidden").symlink_to("/")
    (said,) = open_checkpoint(path).cautions
    assert said.endswith(
        "in folders of the checkpoint: assets/away (a link), loop (a link), root (a link)"
    )
