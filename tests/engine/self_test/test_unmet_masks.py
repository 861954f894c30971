from __future__ import annotations

import pytest
import torch

from gatekeeper.engine.model.hooks import Instrument
from gatekeeper.engine.self_test.run import self_test
from gatekeeper.engine.self_test.unmet_masks import skip_holds
from tests.engine.tiny_loaded import encoded, loaded, loaded_with

#: Why a mask of experts that are not chosen may change weights or choice, by family.
NOT_EXACT = {
    "olmoe": "softmax over all experts, not renormalised",
    "jamba": "the same",
    "qwen2_moe": "the same",
    "longcat_flash": "the same",
    "deepseek_v3": "groups are chosen by the scores of all their experts",
    "phimoe": "no top-k: what is near the maximum shares the softmax",
    "dbrx": "chooses outside the router: not seen",
}


def holds(model) -> bool:
    with torch.inference_mode(), Instrument(model.sites) as instrument:
        return skip_holds(model, instrument, [e.ids for e in encoded()])


@pytest.mark.parametrize("family", NOT_EXACT)
def test_it_is_off_where_unchosen_experts_matter(family):
    assert not holds(loaded(family))


@pytest.mark.parametrize(
    "family",
    ["mixtral", "gpt_oss", "granitemoe", "gemma4_text", "minimax_m2", "ernie4_5_moe",
     "inkling_text", "llama4_text", "jetmoe"],
)  # fmt: skip
def test_it_is_on_where_weights_are_normalised_over_the_chosen(family):
    assert holds(loaded(family))


def test_the_config_decides_within_a_family():
    assert not holds(loaded_with("qwen3_moe", 7, norm_topk_prob=False))
    assert holds(loaded_with("qwen3_moe", 7, norm_topk_prob=True))


def test_a_single_group_is_no_choice_of_groups():
    assert holds(loaded_with("deepseek_v3", 7, n_group=1, topk_group=1))
    assert holds(loaded_with("deepseek_v3", 7, n_group=2, topk_group=2))


def test_what_it_finds_is_recorded():
    checks = {c.name: c for c in self_test(loaded("olmoe"), encoded())}
    assert checks["skip"].result == "off"
    assert "every row runs" in checks["skip"].detail
    checks = {c.name: c for c in self_test(loaded("mixtral"), encoded())}
    assert checks["skip"].result == "passed"


def test_no_hook_of_its_own_is_left():
    model = loaded("mixtral")
    hooks = lambda: sum(  # noqa: E731
        len(m._forward_hooks) + len(m._forward_pre_hooks) for m in model.model.modules()
    )
    before = hooks()
    holds(model)
    assert hooks() == before
