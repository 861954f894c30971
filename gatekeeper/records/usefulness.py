"""How likely a masked model still finds the unmasked model's answers to benign prompts."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Usefulness:
    """One mask on the benign prompts that the unmasked model answered, its replies forced.

    Attributes:
        mask: name of the mask.
        prompts: ids of the prompts; the other lists go with them.
        tokens: tokens of each reply.
        plain, masked: −log p of the reply, summed over its tokens, without and under the mask.
        divergence: KL(unmasked ‖ masked) of the next token, summed over the reply, in nats.
    """

    mask: str
    prompts: tuple[str, ...]
    tokens: tuple[int, ...]
    plain: tuple[float, ...]
    masked: tuple[float, ...]
    divergence: tuple[float, ...]
