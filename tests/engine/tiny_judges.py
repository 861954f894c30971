"""Tiny local models for judges: an encoder, a classifier, and one that writes what a word says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch

WORDS = ["refuse", "comply", "no", "yes", "the", "cat", "sat", ":", "<|end|>", "a", "wire"]


def save_tokenizer(path: Path, **more: Any) -> Any:
    """Words to ids; everything else is unknown."""
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    names = ["[PAD]", "[EOS]", "[UNK]", *WORDS]
    core = Tokenizer(models.WordLevel({n: i for i, n in enumerate(names)}, unk_token="[UNK]"))
    core.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=core, pad_token="[PAD]", eos_token="[EOS]", unk_token="[UNK]", **more
    )
    tokenizer.save_pretrained(path)
    return tokenizer


def _bert(labels: dict[int, str] | None = None) -> Any:
    from transformers import BertConfig

    more = {} if labels is None else {"id2label": labels, "num_labels": len(labels)}
    return BertConfig(
        vocab_size=3 + len(WORDS),
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=24,
        max_position_embeddings=32,
        pad_token_id=0,
        **more,
    )


def save_encoder(path: Path, pooling: dict[str, Any] | None = None) -> Path:
    """A random sentence encoder, as sentence-transformers lays it out.

    Args:
        pooling: its settings; None for the mean.
    """
    from transformers import BertModel

    torch.manual_seed(3)
    BertModel(_bert()).eval().save_pretrained(path)
    save_tokenizer(path)
    save_modules(path, "Transformer", "Pooling", "Normalize")
    settings = {"pooling_mode_mean_tokens": True} if pooling is None else pooling
    (path / "1_Pooling").mkdir()
    (path / "1_Pooling" / "config.json").write_text(json.dumps(settings))
    return path


def save_modules(path: Path, *names: str) -> None:
    """What sentence-transformers lists of a model."""
    listed = [
        {"idx": i, "name": str(i), "path": "", "type": f"sentence_transformers.models.{name}"}
        for i, name in enumerate(names)
    ]
    (path / "modules.json").write_text(json.dumps(listed))


def save_classifier(path: Path, labels: dict[int, str]) -> Path:
    """A random classifier."""
    from transformers import BertForSequenceClassification

    torch.manual_seed(4)
    BertForSequenceClassification(_bert(labels)).eval().save_pretrained(path)
    save_tokenizer(path)
    return path


def save_writer(path: Path, after: dict[str, str], positions: int = 64, **more: Any) -> Path:
    """A causal model whose next word follows from the last: one-hot states, a table as its head.

    Args:
        after: word -> word that it is followed by; all others by the end.
        more: for the tokenizer, such as a chat template.
    """
    from transformers import LlamaConfig, LlamaForCausalLM

    names = ["[PAD]", "[EOS]", "[UNK]", *WORDS]
    size = 16
    config = LlamaConfig(
        vocab_size=len(names),
        hidden_size=size,
        intermediate_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        num_key_value_heads=2,
        max_position_embeddings=positions,
        eos_token_id=1,
        pad_token_id=0,
        tie_word_embeddings=False,
    )
    model = LlamaForCausalLM(config).eval()
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if "norm" not in name:
                weight.zero_()
        for i, name in enumerate(names):
            model.model.embed_tokens.weight[i, i] = 1.0
            model.lm_head.weight[names.index(after.get(name, "[EOS]")), i] = 1.0
    model.save_pretrained(path)
    save_tokenizer(path, **more)
    return path
