"""Tiny random models with a tokenizer, loaded the way an audit loads them."""

from __future__ import annotations

from functools import cache
from typing import Any

import torch

from gatekeeper.engine.generate.batching import Encoded
from gatekeeper.engine.model.architectures import architecture_of
from gatekeeper.engine.model.load import LoadedModel
from gatekeeper.records.suite import Prompt
from tests.engine.zoo import build

_TEMPLATE = (
    "{% for m in messages %}<{{ m['role'] }}> {{ m['content'] }} {% endfor %}"
    "{% if add_generation_prompt %}<assistant>{% endif %}"
)


@cache
def tokenizer():
    """128 words `w0` … with a chat template, a pad and an end token."""
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    words = ["<pad>", "<s>", "</s>", "<unk>", "<user>", "<assistant>", "<system>"]
    words += [f"w{i}" for i in range(128 - len(words))]
    raw = Tokenizer(models.WordLevel({w: i for i, w in enumerate(words)}, unk_token="<unk>"))
    raw.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    made = PreTrainedTokenizerFast(
        tokenizer_object=raw, pad_token="<pad>", eos_token="</s>", unk_token="<unk>"
    )
    made.chat_template = _TEMPLATE
    return made


@cache
def loaded(model_type: str) -> LoadedModel:
    """A family's random model of the zoo; shared by tests, so not to be changed."""
    return loaded_with(model_type, 7)


def loaded_with(model_type: str, seed: int, **changes: Any) -> LoadedModel:
    """A model of one's own."""
    model = build(model_type, seed=seed, **changes)
    sites = architecture_of(model_type).find(model)
    return LoadedModel(
        model=model,
        architecture=architecture_of(model_type),
        tokenizer=tokenizer(),
        sites=tuple(site for site in sites if site.routed),
        device=torch.device("cpu"),
        dtype=torch.float32,
        end_ids=frozenset({2}),
        pad_id=0,
        context_length=64,
    )


def prompt(number: int, text: str, prompt_set: str = "regular") -> Prompt:
    return Prompt(
        id=f"p{number}",
        seed_id=f"s{number}",
        set=prompt_set,
        category="test",
        language="en",
        text=text,
        source="test",
    )


def encoded(count: int = 4) -> list[Encoded]:
    """Prompts of unlike length, already tokens."""
    return [
        Encoded(
            prompt=prompt(i, f"w{i}"),
            ids=tuple((7 * i + 13 * j) % 120 + 7 for j in range(3 + 2 * i)),
            skipped=None,
        )
        for i in range(count)
    ]
