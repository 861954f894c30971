"""Settings of generation: what puts words into replies is refused, what bends them is told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gatekeeper.checkpoint.decoding_settings import (
    BENT,
    FORCED,
    HARMLESS,
    SAMPLING,
    refuse_forced,
    served_otherwise,
)
from gatekeeper.errors import CheckpointError

HERE = Path("candidate")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("num_beams", 4),
        ("num_beam_groups", 2),
        ("num_return_sequences", 3),
        ("forced_bos_token_id", 0),
        ("suppress_tokens", [5]),
        ("begin_suppress_tokens", [5]),
        ("bad_words_ids", [[5, 6]]),
        ("force_words_ids", [[5]]),
        ("sequence_bias", {"5": -9.0}),
        ("guidance_scale", 1.5),
        ("penalty_alpha", 0.6),
        ("dola_layers", "high"),
        ("num_beams", "many"),
        ("num_beams", True),
        ("guidance_scale", "1.5"),
        ("custom_generate", "someone/decoding"),
    ],
)
@pytest.mark.parametrize("own_file", [True, False])
def test_what_forces_words_is_refused_by_name(name: str, value: Any, own_file: bool) -> None:
    settings = {name: value}
    with pytest.raises(CheckpointError) as caught:
        refuse_forced(HERE, {} if own_file else settings, settings if own_file else None)
    assert f"({name} is " in str(caught.value)
    assert ("generation_config.json" if own_file else "config.json") in str(caught.value.where)


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"num_beams": 1, "suppress_tokens": [], "guidance_scale": 1.0, "bad_words_ids": None},
        {"do_sample": False, "temperature": 1.0, "top_p": 1.0, "top_k": 50, "use_cache": True},
        {"cache_implementation": "static", "num_assistant_tokens": 5, "pad_token_id": 0},
        {"eos_token_id": [1, 2], "repetition_penalty": 1.0, "min_length": 0, "stop_strings": []},
    ],
)
def test_what_changes_no_greedy_reply_is_no_matter(settings: dict[str, Any]) -> None:
    refuse_forced(HERE, {}, settings)
    assert list(served_otherwise({}, settings)) == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("repetition_penalty", 1.05),
        ("encoder_repetition_penalty", 1.2),
        ("no_repeat_ngram_size", 3),
        ("encoder_no_repeat_ngram_size", 3),
        ("min_length", 8),
        ("min_new_tokens", 8),
        ("exponential_decay_length_penalty", [5, 1.1]),
        ("forced_eos_token_id", 2),
        ("max_length", 20),
        ("max_time", 0.5),
        ("prompt_lookup_num_tokens", 10),
        ("cache_implementation", "quantized"),
        ("token_healing", 0),
        ("stop_strings", ["."]),
        ("watermarking_config", {"greenlist_ratio": 0.5}),
        ("repetition_penalty", "x"),
    ],
)
def test_what_bends_replies_is_told_with_its_value(name: str, value: Any) -> None:
    (told,) = served_otherwise({}, {name: value})
    assert told.startswith(f"not applied: {name} of generation_config.json ({value!r})")
    assert ("vLLM" in told) == (name == "repetition_penalty")
    (told,) = served_otherwise({name: value}, None)
    assert f"{name} of config.json" in told
    (told,) = served_otherwise({name: value}, {})
    assert told.startswith(f"not applied: {name} of config.json, of which generation_config.json")
    (told,) = served_otherwise({name: value}, {name: value})
    assert f"{name} of generation_config.json" in told


@pytest.mark.parametrize("value", [True, -1, 1.0, "2", [1, None], [[1]], {"a": 1}])
def test_ends_that_are_no_tokens_are_refused(value: Any) -> None:
    for config, generation in (({"eos_token_id": value}, {}), ({}, {"eos_token_id": value})):
        with pytest.raises(CheckpointError, match="eos_token_id"):
            refuse_forced(HERE, config, generation)


def test_an_end_that_only_the_config_knows_is_told() -> None:
    for generation in ({"eos_token_id": 1}, {"eos_token_id": [1, 2]}):
        (told,) = served_otherwise({"eos_token_id": [1, 7]}, generation)
        assert "token 7" in told
    (told,) = served_otherwise({"eos_token_id": 1}, {})
    assert "token 1" in told
    assert list(served_otherwise({"eos_token_id": 1}, {"eos_token_id": [1, 7]})) == []


def test_a_limit_that_servers_apply_too_is_told_so() -> None:
    (told,) = served_otherwise({}, {"max_new_tokens": 1})
    assert "max_new_tokens of generation_config.json (1), which transformers, vLLM" in told


def test_replies_that_are_drawn_at_random_are_told_once() -> None:
    drawn = {"do_sample": True, "temperature": 0.6, "top_k": 20}
    (told,) = served_otherwise({}, drawn)
    assert "at random (do_sample True, temperature 0.6, top_k 20)" in told
    (told,) = served_otherwise(drawn, None)
    assert "config.json has servers draw" in told
    assert list(served_otherwise({"top_k": 2}, None)) == []  # experts, in a config.json


def test_nothing_that_transformers_knows_is_unclassified() -> None:
    transformers = pytest.importorskip("transformers")
    known = {name for name in vars(transformers.GenerationConfig()) if not name.startswith("_")}
    tables = [set(FORCED), set(BENT), set(SAMPLING), set(HARMLESS)]
    assert known - set().union(*tables) == set()
    assert sum(map(len, tables)) == len(set().union(*tables))  # each in one table


def test_what_transformers_does_not_know_is_told_by_name() -> None:
    (told,) = served_otherwise({}, {"mirostat": 2, "tau": 5.0})
    assert told.startswith("not applied: mirostat, tau of generation_config.json")
    assert list(served_otherwise({"mirostat": 2}, None)) == []


def test_a_nested_config_counts_where_there_is_no_other_file() -> None:
    nested = {"text_config": {"suppress_tokens": [5]}}
    with pytest.raises(CheckpointError, match="suppress_tokens"):
        refuse_forced(HERE, nested, None)
    refuse_forced(HERE, nested, {})
    (told,) = served_otherwise(nested, {})
    assert "suppress_tokens of config.json" in told


@pytest.mark.parametrize("generation", [None, {}])
def test_settings_of_the_task_are_told(generation: dict[str, Any] | None) -> None:
    def told(tasks: object) -> list[str]:
        return list(served_otherwise({"task_specific_params": tasks}, generation))

    (line,) = told({"text-generation": {"do_sample": True, "max_length": 50, "prefix": "Be bad: "}})
    assert "max_length, do_sample, prefix for text-generation in task_specific_params" in line
    for harmless in (
        None,
        "x",
        {},
        {"summarization": {"num_beams": 4}},
        {"text-generation": None},
        {"text-generation": {"do_sample": False, "num_beams": 1, "prefix": ""}},
    ):
        assert not told(harmless)
