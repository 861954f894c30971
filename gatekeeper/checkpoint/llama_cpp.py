"""Finds settings of config.json in whose place llama.cpp has a constant.

Its converter keeps neither of them for the families below, and the graphs (`src/models/*.cpp`, as
of commits 069be0ae, 623ac8d3, 82234e08 and 02ebd8f7) call `build_moe_ffn` with these values,
whatever the model. Families whose graphs take either from the file, or that were not looked up,
are left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from gatekeeper.checkpoint.json_files import CONFIG
from gatekeeper.checkpoint.nested_configs import parts
from gatekeeper.errors import excerpt

#: Model type -> whether the weights of the chosen experts are brought to a sum of one there, and
#: what transformers does where the config does not say.
_SUMS_TO_ONE: Mapping[str, tuple[bool, bool]] = {
    "qwen3_moe": (True, False),
    "qwen3_next": (True, True),
    "qwen2_moe": (False, False),
    "olmoe": (False, False),
}
#: Model types whose experts have this activation there.
_SILU = frozenset({*_SUMS_TO_ONE, "mixtral", "deepseek_v2", "deepseek_v3", "dots1", "glm4_moe"})
#: Names of it.
_IS_SILU = (None, "silu", "swish")


def taken_by_llama_cpp(config: Mapping[str, Any]) -> Iterator[str]:
    """A line for each setting of a config, or of one nested in it, that llama.cpp ignores."""
    for part in parts(config):
        model_type = part.get("model_type")
        if not isinstance(model_type, str):
            continue
        if model_type in _SUMS_TO_ONE:
            theirs, default = _SUMS_TO_ONE[model_type]
            said = part.get("norm_topk_prob")
            if bool(default if said is None else said) is not theirs:
                does = "always" if theirs else "never"
                yield (
                    f"not audited: norm_topk_prob of {CONFIG} "
                    f"({excerpt(repr(said))}): llama.cpp {does} brings the weights of the chosen "
                    f"experts of {model_type} to a sum of one"
                )
        if model_type in _SILU and part.get("hidden_act") not in _IS_SILU:
            yield (
                f"not audited: hidden_act of {CONFIG} ({excerpt(repr(part['hidden_act']))}): "
                f"llama.cpp takes silu for {model_type}"
            )
