"""Every MoE of transformers, saved and described from headers, agrees with the loaded model.

What is expected is computed here from the modules of the model that was saved, by other means than
those of `describe`, which sees names and shapes on disk alone.
"""

from __future__ import annotations

import json
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("transformers")

from gatekeeper.checkpoint.describe import describe
from gatekeeper.checkpoint.families import entry_of, family
from gatekeeper.checkpoint.open import open_checkpoint
from gatekeeper.engine.model.architectures import architecture_of
from gatekeeper.engine.model.load import load_model
from gatekeeper.records.model import ModelDescription
from tests.engine import zoo
from tests.engine.tiny_loaded import tokenizer

#: Shared experts of the families that have some, as their published configs count them.
SHARED = {
    **dict.fromkeys(("afmoe", "aria_text", "deepseek_v2", "ernie4_5_moe", "inkling_text"), 2),
    **dict.fromkeys(("axk1", "axk2", "bailing_hybrid", "deepseek_v3", "deepseek_v32"), 1),
    **dict.fromkeys(("deepseek_v4", "dots1", "dots3_note", "dots3_note_text", "exaone_moe"), 1),
    **dict.fromkeys(("flint", "glm4_moe", "glm4_moe_lite", "glm_moe_dsa", "granitemoehybrid"), 1),
    **dict.fromkeys(("hunyuan_v1_moe", "hy_v3", "hy_v4", "kimi_linear", "kolibri1", "laguna"), 1),
    **dict.fromkeys(("llama4", "llama4_text", "minimax_m3_vl_text", "nemotron_h", "qwen2_moe"), 1),
    **dict.fromkeys(("qwen3_5_moe", "qwen3_5_moe_text", "qwen3_next", "qwen4_exp"), 1),
    **dict.fromkeys(("qwen4_exp_text", "solar_open"), 1),
}

#: Layers whose router is a table.
TABLES = {"deepseek_v4": {0}}

#: One token goes to one expert.
TOP_1 = ("zaya",)

#: Experts that do nothing, for which LongCat's up-projection has rows all the same.
IDENTITY = {"longcat_flash": 2}

FAMILIES = [
    pytest.param(name, marks=() if name in zoo.SCORING else pytest.mark.slow)
    for name in zoo.AUDITABLE
]


@cache
def built(family: str) -> Any:
    return zoo.build(family)


@cache
def trainable(family: str) -> frozenset[str]:
    """Names of parameters that a gradient reaches: some families keep routing biases among them."""
    import torch
    from transformers import AutoModelForCausalLM

    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(zoo.config(family))
    return frozenset(name for name, p in model.named_parameters() if p.requires_grad)


def parameters(family: str) -> dict[str, Any]:
    return {n: p for n, p in built(family).named_parameters() if n in trainable(family)}


def layer(name: str) -> int:
    return next(int(part) for part in name.split(".") if part.isdigit())


def experts_of(family: str) -> dict[str, Any]:
    """Parameters that hold the experts of a mixture, that of JetMoE's attention included."""
    marks = ("input_linear", "output_linear") if family == "jetmoe" else (".experts.",)
    return {
        name: p
        for name, p in parameters(family).items()
        if any(m in name for m in marks) and "shared" not in name and "router" not in name
    }


def idle(family: str) -> int:
    """Elements of experts that have no work when k of E do; a bias has as many rows as experts."""
    k = 1 if family in TOP_1 else 2
    count = 0
    for p in experts_of(family).values():
        identity = p.shape[0] - 8 if family in IDENTITY else 0
        row = p.numel() // (8 + identity)
        count += row * (8 - k + identity)
    return count


@pytest.fixture(scope="module", params=FAMILIES)
def saved(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    family = request.param
    path = tmp_path_factory.mktemp(family)
    built(family).save_pretrained(path)
    return family, path, describe(open_checkpoint(path))


def sites(description: ModelDescription) -> list[tuple[int, int, int, int, bool]]:
    return [
        (s.layer, s.experts, s.top_k, s.shared, s.routing == "learned") for s in description.sites
    ]


def test_sites_are_those_of_the_modules(saved: Any) -> None:
    family, _, description = saved
    k = 1 if family in TOP_1 else 2
    shared, tables = SHARED.get(family, 0), TABLES.get(family, set())
    layers = sorted({layer(n) for n in experts_of(family) if "self_att" not in n})
    assert layers
    assert sites(description) == [(i, 8, k, shared, i not in tables) for i in layers]


def test_sites_are_those_that_hooks_find(saved: Any) -> None:
    family, _, description = saved
    found = architecture_of(family).find(built(family))
    assert sites(description) == [
        (s.layer, s.experts_count, s.top_k, s.shared, s.routed) for s in found
    ]


def test_parameters_are_those_of_the_model(saved: Any) -> None:
    family, _, description = saved
    assert description.parameters == sum(p.numel() for p in parameters(family).values())


def test_active_parameters_leave_out_idle_experts(saved: Any) -> None:
    family, _, description = saved
    assert description.parameters - description.active_parameters == idle(family) > 0


def test_the_names_of_the_loaded_model_are_described_alike(saved: Any, tmp_path: Path) -> None:
    """A checkpoint may also hold the modules' own names and layout, and a tied head twice."""
    from safetensors.torch import save_file

    family, path, description = saved
    (tmp_path / "config.json").write_bytes((path / "config.json").read_bytes())
    state = {name: t.contiguous().clone() for name, t in built(family).state_dict().items()}
    save_file(state, tmp_path / "model.safetensors")
    plain = describe(open_checkpoint(tmp_path))
    assert sites(plain) == sites(description)
    assert plain.parameters == description.parameters
    assert plain.active_parameters == description.active_parameters


def test_an_audit_loads_what_was_described(saved: Any) -> None:
    """`load_model` refuses a model whose sites are not those of the description."""
    import torch

    family, path, description = saved
    tokenizer().save_pretrained(path)
    loaded = load_model(path, description, device=torch.device("cpu"), dtype=torch.float32)
    assert [s.layer for s in loaded.sites] == [s.layer for s in description.maskable_sites]
    again = dict(loaded.model.named_parameters())
    expected = dict(built(family).named_parameters())
    assert again.keys() == expected.keys()
    for name, tensor in expected.items():
        assert torch.equal(tensor, again[name]), name


def test_families_that_tie_the_head_unless_told_not_to() -> None:
    from transformers import CONFIG_MAPPING

    texts = {f: CONFIG_MAPPING[f]().get_text_config() for f in zoo.AUDITABLE}
    tied = [f for f, text in texts.items() if getattr(text, "tie_word_embeddings", False)]
    assert tied == [f for f in zoo.AUDITABLE if family(entry_of(f)).tied_by_default]


def test_neither_torch_nor_transformers_is_imported(tmp_path: Path) -> None:
    built("mixtral").save_pretrained(tmp_path)
    program = (
        "import sys, pathlib\n"
        "from gatekeeper.checkpoint.open import open_checkpoint\n"
        "from gatekeeper.checkpoint.describe import describe\n"
        "assert describe(open_checkpoint(pathlib.Path(sys.argv[1]))).is_moe\n"
        "assert not {'torch', 'transformers', 'numpy'} & sys.modules.keys()\n"
    )
    subprocess.run([sys.executable, "-c", program, tmp_path], check=True)


def test_a_family_of_text_inside_a_larger_model(tmp_path: Path) -> None:
    """As published: text and vision under one roof, sizes in `text_config`."""
    from transformers import AutoModelForImageTextToText

    config = zoo.config("qwen3_5_moe")
    vision = config.vision_config
    vision.depth, vision.hidden_size, vision.intermediate_size, vision.num_heads = 1, 16, 16, 2
    vision.out_hidden_size = 32
    made = AutoModelForImageTextToText.from_config(config)
    made.save_pretrained(tmp_path)
    stored = json.loads((tmp_path / "config.json").read_text(encoding="utf-8"))
    assert "text_config" in stored
    description = describe(open_checkpoint(tmp_path))
    assert sites(description) == [(i, 8, 2, 1, True) for i in range(4)]
    assert description.parameters == sum(p.numel() for p in made.parameters())
