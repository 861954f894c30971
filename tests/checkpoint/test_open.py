"""Opening: what is refused, by name and with a remedy, and which bytes a reference covers."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from gatekeeper.checkpoint.open import open_checkpoint
from gatekeeper.errors import CheckpointError, UsageError
from tests.engine.tiny_checkpoint import folder

CONFIG = {"model_type": "llama", "num_hidden_layers": 1}


def refusal(path: Path) -> CheckpointError:
    with pytest.raises(CheckpointError) as caught:
        open_checkpoint(path)
    assert caught.value.where and caught.value.remedy
    assert "\n" not in str(caught.value)
    return caught.value


def test_opens_with_config_and_tensors(tmp_path: Path) -> None:
    opened = open_checkpoint(folder(tmp_path / "candidate", CONFIG), revision="v1")
    assert opened.config == CONFIG
    assert opened.tensors["w"].shape == (2,)
    assert (opened.source, opened.revision) == ("candidate", "v1")


def test_source_is_the_directory_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = folder(tmp_path / "secret-project" / "candidate", CONFIG)
    assert open_checkpoint(path).reference().source == "candidate"
    monkeypatch.chdir(path)
    assert open_checkpoint(Path()).source == "candidate"


def test_not_there(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no such checkpoint"):
        open_checkpoint(tmp_path / "nope")


def test_not_a_directory(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert "not a directory" in refusal(tmp_path / "file").message


def test_no_config(tmp_path: Path) -> None:
    assert "has no config.json" in refusal(tmp_path).message


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "3", '{"a": 1, "a": 2}', '{"a": NaN}', "[" * 50_000]
)
def test_config_that_is_no_object(tmp_path: Path, text: str) -> None:
    path = folder(tmp_path, CONFIG)
    (path / "config.json").write_text(text, encoding="utf-8")
    assert "JSON" in refusal(path).message


@pytest.mark.parametrize("model_type", [None, 7])
def test_config_without_model_type(tmp_path: Path, model_type: object) -> None:
    path = folder(tmp_path, {"model_type": model_type})
    assert "names no model_type" in refusal(path).message


def test_remote_code_in_the_config_is_never_run(tmp_path: Path) -> None:
    auto_map = {"AutoModelForCausalLM": "modeling_x.X"}
    path = folder(tmp_path, CONFIG | {"auto_map": auto_map})
    assert "Gatekeeper never runs code from a checkpoint" in refusal(path).message


def test_remote_code_in_the_tokenizer_is_never_run(tmp_path: Path) -> None:
    path = folder(tmp_path, CONFIG)
    settings = {"auto_map": {"AutoTokenizer": ["x.X", None]}}
    (path / "tokenizer_config.json").write_text(json.dumps(settings), encoding="utf-8")
    refused = refusal(path)
    assert "never runs code" in refused.message
    assert str(refused.where).endswith("tokenizer_config.json")


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"quantization_config": {"quant_method": "gptq", "bits": 4}}, "gptq"),
        ({"text_config": {"quantization_config": {"quant_method": "awq"}}}, "awq"),
        ({"quantization_config": {"load_in_4bit": True}}, "bitsandbytes"),
        ({"quantization_config": {"load_in_8bit": True, "quant_method": "fp8"}}, "bitsandbytes"),
        ({"quantization_config": {"bits": 4}}, "does not name"),
        ({"quantization_config": "yes"}, "does not name"),
    ],
)
def test_packed_quantisation_is_refused(
    tmp_path: Path, settings: dict[str, Any], named: str
) -> None:
    refused = refusal(folder(tmp_path, CONFIG | settings))
    assert named in refused.message
    assert "dequantised" in str(refused.remedy)


@pytest.mark.parametrize(("method", "dtype"), [("fp8", "F8_E4M3"), ("mxfp4", "U8")])
def test_what_can_be_hooked_or_unpacked_is_opened(tmp_path: Path, method: str, dtype: str) -> None:
    settings = {"quantization_config": {"quant_method": method}}
    path = folder(tmp_path, CONFIG | settings, {"w": (dtype, [2])})
    assert open_checkpoint(path).config["quantization_config"]


def test_fp8_that_no_tensor_is_stored_in_is_refused(tmp_path: Path) -> None:
    settings = {"quantization_config": {"quant_method": "fp8"}}
    assert "no tensor is stored" in refusal(folder(tmp_path, CONFIG | settings)).message


def test_more_layers_than_tensors_are_refused_before_they_are_built(tmp_path: Path) -> None:
    refused = refusal(folder(tmp_path, CONFIG | {"num_hidden_layers": 10**9}))
    assert "1000000000 layers" in refused.message


def test_infinity_is_a_limit_that_configs_set(tmp_path: Path) -> None:
    path = folder(tmp_path, CONFIG | {"time_step_limit": [0.0, float("inf")]})
    assert open_checkpoint(path).config["time_step_limit"] == [0.0, float("inf")]


def test_a_damaged_generation_config_is_refused(tmp_path: Path) -> None:
    path = folder(tmp_path, CONFIG)
    (path / "generation_config.json").write_text("[1", encoding="utf-8")
    assert "not valid JSON" in refusal(path).message


@pytest.mark.parametrize("value", ["X", [5], ["a\x1b[1m"]])
def test_architectures_that_are_no_names(tmp_path: Path, value: object) -> None:
    refused = refusal(folder(tmp_path, CONFIG | {"architectures": value}))
    assert "architectures" in refused.message


def test_unprintable_names_are_refused_at_once(tmp_path: Path) -> None:
    path = folder(tmp_path / "candidate\x1b[1m", CONFIG)
    assert "unprintable" in refusal(path).message
    path = folder(tmp_path / "candidate", CONFIG)
    (path / "a\nb.jinja").touch()
    assert "unprintable" in refusal(path).message


def test_what_would_load_other_weights_is_refused(tmp_path: Path) -> None:
    redirected = folder(tmp_path / "a", CONFIG | {"transformers_weights": "x.safetensors"})
    assert "redirects" in refusal(redirected).message
    other = folder(tmp_path / "c", CONFIG | {"configuration_files": ["config.4.0.0.json"]})
    assert "configuration_files" in refusal(other).message
    for harmless in (None, [], ["config.json"]):
        open_checkpoint(folder(tmp_path / "d", CONFIG | {"configuration_files": harmless}))
    adapted = folder(tmp_path / "b", CONFIG)
    (adapted / "adapter_config.json").write_text("{}", encoding="utf-8")
    assert "adapter" in refusal(adapted).message


def test_messages_repeat_no_escapes(tmp_path: Path) -> None:
    method = "\x1b[31m::set-output::\n"
    path = folder(tmp_path, CONFIG | {"quantization_config": {"quant_method": method}})
    text = str(refusal(path))
    assert "\x1b" not in text
    assert "::" not in text


def test_the_reference_covers_what_a_loader_may_read_and_nothing_else(tmp_path: Path) -> None:
    path = folder(tmp_path, CONFIG)
    covered = ["tokenizer.json", "chat_template.jinja", "merges.txt", "spiece.model", "x.jinja"]
    unread = ["README.md", "LICENSE", "logo.png", "pytorch_model.bin", "model.gguf", ".gitignore"]
    for name in (*covered, *unread):
        (path / name).write_text(name, encoding="utf-8")
    for name in ("additional_chat_templates/tool.jinja", ".git/config"):
        (path / name).parent.mkdir()
        (path / name).write_text("t", encoding="utf-8")
    reference = open_checkpoint(path).reference()
    assert list(reference.files) == sorted(
        [*covered, "config.json", "model.safetensors", "additional_chat_templates/tool.jinja"]
    )
    for name, digest in reference.files.items():
        assert digest == hashlib.sha256((path / name).read_bytes()).hexdigest()


def test_one_changed_byte_changes_the_digest(tmp_path: Path) -> None:
    path = folder(tmp_path, CONFIG)
    before = open_checkpoint(path).reference().digest
    weights = bytearray((path / "model.safetensors").read_bytes())
    weights[-1] ^= 1
    (path / "model.safetensors").write_bytes(weights)
    assert open_checkpoint(path).reference().digest != before


def test_progress_reaches_the_total(tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    path = folder(tmp_path, CONFIG)
    open_checkpoint(path).reference(lambda done, total: seen.append((done, total)))
    sizes = sum((path / n).stat().st_size for n in ("config.json", "model.safetensors"))
    assert seen[-1] == (sizes, sizes)
    assert seen == sorted(seen)


def test_torch_is_not_imported(tmp_path: Path) -> None:
    path = folder(tmp_path, CONFIG)
    code = (
        "import sys, pathlib;"
        "from gatekeeper.checkpoint.open import open_checkpoint;"
        "from gatekeeper.checkpoint.describe import describe;"
        f"describe(open_checkpoint(pathlib.Path({str(path)!r})));"
        "assert not {'torch', 'transformers', 'safetensors', 'numpy'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize(
    "entry",
    [
        {"sliding_window": 10**90},
        {"vision_config": {"sizes": [{"depth": -(10**30)}]}},
        {"num_labels": 10**7},
    ],
)
def test_numbers_that_no_model_has_are_refused_by_name(tmp_path: Path, entry: Any) -> None:
    assert "which no model has" in str(refusal(folder(tmp_path, CONFIG | entry)))


@pytest.mark.parametrize("name", ["chat_template.jinja", "odd", "tokenizer/merges.txt"])
def test_a_pipe_in_a_checkpoint_is_refused(tmp_path: Path, name: str) -> None:
    """Not hashed here, and waited for or read elsewhere."""
    path = folder(tmp_path, CONFIG)
    (path / name).parent.mkdir(exist_ok=True)
    os.mkfifo(path / name)
    with pytest.raises(CheckpointError, match="neither a file nor a directory"):
        open_checkpoint(path)
    (path / name).rename((path / name).with_name(".hidden"))
    open_checkpoint(path)
