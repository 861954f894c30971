"""Finds settings of config.json that the family's code in transformers does not read.

transformers keeps any name that it finds there, and its model classes look at those they know. A
loader that knows another (`is_causal`, `logit_scale`, a window, a soft cap, another way of scoring
experts) would take another model from the same file. Nobody has a list of what every loader reads,
so each name that the family's own code does not is told; not those that change no logit, and not
values that ask for nothing or for what that code does anyway.
"""

from __future__ import annotations

import dataclasses
import inspect
import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gatekeeper.checkpoint.decoding_settings import BENT, FORCED, HARMLESS, SAMPLING
from gatekeeper.checkpoint.json_files import CONFIG
from gatekeeper.checkpoint.moe_config import EXPERTS, SHARED, TOP_K
from gatekeeper.checkpoint.open import Checkpoint
from gatekeeper.checkpoint.two_ropes import partly_turned
from gatekeeper.errors import excerpt

if TYPE_CHECKING:
    from transformers import PretrainedConfig

#: What transformers reads for every family, or this package looks at by itself.
_LOOKED_AT = frozenset(
    {
        *("rope_theta", "rope_scaling", "rope_parameters", "partial_rotary_factor"),
        *("rotary_emb_base", "rotary_pct", "original_max_position_embeddings"),
        *("model_type", "auto_map", "custom_pipelines", "torch_dtype", "quantization_config"),
        *("compression_config", "per_layer_config", "tie_word_embeddings", "num_labels"),
        *("attn_implementation", "experts_implementation", "dual_chunk_attention_config"),
        # Sizes: the weights' shapes say them too.
        *("max_position_embeddings", "num_key_value_heads"),
        *EXPERTS,
        *TOP_K,
        *SHARED,
        *((FORCED.keys() | BENT.keys() | SAMPLING.keys() | HARMLESS) - {"top_k"}),
    }
)
#: Names of bookkeeping, of training, and of parts that write no reply.
_NO_LOGIT = re.compile(
    r"^_|^unsloth|version$|_dtype$|mtp|nextn|_token_(?:id|index)$|^eo[ia]_|^bo[ia]_|loss|aux|dropout"
    r"|initializer|^init_|jitter|checkpointing|^(?:vision|audio|image|video|mm|projector)_"
    r"|^(?:name_or_path|model_max_length|initial_context_length|task_specific_params|finetuning_task"
    r"|prefix|torchscript|pruned_heads|use_flash_attn|use_flash_attention|tokenizer_class|license"
    r"|model_name|title|description|sep_token|max_sequence_length|num_logits_to_keep)$"
)
#: A setting, a value of it, and what in a family's code shows that it does so anyway.
_DONE_ANYWAY: tuple[tuple[str, object, re.Pattern[str]], ...] = tuple(
    (name, value, re.compile(pattern))
    for name, value, pattern in (
        ("is_causal", True, r"is_causal = True"),
        ("scoring_func", "sigmoid", r"router_logits\.sigmoid\(|sigmoid\(router_logits"),
        ("scoring_func", "softmax", r"router_logits\.softmax\(|softmax\(router_logits"),
        ("topk_method", "noaux_tc", r"e_score_correction_bias"),
        ("use_routing_bias", True, r"e_score_correction_bias"),
        ("norm_topk_prob", True, r"/= \w+\.sum\("),
        ("use_qk_norm", True, r"self\.q_norm\("),
        ("qk_norm_type", "per_layer", r"self\.q_norm\("),
        ("attn_output_gate", True, r"attn_output \* torch\.sigmoid\(gate\)"),
        (
            "rope_interleave",
            True,
            r"rotary_pos_emb_interleave|x1 = x\[\.\.\., ::2\]|view_as_complex",
        ),
        ("indexer_rope_interleave", True, r"[Ii]ndexer"),
    )
)
#: Names of the same small number, of which a family reads one.
_EPSILON = re.compile(r"eps(?:ilon)?$")
#: Names of what one is too few of to ask for nothing.
_COUNTED = re.compile(r"expert|top_?k$")
#: Where a family's code reads a setting: in the model, and in the config's own class.
_READS = re.compile(
    r'\w*config(?:\.get_text_config\([^)]*\))?\.(\w+)|[gh]etattr\(\s*[\w.]*config,\s*"(\w+)"'
)
#: What shows that a family's own code may turn a part of each head.
_PARTLY = re.compile(r"partial_rotary|rotary_pct|rotary_dim|rotary_ndims")
_READS_ITSELF = re.compile(r'self\.(\w+)|"(\w+)"')
_NAMED = 5


def unread_settings(checkpoint: Checkpoint) -> tuple[str, ...]:
    """A line on the settings that the family does not read, and one on those beside the text model.

    Args:
        checkpoint: of a model type that transformers has.
    """
    from transformers import CONFIG_MAPPING

    config = checkpoint.config
    family = CONFIG_MAPPING[config["model_type"]]
    unread, lines = list(_unread(config, family)), []
    for part, kind in family.sub_configs.items():
        inner = config.get(part)
        if _NO_LOGIT.search(part) or not isinstance(inner, Mapping) or not hasattr(kind, "to_dict"):
            continue
        unread += [f"{part}.{name}" for name in _unread(inner, kind)]
        if beside := list(_beside(config, inner, family, kind)):
            lines.append(
                f"not audited: {_listed(beside)} of {CONFIG}, of which {part} says another or "
                "nothing: transformers goes by that, other loaders may not"
            )
    if unread:
        lines.append(
            f"not audited: {_listed(unread)} of {CONFIG}, which transformers does not read for "
            f"{excerpt(config['model_type'])}: a loader that does may take another model"
        )
    return tuple(lines)


def _unread(config: Mapping[str, Any], kind: type[PretrainedConfig]) -> Iterator[str]:
    """Names of settings that ask for something and that nothing of the family looks at."""
    from transformers import PretrainedConfig

    read, code = _code(Path(inspect.getfile(kind)).parent)
    read |= _LOOKED_AT | _defaults(PretrainedConfig).keys()
    read |= {n for pair in kind.attribute_map.items() if read & {*pair} for n in pair}
    defaults = _defaults(kind)
    epsilons = [v for n, v in config.items() if n in read and _EPSILON.search(n)]
    for name, value in config.items():
        if name in read or _NO_LOGIT.search(name):
            continue
        if name in defaults and defaults[name] == value:
            continue
        if _EPSILON.search(name) and value in epsilons:
            continue
        # A window that is off has no layers.
        if name == "max_window_layers" and config.get("use_sliding_window") is not True:
            continue
        if not _asks_for_nothing(name, value, code):
            yield name
    if not _PARTLY.search(code):
        yield from dict.fromkeys(partly_turned(config))


def _asks_for_nothing(name: str, value: object, code: str) -> bool:
    done = [v for n, v, pattern in _DONE_ANYWAY if n == name and pattern.search(code)]
    if value in done:
        return True
    if not value:
        return True not in done
    return _empty(value) and not (value == 1 and _COUNTED.search(name))


def _empty(value: object) -> bool:
    """Whether a value is empty, one, or a list of such."""
    if isinstance(value, list):
        return all(map(_empty, value))
    return not value or (value == 1 and value is not True)


def _beside(
    config: Mapping[str, Any],
    text: Mapping[str, Any],
    family: type[PretrainedConfig],
    of_text: type[PretrainedConfig],
) -> Iterator[str]:
    """Names of the text model's settings that stand beside its config, with another value."""
    outer, inner = _defaults(family), _defaults(of_text)
    for name, value in config.items():
        if name in outer or name in _LOOKED_AT or name not in inner or value is None:
            continue
        if value != text.get(name, inner[name]) and not _NO_LOGIT.search(name):
            yield name


def _defaults(kind: type[PretrainedConfig]) -> dict[str, Any]:
    return {
        field.name: field.default
        if field.default_factory is dataclasses.MISSING
        else field.default_factory()
        for field in dataclasses.fields(kind)
    }


@cache
def _code(family: Path) -> tuple[frozenset[str], str]:
    """Names that the code in a family's folder reads, and its code."""
    code, of_config = (
        "".join(f.read_text(encoding="utf-8") for f in sorted(family.glob(f"{kind}_*.py")))
        for kind in ("modeling", "configuration")
    )
    reads = [*_READS.findall(code), *_READS_ITSELF.findall(of_config)]
    return frozenset(name for pair in reads for name in pair if name), code


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(excerpt(name) for name in names[:_NAMED]) + more
