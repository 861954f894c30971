"""Settings of a checkpoint under which servers reply otherwise than greedy decoding does.

transformers applies all of generation_config.json, vLLM and SGLang its penalties unless they are
told not to. An audit decodes greedily and applies none. What puts words into replies or keeps them
out is refused; what bends them is told, and stands in the evidence. As in transformers, config.json
counts only where generation_config.json is missing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NoReturn

from gatekeeper.engine.json_files import CONFIG
from gatekeeper.errors import CheckpointError, excerpt

GENERATION_CONFIG = "generation_config.json"

#: Setting -> (what it asks for, the value that asks for nothing).
_FORCED: Mapping[str, tuple[str, object]] = {
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
}
#: Those that vLLM and SGLang apply too.
_EVERYWHERE = frozenset({"repetition_penalty"})
#: Setting -> the value that changes nothing.
_BENT: Mapping[str, object] = {
    "repetition_penalty": 1,
    "encoder_repetition_penalty": 1,
    "no_repeat_ngram_size": 0,
    "encoder_no_repeat_ngram_size": 0,
    "min_length": 0,
    "min_new_tokens": 0,
    "exponential_decay_length_penalty": None,
    "forced_eos_token_id": None,
    "stop_strings": [],
    "token_healing": False,
    "watermarking_config": None,
    "diversity_penalty": 0,
}


def refuse_forced(
    folder: Path, config: Mapping[str, Any], generation: Mapping[str, Any] | None
) -> None:
    """Refuses settings under which what is served is not what greedy decoding gives.

    Args:
        generation: generation_config.json, or None if there is none.

    Raises:
        CheckpointError: names the setting.
    """
    path, settings = folder / _file(generation), config if generation is None else generation
    for name, (meaning, nothing) in _FORCED.items():
        value = settings.get(name)
        if value is not None and value != nothing:
            _refuse(
                path,
                f"asks for {meaning} ({name} is {excerpt(repr(value))}), Gatekeeper decodes "
                "greedily: what it audits would not be what is served",
                f"remove {name}, if the model is served without it",
            )
    for said in (config, settings):
        if _end_ids(said) is None:
            _refuse(
                folder / (CONFIG if said is config else _file(generation)),
                f"eos_token_id is {excerpt(repr(said['eos_token_id']))}, not a token id or a list "
                "of them",
                "name the tokens that end a reply",
            )


def served_otherwise(
    config: Mapping[str, Any], generation: Mapping[str, Any] | None
) -> Iterator[str]:
    """A line for each setting that bends what servers reply and that an audit does not apply."""
    settings = config if generation is None else generation
    for name, nothing in _BENT.items():
        value = settings.get(name)
        if value is None or value == nothing:
            continue
        who = (
            "transformers, vLLM and SGLang apply" if name in _EVERYWHERE else "transformers applies"
        )
        yield (
            f"not applied: {name} of {_file(generation)} ({excerpt(repr(value))}), which {who} to "
            "replies unless told not to"
        )
    cache = settings.get("cache_implementation")
    if cache == "quantized":
        yield f"not applied: the quantised cache that {_file(generation)} asks transformers for"
    ends = _end_ids(settings)
    if generation is not None and ends and (lacking := (_end_ids(config) or set()) - ends):
        yield (
            f"not applied: config.json ends replies at token {min(lacking)} too, which "
            f"{GENERATION_CONFIG} does not and some servers do"
        )


def _end_ids(settings: Mapping[str, Any]) -> set[int] | None:
    """Ids that end a reply; None for what are none."""
    said = settings.get("eos_token_id")
    ids = said if isinstance(said, list) else [] if said is None else [said]
    return set(ids) if all(type(i) is int and i >= 0 for i in ids) else None


def _file(generation: Mapping[str, Any] | None) -> str:
    return CONFIG if generation is None else GENERATION_CONFIG


def _refuse(path: Path, message: str, remedy: str) -> NoReturn:
    raise CheckpointError(message, where=excerpt(path), remedy=remedy)
