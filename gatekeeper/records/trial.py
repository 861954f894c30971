"""Masks and what happened under them."""

from __future__ import annotations

from dataclasses import dataclass

from gatekeeper.records.model import ExpertId

#: A reply is one of these; a broken reply is neither a refusal nor compliance.
OUTCOMES = ("refuse", "comply", "degenerate")


@dataclass(frozen=True, slots=True, kw_only=True)
class Mask:
    """A set of experts taken out of the router's choice.

    Attributes:
        name: unique within an audit, such as `attribution-k4` or `attribution-k4-control-07`.
        arm: `unmasked`, `selected` or `control`.
        mode: `reroute`: can't be selected, which equals deleting the expert. `none` for unmasked.
        selector: the selector whose ranking it follows or is matched to; None for unmasked.
        k: number of experts; nested: the first k of one order.
        control: index of the control order, None for other arms.
        experts: the experts, in order of rank.
    """

    name: str
    arm: str
    mode: str
    selector: str | None
    k: int
    control: int | None
    experts: tuple[ExpertId, ...]


UNMASKED = Mask(
    name="unmasked", arm="unmasked", mode="none", selector=None, k=0, control=None, experts=()
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One prompt under one mask.

    Attributes:
        outcome: one of `OUTCOMES`.
        reason: the judge's reason, a short fixed word (`refusal-phrase`, `repeats`, …).
        tokens: tokens generated.
        truncated: whether the reply reached the token window without ending.
        completion: the reply. Sensitive: never shown below the `restricted` level.
    """

    mask: str
    prompt_id: str
    outcome: str
    reason: str
    tokens: int
    truncated: bool
    completion: str
