"""What cannot be audited is refused by name, in one line, before a weight is read."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("transformers")

import torch

from gatekeeper import catalog
from gatekeeper.checkpoint.describe import describe
from gatekeeper.checkpoint.open import Checkpoint, open_checkpoint
from gatekeeper.cli import run
from gatekeeper.engine.model.load import load_model
from gatekeeper.engine.model.unsupported import refuse_unhookable
from gatekeeper.errors import CheckpointError
from tests.engine import zoo
from tests.engine.tiny_checkpoint import folder, listed
from tests.engine.tiny_loaded import tokenizer

SUITE = Path(__file__).resolve().parents[3] / "demo" / "suite"
ROUTED = {"num_hidden_layers": 1, "num_experts": 4, "num_experts_per_tok": 2}


@pytest.fixture
def unread(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reading a weight, be it to hash it, is a failure."""

    def read(*_args: Any, **_kwargs: Any) -> None:
        raise AssertionError("a weight was read")

    monkeypatch.setattr(Checkpoint, "reference", read)
    monkeypatch.setattr("transformers.AutoModelForCausalLM.from_pretrained", read)


@pytest.fixture
def audit(unread: None, capsys: pytest.CaptureFixture[str]) -> Callable[[Path], str]:
    """Audits a checkpoint that is refused; returns the line of error."""

    def refused(checkpoint: Path) -> str:
        out = checkpoint.parent / "out"
        assert run(["audit", str(checkpoint), "--suite", str(SUITE), "--out", str(out)]) == 3
        captured = capsys.readouterr()
        errors = [x for x in captured.err.splitlines() if x.startswith("gatekeeper: error:")]
        assert len(errors) == 1, captured.err
        assert "Traceback" not in captured.err
        assert " → " in errors[0]
        return errors[0]

    return refused


def routed(path: Path, **config: Any) -> Path:
    return folder(path / "candidate", {"model_type": "qwen3_moe"} | ROUTED | config, listed([0]))


def test_every_family_that_is_refused_says_why_and_what_to_do() -> None:
    refused = {
        name: architecture
        for name in catalog.names("architecture")
        if (architecture := catalog.load("architecture", name)).refused
    }
    assert sorted(refused) == ["doge", "nllb-moe", "switch-transformers"]
    assert all(a.remedy for a in refused.values())


@pytest.mark.parametrize(
    ("model_type", "why"),
    [
        ("doge", "product keys"),
        ("switch_transformers", "encoder-decoder"),
        ("nllb-moe", "encoder-decoder"),
    ],
)
def test_a_family_with_a_reason_of_its_own(
    model_type: str, why: str, tmp_path: Path, audit: Callable[[Path], str]
) -> None:
    line = audit(routed(tmp_path, model_type=model_type))
    assert f"{model_type} is not audited" in line
    assert why in line


@pytest.mark.parametrize("model_type", ["doge", "switch_transformers", "nllb-moe"])
def test_the_same_from_a_real_checkpoint(
    model_type: str, tmp_path: Path, audit: Callable[[Path], str]
) -> None:
    """Their layouts are not known to `describe`: the reason must come first all the same."""
    path = tmp_path / "candidate"
    real(model_type).save_pretrained(path)
    assert f"{model_type} is not audited" in audit(path)
    with pytest.raises(CheckpointError, match="in a way Gatekeeper does not know"):
        describe(open_checkpoint(path))


def real(model_type: str) -> Any:
    from transformers import CONFIG_MAPPING, AutoModelForCausalLM, AutoModelForSeq2SeqLM

    if model_type == "doge":
        made = zoo.config("doge", num_experts=16, is_moe=True, intermediate_size=32)
        return AutoModelForCausalLM.from_config(made)
    sizes = {"d_model": 16, "d_ff": 16, "d_kv": 8, "num_layers": 2, "num_decoder_layers": 2}
    sizes |= {"encoder_layers": 2, "decoder_layers": 2, "encoder_ffn_dim": 16}
    sizes |= {"decoder_ffn_dim": 16, "num_heads": 2, "encoder_attention_heads": 2}
    sizes |= {"decoder_attention_heads": 2, "vocab_size": 64, "num_experts": 4}
    sizes |= {"encoder_sparse_step": 1, "decoder_sparse_step": 1}
    sizes |= {"num_sparse_encoder_layers": 1, "num_sparse_decoder_layers": 1}
    default = CONFIG_MAPPING[model_type]()
    accepted = {k: v for k, v in sizes.items() if hasattr(default, k)}
    return AutoModelForSeq2SeqLM.from_config(CONFIG_MAPPING[model_type](**accepted))


@pytest.mark.parametrize("model_type", ["qwen3_vl_moe", "mistral4", "glm4v_moe", "no_such_type"])
def test_a_type_that_is_no_causal_language_model(
    model_type: str, tmp_path: Path, audit: Callable[[Path], str]
) -> None:
    path = routed(tmp_path, model_type=model_type)
    line = audit(path)
    assert f"transformers 5.23 has no causal language model of type {model_type}" in line
    assert describe(open_checkpoint(path)).is_moe


def test_layers_that_share_keys_and_values(tmp_path: Path, audit: Callable[[Path], str]) -> None:
    checkpoint = routed(tmp_path, model_type="gemma4_text", num_kv_shared_layers=2)
    line = audit(checkpoint)
    assert "config.json: num_kv_shared_layers is 2" in line


def test_every_auditable_family_passes() -> None:
    from gatekeeper.engine.model.unsupported import refuse_architecture

    for family in zoo.AUDITABLE:
        config = {"model_type": family}
        refuse_architecture(Checkpoint(path=Path(), revision=None, config=config, tensors={}))


@pytest.mark.parametrize("setting", [{"num_beams": 4}, {"num_return_sequences": 2}])
@pytest.mark.parametrize("file", ["generation_config.json", "config.json"])
def test_what_is_served_is_not_decoded_greedily(
    setting: dict[str, int], file: str, tmp_path: Path, audit: Callable[[Path], str]
) -> None:
    path = routed(tmp_path, **(setting if file == "config.json" else {}))
    if file == "generation_config.json":
        (path / file).write_text(json.dumps(setting), encoding="utf-8")
    line = audit(path)
    (name,) = setting
    assert name in line
    assert f"{file}: " in line
    assert "greedily" in line


def test_one_beam_and_one_reply_are_no_reason(tmp_path: Path, unread: None) -> None:
    """As in transformers, a generation config takes the place of what config.json says."""
    path = routed(tmp_path, num_beams=4, model_type="qwen3_moe")
    greedy = json.dumps({"num_beams": 1, "num_return_sequences": 1, "do_sample": False})
    (path / "generation_config.json").write_text(greedy, encoding="utf-8")
    out = tmp_path / "out"
    with pytest.raises(AssertionError, match="a weight was read"):
        run(["audit", str(path), "--suite", str(SUITE), "--out", str(out)])


def test_mxfp4_that_nobody_unpacks(tmp_path: Path, audit: Callable[[Path], str]) -> None:
    line = audit(routed(tmp_path, quantization_config={"quant_method": "mxfp4"}))
    assert "mxfp4" in line
    assert "qwen3_moe" in line
    assert "bfloat16" in line


def refusal(model: Any) -> str:
    with pytest.raises(CheckpointError) as caught:
        refuse_unhookable(model, "candidate")
    assert caught.value.where == "candidate"
    assert caught.value.remedy
    return caught.value.message


def test_a_model_as_loaded_can_be_hooked() -> None:
    refuse_unhookable(zoo.build("mixtral"), "candidate")


def test_a_compiled_model_is_refused() -> None:
    model = zoo.build("mixtral")
    model.model.layers[1].mlp.compile()
    assert "compiled" in refusal(model)


def test_a_model_wrapped_by_the_compiler_is_refused() -> None:
    model = zoo.build("mixtral")
    model.model.layers[1].mlp = torch.compile(model.model.layers[1].mlp)
    assert "compiled" in refusal(model)
    assert "compiled" in refusal(torch.compile(zoo.build("mixtral")))


def test_a_model_that_runs_in_kernels_is_refused() -> None:
    model = zoo.build("mixtral")
    assert model.use_kernels is False
    model._use_kernels = True  # what set_use_kernels leaves behind, without fetching any kernel
    assert "kernels" in refusal(model)


def test_experts_still_packed_after_loading_are_refused() -> None:
    from transformers.integrations import Mxfp4GptOssExperts

    model = zoo.build("gpt_oss", intermediate_size=64)
    model.model.layers[0].mlp.experts = Mxfp4GptOssExperts(model.config)
    assert "still quantised" in refusal(model)


#: The 16 values of four bits.
FP4 = torch.tensor([0, 0.5, 1, 1.5, 2, 3, 4, 6, -0.0, -0.5, -1, -1.5, -2, -3, -4, -6])


def packed(model: Any) -> dict[str, torch.Tensor]:
    """The model's state as OpenAI publishes it, drawing the experts anew from what fits MXFP4."""
    generator = torch.Generator().manual_seed(5)
    state = {}
    for name, tensor in model.state_dict().items():
        if not name.endswith(("experts.gate_up_proj", "experts.down_proj")):
            state[name] = tensor
            continue
        experts, columns, rows = tensor.shape
        shape = (experts, rows, columns // 32, 32)
        code = torch.randint(0, 16, shape, generator=generator)
        scale = torch.randint(124, 127, shape[:-1], generator=generator)
        weight = FP4[code] * torch.exp2(scale.float() - 127)[..., None]
        tensor.copy_(weight.view(experts, rows, columns).transpose(1, 2))
        state[f"{name}_blocks"] = (code[..., ::2] | code[..., 1::2] << 4).to(torch.uint8)
        state[f"{name}_scales"] = scale.to(torch.uint8)
    return state


@pytest.fixture
def mxfp4(tmp_path: Path) -> tuple[Any, Path]:
    """A tiny GPT-OSS and its packed checkpoint."""
    from safetensors.torch import save_file

    model = zoo.build("gpt_oss", intermediate_size=64)
    model.config.save_pretrained(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text(encoding="utf-8"))
    config["quantization_config"] = {"quant_method": "mxfp4", "modules_to_not_convert": ["lm_head"]}
    (tmp_path / "config.json").write_text(json.dumps(config), encoding="utf-8")
    tokenizer().save_pretrained(tmp_path)
    save_file({n: t.contiguous() for n, t in packed(model).items()}, tmp_path / "model.safetensors")
    return model, tmp_path


def test_mxfp4_is_described_as_what_it_unpacks_to(mxfp4: tuple[Any, Path]) -> None:
    model, path = mxfp4
    description = describe(open_checkpoint(path))
    assert description.dtype == "mxfp4"
    assert [(s.layer, s.experts, s.top_k) for s in description.sites] == [
        (i, 8, 2) for i in range(4)
    ]
    assert description.parameters == sum(p.numel() for p in model.parameters())
    routed = sum(p.numel() for n, p in model.named_parameters() if ".experts." in n)
    assert description.parameters - description.active_parameters == routed * 6 // 8


def test_mxfp4_is_unpacked_while_loading(mxfp4: tuple[Any, Path]) -> None:
    model, path = mxfp4
    description = describe(open_checkpoint(path))
    loaded = load_model(path, description, device=torch.device("cpu"), dtype=torch.float32)
    assert [type(s.experts).__name__ for s in loaded.sites] == ["GptOssExperts"] * 4
    expected = dict(model.named_parameters())
    for name, parameter in loaded.model.named_parameters():
        assert torch.equal(parameter, expected[name]), name


def test_unpacking_is_asked_for_where_kernels_could_do_without(
    mxfp4: tuple[Any, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a CPU transformers unpacks unasked; on a GPU with kernels it would not."""
    from transformers.quantizers.quantizer_mxfp4 import Mxfp4HfQuantizer

    asked = []
    monkeypatch.setattr(
        Mxfp4HfQuantizer,
        "validate_environment",
        lambda self, *_args, **_kwargs: asked.append(self.quantization_config.dequantize),
    )
    _, path = mxfp4
    description = describe(open_checkpoint(path))
    load_model(path, description, device=torch.device("cpu"), dtype=torch.float32)
    assert asked == [True]


def test_loading_ends_at_a_model_that_cannot_be_hooked(
    mxfp4: tuple[Any, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    model, path = mxfp4
    model.compile()
    monkeypatch.setattr(
        "transformers.AutoModelForCausalLM.from_pretrained",
        lambda *_a, **_k: (
            model,
            {"missing_keys": [], "unexpected_keys": [], "mismatched_keys": []},
        ),
    )
    description = describe(open_checkpoint(path))
    with pytest.raises(CheckpointError, match="compiled"):
        load_model(path, description, device=torch.device("cpu"), dtype=torch.float32)
