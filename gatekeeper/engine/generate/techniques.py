"""The techniques that make a sweep fast; a benchmark switches them on one by one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gatekeeper.records.evidence import SelfTestCheck


@dataclass(frozen=True, slots=True, kw_only=True)
class Techniques:
    """The techniques a sweep may use to save work; none changes a reply, rounding aside.

    Attributes:
        fold: rows of unlike masks share a batch; else one mask a batch.
        sort_lengths: prompts run longest first, so that rows of a batch are of like length.
        share_prefix: layers below the first masked one run once per group of equal tokens.
        share_attention: the attention of the first masked layer too: its mask comes behind. Off
            unless the self-test found it exact.
        sort_depth: rows whose masks begin in deep layers run together, so that they share more.
        refill: rows of a shard enter as others end; else when all of the batch have. Off unless the
            self-test tried it, which it does on CUDA only: elsewhere it saves next to nothing.
        cache_prompts: system prompt and template, which all prompts begin with, are read once for
            each mask of a shard. Off unless the self-test found it exact.
        draft: a masked row whose reply is the unmasked one is told by one forward that reads it.
            Off unless the self-test found it exact.
    """

    fold: bool = True
    sort_lengths: bool = True
    share_prefix: bool = True
    share_attention: bool = False
    sort_depth: bool = True
    refill: bool = False
    cache_prompts: bool = False
    draft: bool = False


def where_exact(checks: Sequence[SelfTestCheck]) -> Techniques:
    """All techniques that the self-test found to change no reply on a model."""
    passed = {check.name for check in checks if check.passed}
    return Techniques(
        share_prefix="prefix" in passed,
        share_attention="attention" in passed,
        refill="refill" in passed,
        cache_prompts="opening" in passed,
        draft="draft" in passed,
    )


#: A padded batch at a time, all tokens of every row: what the others are compared with.
PLAIN = Techniques(
    fold=False,
    sort_lengths=False,
    share_prefix=False,
    sort_depth=False,
)
