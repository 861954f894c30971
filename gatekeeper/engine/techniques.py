"""What makes a sweep fast, each part of it separable: a benchmark switches them on one by one."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Techniques:
    """What a sweep may do to save work. None of them changes what a reply is, rounding aside.

    Attributes:
        fold: rows of unlike masks share a batch; else one mask a batch.
        sort_lengths: prompts run longest first, so that rows of a batch are of like length.
        share_prefix: layers below the first masked one run once per group of equal tokens.
        stop_early: a row ends once no continuation could change the judge's decision. Decisions are
            equal, replies are shorter.
    """

    fold: bool = True
    sort_lengths: bool = True
    share_prefix: bool = True
    stop_early: bool = True


#: A padded batch at a time, all tokens of every row: what the others are compared with.
PLAIN = Techniques(fold=False, sort_lengths=False, share_prefix=False, stop_early=False)
