"""What the headers of the weights tell `inspect`, and what it does not guess at."""

from __future__ import annotations

from pathlib import Path

import pytest

from gatekeeper.errors import CheckpointError
from tests.checkpoint.test_describe import SMALL, TABLED, described
from tests.engine.tiny_checkpoint import folder, listed


def test_experts_packed_into_integers_are_not_guessed_at(tmp_path: Path) -> None:
    tensors = {n: ("U8" if ".experts." in n else d, s) for n, (d, s) in listed([0]).items()}
    with pytest.raises(CheckpointError, match="layer 0 are stored as integers"):
        described(folder(tmp_path, SMALL | TABLED, tensors))


@pytest.mark.parametrize("shape", [[4, 8, 1, 16], [32, 8]])
def test_a_tensor_of_experts_that_nobody_can_count_is_refused(
    tmp_path: Path, shape: list[int]
) -> None:
    """MXFP4 blocks without their scales, for one."""
    tensors = {"model.layers.0.mlp.router.weight": ("F32", [4, 8])}
    tensors["model.layers.0.mlp.experts.gate_up_proj_blocks"] = ("U8", shape)
    tensors["model.layers.0.mlp.experts.gate_up_proj_bias"] = ("F32", [4, 8])
    with pytest.raises(CheckpointError, match=r"does not know .*gate_up_proj_blocks"):
        described(folder(tmp_path, SMALL | TABLED, tensors))


@pytest.mark.parametrize("suffix", [".scale", ".weight_scale_inv", ".qscale_weight"])
def test_scales_of_eight_bit_weights_are_no_parameters(tmp_path: Path, suffix: str) -> None:
    plain = described(folder(tmp_path / "a", SMALL | TABLED, listed([0])))
    tensors = {n: ("F8_E4M3" if "expert" in n else d, s) for n, (d, s) in listed([0]).items()}
    scales = {n.removesuffix(".weight") + suffix: ("F32", [1, 1]) for n in tensors if "expert" in n}
    quantised = described(folder(tmp_path / "b", SMALL | TABLED, tensors | scales))
    assert quantised.parameters == plain.parameters
    assert quantised.active_parameters == plain.active_parameters


def test_a_scale_that_scales_no_eight_bit_weight_is_a_parameter(tmp_path: Path) -> None:
    tensors = listed([0]) | {"model.layers.0.clip.scale": ("F32", [3])}
    tensors["model.layers.0.clip.weight"] = ("F32", [5])
    plain = described(folder(tmp_path / "a", SMALL | TABLED, listed([0])))
    more = described(folder(tmp_path / "b", SMALL | TABLED, tensors))
    assert more.parameters == plain.parameters + 8


def test_a_missing_expert_tensor_is_refused(tmp_path: Path) -> None:
    tensors = listed([0])
    del tensors["model.layers.0.mlp.experts.2.down_proj.weight"]
    config = SMALL | {"num_experts": 4, "num_experts_per_tok": 2}
    with pytest.raises(CheckpointError, match="some tensors of the 4 experts of layer 0"):
        described(folder(tmp_path, config, tensors))


def test_experts_without_a_router_are_refused(tmp_path: Path) -> None:
    tensors = listed([0])
    del tensors["model.layers.0.mlp.gate.weight"]
    config = SMALL | {"num_experts": 4, "num_experts_per_tok": 2}
    with pytest.raises(CheckpointError, match="4 experts, but no router"):
        described(folder(tmp_path, config, tensors))


def test_a_layout_nobody_knows_is_not_called_dense(tmp_path: Path) -> None:
    tensors = {"model.layers.0.mlp.router_gate.weight": ("F32", [4, 8])}
    with pytest.raises(CheckpointError, match="laid out in a way"):
        described(folder(tmp_path, SMALL, tensors))


def test_a_config_that_names_experts_the_weights_lack_is_dense(tmp_path: Path) -> None:
    tensors = {"model.layers.0.mlp.up_proj.weight": ("F32", [4, 8])}
    config = SMALL | {"num_experts": 8, "num_experts_per_tok": 2}
    assert not described(folder(tmp_path, config, tensors)).is_moe


def test_layers_for_multi_token_prediction_count_nowhere(tmp_path: Path) -> None:
    config = SMALL | {"num_experts": 4, "num_experts_per_tok": 2}
    plain = described(folder(tmp_path / "a", config, listed([0, 1])))
    extra = listed([0, 1, 2])
    for name in ("mtp.layers.0", "model.mtp.layers.1", "model.mtp_layers.0"):
        extra[f"{name}.mlp.up_proj.weight"] = ("F32", [4, 8])
    assert described(folder(tmp_path / "b", config, extra)) == plain


def test_a_tied_head_stored_all_the_same_counts_once(tmp_path: Path) -> None:
    config = SMALL | {"num_experts": 4, "num_experts_per_tok": 2}
    tensors = listed([0, 1]) | {"lm_head.weight": ("F32", [16, 8])}
    untied = described(folder(tmp_path / "a", config, tensors)).parameters
    tied = described(folder(tmp_path / "b", config | {"tie_word_embeddings": True}, tensors))
    assert untied - tied.parameters == 16 * 8


def test_dtype_is_that_of_most_weights(tmp_path: Path) -> None:
    tensors = {"big": ("BF16", [100]), "small": ("F32", [10])}
    assert described(folder(tmp_path, SMALL, tensors)).dtype == "bfloat16"
