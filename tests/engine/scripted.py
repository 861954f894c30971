"""Checkpoints that write what they are told: a mixture whose next token hangs on the last alone.

Embeddings are unit vectors, attention adds nothing, experts next to nothing, and the head maps each
token of the script to the next. So every reply is the script, whatever is masked, and a token may
be a phrase.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence
from pathlib import Path

WORDS = 60
_SIZE = 128
_TEMPLATE = (
    "{% for m in messages %}<{{ m['role'] }}> {{ m['content'] }} {% endfor %}"
    "{% if add_generation_prompt %}<assistant>OPENING{% endif %}"
)


def scripted(
    folder: Path,
    script: Sequence[str],
    *,
    special: Sequence[str] = (),
    opening: str = "",
    template: str = _TEMPLATE,
    context: int = 256,
    last: str = "",
) -> Path:
    """A checkpoint whose replies are `script`, then the end token; no token of it twice.

    Args:
        special: which of the script's tokens are special ones, left out of text as a rule.
        opening: what the template writes behind `<assistant>`; a token of the vocabulary too.
        last: the last token of prompts, if that is another word.
    """
    import torch
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
    from transformers import MixtralConfig, MixtralForCausalLM, PreTrainedTokenizerFast

    words = ["<pad>", "</s>", "<unk>", "<user>", "<assistant>", "<system>"]
    words += [f"w{i}" for i in range(WORDS)]
    raw = Tokenizer(models.WordLevel({w: i for i, w in enumerate(words)}, unk_token="<unk>"))
    raw.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    raw.decoder = decoders.Fuse()
    marks = [opening] if opening else []
    raw.add_tokens([AddedToken(w, normalized=False) for w in ("<user>", "<assistant>")])
    for token in (*marks, *script):
        raw.add_tokens([AddedToken(token, normalized=False, special=token in special)])
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=raw, pad_token="<pad>", eos_token="</s>", unk_token="<unk>"
    )
    tokenizer.chat_template = template.replace("OPENING", opening)
    config = MixtralConfig(
        vocab_size=_SIZE,
        hidden_size=_SIZE,
        intermediate_size=16,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=4,
        num_local_experts=4,
        num_experts_per_tok=2,
        max_position_embeddings=context,
        pad_token_id=0,
        bos_token_id=None,
        eos_token_id=1,
        tie_word_embeddings=False,
    )
    torch.manual_seed(0)
    model = MixtralForCausalLM(config)
    order = [
        *tokenizer.convert_tokens_to_ids(
            [*([last] if last else marks or ["<assistant>"]), *script]
        ),
        1,
    ]
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if "o_proj" in name or "down_proj" in name:
                weight.mul_(0.5 if "down_proj" in name else 0.0)
        model.model.embed_tokens.weight.copy_(torch.eye(_SIZE))
        model.lm_head.weight.zero_()
        for one, following in itertools.pairwise(order):
            model.lm_head.weight[following, one] = 1.0
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def small_suite(path: Path, seeds: int = 24) -> Path:
    """Regular and benign prompts of unlike words, one to a seed."""
    rows = [
        {
            "id": f"{kind}-{i}",
            "seed_id": f"{kind}-{i}",
            "set": kind,
            "category": "test",
            "language": "en",
            "text": f"w{i} w{i + 20} {'w50' if kind == 'benign' else 'w51'}",
            "source": "test",
        }
        for kind in ("regular", "benign")
        for i in range(seeds)
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path
