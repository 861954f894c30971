"""Rotary positions that a config gives in two places: refused where they differ."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gatekeeper.checkpoint.open import open_checkpoint
from gatekeeper.errors import CheckpointError
from tests.engine.tiny_checkpoint import folder

CONFIG = {"model_type": "llama", "num_hidden_layers": 1}
PLAIN = {"rope_type": "default", "rope_theta": 10000.0}
YARN = {"rope_type": "yarn", "factor": 4.0, "rope_theta": 10000.0}
KINDS = {"full_attention": PLAIN, "sliding_attention": {**PLAIN, "rope_theta": 1e6}}


def opened(path: Path, config: dict[str, Any], nest: bool) -> None:
    inner = {"text_config": config} if nest else config
    assert open_checkpoint(folder(path, CONFIG | inner)).cautions == ()


@pytest.mark.parametrize(
    ("parameters", "beside"),
    [
        (PLAIN, {"rope_theta": 10.0}),
        (PLAIN, {"rotary_emb_base": 10.0}),
        (KINDS, {"rope_theta": 10.0}),
        ({**PLAIN, "partial_rotary_factor": 0.5}, {"partial_rotary_factor": 1.0}),
        (PLAIN, {"rope_scaling": {"type": "yarn", "factor": 4.0}}),
        (YARN, {"rope_scaling": {"type": "yarn", "factor": 8.0}}),
        (YARN, {"rope_scaling": {**YARN, "rope_theta": 5.0}}),
        (KINDS, {"rope_scaling": YARN}),
    ],
)
@pytest.mark.parametrize("nest", [False, True])
def test_positions_given_twice_that_differ(
    tmp_path: Path, parameters: dict[str, Any], beside: dict[str, Any], nest: bool
) -> None:
    with pytest.raises(CheckpointError) as caught:
        opened(tmp_path, {"rope_parameters": parameters, **beside}, nest)
    assert f"{next(iter(beside))} is " in caught.value.message
    assert "rope_parameters say" in caught.value.message


@pytest.mark.parametrize(
    ("parameters", "beside"),
    [
        (PLAIN, {"rope_theta": 10000, "rope_scaling": None, "partial_rotary_factor": 0.5}),
        (PLAIN, {"rope_theta": None, "rope_scaling": {}}),
        (KINDS, {"rope_theta": 1e6, "rope_scaling": KINDS}),
        (YARN, {"rope_scaling": {"type": "yarn", "rope_type": "yarn", "factor": 4}}),
        ({}, {"rope_theta": 10.0, "rope_scaling": YARN}),
        (None, {"rope_theta": 10.0}),
        ("x", {"rope_theta": 10.0}),
        ({"full_attention": None}, {"rope_theta": 10.0}),
    ],
)
@pytest.mark.parametrize("nest", [False, True])
def test_positions_given_once_or_alike(
    tmp_path: Path, parameters: Any, beside: dict[str, Any], nest: bool
) -> None:
    opened(tmp_path, {"rope_parameters": parameters, **beside}, nest)


def test_settings_around_a_text_model_that_are_not_its_own(tmp_path: Path) -> None:
    config = {**CONFIG, "rope_theta": 10.0, "text_config": {"rope_parameters": PLAIN}}
    with pytest.raises(CheckpointError, match=r"rope_theta is 10\.0"):
        open_checkpoint(folder(tmp_path, config))


@pytest.mark.parametrize("name", ["rope_parameters", "rope_scaling"])
@pytest.mark.parametrize("nest", [False, True])
def test_two_names_of_the_kind_that_differ(tmp_path: Path, name: str, nest: bool) -> None:
    with pytest.raises(CheckpointError, match=f"{name} has type 'linear' and rope_type 'default'"):
        opened(tmp_path, {name: {**PLAIN, "type": "linear", "factor": 8.0}}, nest)
    with pytest.raises(CheckpointError, match="has type 'linear'"):
        opened(tmp_path, {name: {"full_attention": {**PLAIN, "type": "linear"}}}, nest)
    for one, other in (("mrope", "default"), ("su", "longrope"), ("yarn", "yarn")):
        opened(tmp_path, {name: {"type": one, "rope_type": other}}, nest)


@pytest.mark.parametrize("name", ["rope_parameters", "rope_scaling"])
def test_positions_scaled_by_the_length_are_told(tmp_path: Path, name: str) -> None:
    dynamic = {"rope_type": "dynamic", "factor": 4.0}
    for given in (dynamic, {"type": "dynamic"}, {"full_attention": dynamic}):
        config = {**CONFIG, "text_config": {name: given}}
        (caution,) = open_checkpoint(folder(tmp_path, config)).cautions
        assert f"{name} of config.json has rope_type dynamic" in caution
    opened(tmp_path, {name: {**dynamic, "alpha": 1000.0}}, nest=False)


@pytest.mark.parametrize("name", ["rope_parameters", "rope_scaling"])
@pytest.mark.parametrize("nest", [False, True])
def test_two_lengths_before_scaling(tmp_path: Path, name: str, nest: bool) -> None:
    length = "original_max_position_embeddings"
    for given in ({**YARN, length: 4096}, {"full_attention": {**YARN, length: 4096}}):
        with pytest.raises(CheckpointError, match=f"{length} is 8192, {name} says 4096"):
            opened(tmp_path, {length: 8192, name: given}, nest)
        opened(tmp_path, {length: 4096, name: given}, nest)
        opened(tmp_path, {length: None, name: given}, nest)
    opened(tmp_path, {length: 4096, name: YARN}, nest)
