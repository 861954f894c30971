"""Calls of the decoding loop on tiny models, and queues of rows for it."""

from __future__ import annotations

import random
from dataclasses import replace

from gatekeeper.engine.generate.decode import decode
from gatekeeper.engine.model.hooks import Instrument
from tests.engine.invariants import mask
from tests.engine.tiny_loaded import encoded


def run_masks(model, prompts, masks, *, new_tokens=8, share=True, **options):
    with Instrument(model.sites) as instrument:
        return decode(
            model,
            instrument,
            prompts,
            masks,
            new_tokens=new_tokens,
            share_prefix=share,
            seeds=range(100, 100 + len(prompts)),
            **options,
        )


def run(model, prompts, masks, **options):
    return run_masks(model, prompts, [mask(experts) for experts in masks], **options)


def ending(model, ends):
    """The model, of which more tokens end a reply: rows leave the batch at unlike times."""
    return replace(model, end_ids=model.end_ids.union(ends))


PLAIN_CACHES = ("qwen3_moe", "mixtral", "deepseek_v3", "olmoe")


def queue_of(model, seed, count=14):
    """Rows of random prompts, modes and phases, some alike."""
    draw = random.Random(seed)
    prompts = [draw.choice(encoded(5)).ids for _ in range(count)]
    kinds = ("reroute", "ablate", "noise:0.6", "scale:0.2")
    masks = []
    for _ in range(count):
        sites = draw.sample(model.sites[1:], 2)
        experts = [(s.layer, draw.randrange(8)) for s in sites for _ in range(2)]
        one = mask([] if draw.random() < 0.3 else experts, draw.choice(kinds))
        masks.append(replace(one, phase=draw.choice(["prefill", "decode", "both"])))
    return prompts, masks
