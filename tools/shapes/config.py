"""Published configs, whole or with fewer layers and narrower ones."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
DEMO = ROOT / "demo" / "concentrated"
#: Where configs lie: those that `estimate` is tried on too, and those that are wanted here alone.
_FOLDERS = (ROOT / "benchmarks" / "configs", Path(__file__).parent)

_WIDTHS = (
    "intermediate_size",
    "moe_intermediate_size",
    "shared_expert_intermediate_size",
    "kv_lora_rank",
)


def names() -> list[str]:
    """Names of all shapes."""
    return sorted(file.stem for folder in _FOLDERS for file in folder.glob("*.json"))


def config_of(name: str, layers: int | None = None, scale: float = 1.0) -> dict[str, Any]:
    """A published config, for the demo's tokenizer and unquantised.

    Args:
        layers: how many of its layers; None for all.
        scale: factor on widths, heads and vocabulary, at most 1; how many experts there are, and
            how many work on a token, stays.
    """
    file = next(f for folder in _FOLDERS if (f := folder / f"{name}.json").is_file())
    config: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    config.pop("quantization_config", None)
    tokens = json.loads((DEMO / "config.json").read_text(encoding="utf-8"))
    config |= {key: tokens[key] for key in ("bos_token_id", "eos_token_id", "pad_token_id")}
    if layers is not None:
        config["num_hidden_layers"] = layers
    return config if scale == 1.0 else _narrowed(config, scale, tokens["vocab_size"])


def _narrowed(config: dict[str, Any], scale: float, least: int) -> dict[str, Any]:
    """Narrower by a factor, each head as wide as before.

    Rows of matrices stay multiples of 16 bytes, which torch's products of experts ask for.
    """
    heads, pairs = config["num_attention_heads"], config["num_key_value_heads"]
    apiece = config["hidden_size"] // heads
    new = max(1, round(heads * scale))
    hidden = _even(config["hidden_size"] * scale) if "head_dim" in config else new * apiece
    changed = {
        "num_attention_heads": new,
        "num_key_value_heads": new if pairs == heads else 1,
        "hidden_size": hidden,
        "vocab_size": max(least, round(config["vocab_size"] * scale)),
    }
    for key in _WIDTHS:
        if key in config:
            changed[key] = _even(config[key] * scale)
    return config | changed


def _even(width: float) -> int:
    return max(8, round(width / 8) * 8)
