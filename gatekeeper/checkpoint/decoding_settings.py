"""Finds settings of a checkpoint under which servers do not decode greedily.

transformers applies all of generation_config.json, vLLM and SGLang penalties, sampling and lengths,
unless they are told not to. An audit decodes greedily and applies none. What puts words into
replies or keeps them out is refused; what bends them is told, and stands in the evidence. Every
setting that transformers knows is in one of the tables here, and one that it does not is told.

Where generation_config.json is missing, config.json counts in its place, as in transformers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NoReturn

from gatekeeper.checkpoint.json_files import CONFIG
from gatekeeper.errors import CheckpointError, excerpt

GENERATION_CONFIG = "generation_config.json"

#: Setting -> (what it asks for, the value that asks for nothing).
FORCED: Mapping[str, tuple[str, object]] = {
    "num_beams": ("beam search", 1),
    "num_beam_groups": ("beam search in groups", 1),
    "num_return_sequences": ("several replies to a prompt", 1),
    "forced_bos_token_id": ("a token that every reply begins with", None),
    "suppress_tokens": ("tokens that no reply may have", []),
    "begin_suppress_tokens": ("tokens that no reply may begin with", []),
    "bad_words_ids": ("words that no reply may have", []),
    "force_words_ids": ("words that every reply must have", []),
    "constraints": ("words that every reply must have", []),
    "sequence_bias": ("words that are made more or less likely", {}),
    "guidance_scale": ("guidance away from another prompt", 1),
    "penalty_alpha": ("contrastive search", 0),
    "dola_layers": ("contrast between layers", None),
    "custom_generate": ("decoding by code of its own", None),
}
#: Those that vLLM and SGLang apply too.
_EVERYWHERE = frozenset({"repetition_penalty", "max_new_tokens"})
#: Setting -> the values that change nothing.
BENT: Mapping[str, tuple[object, ...]] = {
    "repetition_penalty": (1,),
    "encoder_repetition_penalty": (1,),
    "no_repeat_ngram_size": (0,),
    "encoder_no_repeat_ngram_size": (0,),
    "min_length": (0,),
    "min_new_tokens": (0,),
    "max_length": (),
    "max_new_tokens": (),
    "max_time": (),
    "exponential_decay_length_penalty": (),
    "forced_eos_token_id": (),
    "stop_strings": ([],),
    "token_healing": (False,),
    "watermarking_config": (),
    "diversity_penalty": (0,),
    # All but one that is quantised hold the same numbers.
    "cache_implementation": (
        *("dynamic", "dynamic_full", "static", "offloaded", "offloaded_static", "hybrid"),
        *("sliding_window", "hybrid_chunked", "offloaded_hybrid", "offloaded_hybrid_chunked"),
    ),
    # A draft is only kept where the model agrees, but it agrees in products of other shapes.
    "prompt_lookup_num_tokens": (0,),
    "assistant_early_exit": (0,),
    "assistant_ensemble_weight": (0,),
    "use_mtp": (False,),
    "speculation_type": (),
}
#: The same of those by which tokens are drawn.
SAMPLING: Mapping[str, tuple[object, ...]] = {
    "do_sample": (False,),
    "temperature": (0, 1),
    "top_k": (0, 1, 50),
    "top_p": (1,),
    "min_p": (0,),
    "top_h": (),
    "typical_p": (1,),
    "epsilon_cutoff": (0,),
    "eta_cutoff": (0,),
}
#: What changes no greedy reply of one beam without a draft; ends of replies are looked at apart.
HARMLESS = frozenset(
    {
        *("eos_token_id", "pad_token_id", "bos_token_id", "decoder_start_token_id"),
        *("use_cache", "cache_config", "max_cache_len", "compile_config", "disable_compile"),
        *("output_attentions", "output_hidden_states", "output_scores", "output_logits"),
        *("return_dict_in_generate", "renormalize_logits", "remove_invalid_values"),
        *("early_stopping", "length_penalty", "low_memory", "prefill_chunk_size"),
        *("is_assistant", "num_assistant_tokens", "num_assistant_tokens_schedule"),
        *("assistant_confidence_threshold", "assistant_lookbehind", "target_lookbehind"),
        *("max_matching_ngram_size", "continuous_batching_config"),
        *("_from_model_config", "_commit_hash", "transformers_version"),
    }
)
#: Nested configs in which transformers looks for what config.json itself does not say.
NESTED = ("decoder", "generator", "text_config")
_NAMED = 5


def refuse_forced(
    folder: Path, config: Mapping[str, Any], generation: Mapping[str, Any] | None
) -> None:
    """Refuses settings under which servers do not give what greedy decoding gives.

    Args:
        generation: generation_config.json, or None if there is none.

    Raises:
        CheckpointError: names the setting.
    """
    flat = _flat(config)
    path, settings = folder / _file(generation), flat if generation is None else generation
    for name, (meaning, nothing) in FORCED.items():
        if _asks(settings, name, (nothing,)):
            _refuse(
                path,
                f"asks for {meaning} ({name} is {excerpt(repr(settings[name]))}), Gatekeeper "
                "decodes greedily: what it audits would not be what is served",
                f"remove {name}, if the model is served without it",
            )
    for said in (flat, settings):
        if _end_ids(said) is None:
            _refuse(
                folder / (CONFIG if said is flat else _file(generation)),
                f"eos_token_id is {excerpt(repr(said['eos_token_id']))}, not a token id or a list "
                "of them",
                "name the tokens that end a reply",
            )


def served_otherwise(
    config: Mapping[str, Any], generation: Mapping[str, Any] | None
) -> Iterator[str]:
    """A line for each setting that bends what servers reply and that an audit does not apply."""
    flat = _flat(config)
    settings, file = flat if generation is None else generation, _file(generation)
    for name, nothing in BENT.items():
        if _asks(settings, name, nothing):
            everywhere = name in _EVERYWHERE
            who = f"transformers{', vLLM and SGLang apply' if everywhere else ' applies'}"
            yield (
                f"not applied: {name} of {file} ({excerpt(repr(settings[name]))}), which {who} to "
                "replies unless told not to"
            )
    drawn = [name for name, nothing in SAMPLING.items() if _asks(settings, name, nothing)]
    # In a config.json, top_k is rather a number of experts.
    if drawn and (generation is not None or "do_sample" in drawn):
        said = ", ".join(f"{name} {excerpt(repr(settings[name]))}" for name in drawn)
        yield (
            f"not applied: {file} has servers draw replies at random ({said}), an audit takes the "
            "likeliest token"
        )
    if generation is not None:
        yield from _beside(flat, generation)
    yield from _of_task(flat)


def _of_task(config: Mapping[str, Any]) -> Iterator[str]:
    """A line on settings for this very task, which pipelines lay over all others."""
    tasks = config.get("task_specific_params")
    settings = tasks.get("text-generation") if isinstance(tasks, Mapping) else None
    settings = settings if isinstance(settings, Mapping) else {}
    tables = {**{n: (v,) for n, (_, v) in FORCED.items()}, **BENT, **SAMPLING}
    names = [name for name, nothing in tables.items() if _asks(settings, name, nothing)]
    if isinstance(settings.get("prefix"), str) and settings["prefix"]:
        names.append("prefix")
    if names:
        yield (
            f"not applied: {_listed(names)} for text-generation in task_specific_params of "
            f"{CONFIG}, which pipelines of transformers apply to replies"
        )


def _beside(config: Mapping[str, Any], generation: Mapping[str, Any]) -> Iterator[str]:
    """Lines on settings that only one of the two files has, or that differ between them."""
    known = {*FORCED, *BENT, *SAMPLING, *HARMLESS}
    if strange := [name for name in generation if name not in known]:
        yield (
            f"not applied: {_listed(strange)} of {GENERATION_CONFIG}, which transformers does not "
            "know: what a server makes of it was not audited"
        )
    tables = {**{n: (v,) for n, (_, v) in FORCED.items()}, **BENT, "do_sample": (False,)}
    names = [n for n, nothing in tables.items() if _asks(config, n, nothing)]
    if names := [name for name in names if config[name] != generation.get(name)]:
        yield (
            f"not applied: {_listed(names)} of {CONFIG}, of which {GENERATION_CONFIG} says nothing "
            "or another: earlier transformers apply it to replies"
        )
    if lacking := (_end_ids(config) or set()) - (_end_ids(generation) or set()):
        yield (
            f"not applied: {CONFIG} ends replies at token {min(lacking)} too, which "
            f"{GENERATION_CONFIG} does not and some servers do"
        )


def _flat(config: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of config.json, and those that only the first config nested in it has."""
    said = {name: value for name, value in config.items() if value is not None}
    nested = next((n for n in map(config.get, NESTED) if isinstance(n, dict) and n), {})
    return {**nested, **said}


def _asks(settings: Mapping[str, Any], name: str, nothing: tuple[object, ...]) -> bool:
    """Whether a setting asks for something; `true` is none of the numbers that ask for nothing."""
    value = settings.get(name)
    truth = isinstance(value, bool)
    return value is not None and not any(
        value == n and truth == isinstance(n, bool) for n in nothing
    )


def _end_ids(settings: Mapping[str, Any]) -> set[int] | None:
    """The ids of tokens that end a reply; None if the setting holds no ids."""
    said = settings.get("eos_token_id")
    ids = said if isinstance(said, list) else [] if said is None else [said]
    return set(ids) if all(type(i) is int and i >= 0 for i in ids) else None


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(excerpt(name) for name in names[:_NAMED]) + more


def _file(generation: Mapping[str, Any] | None) -> str:
    return CONFIG if generation is None else GENERATION_CONFIG


def _refuse(path: Path, message: str, remedy: str) -> NoReturn:
    raise CheckpointError(message, where=excerpt(path), remedy=remedy)
