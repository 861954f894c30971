"""Masks and what happened under them."""

from __future__ import annotations

import functools
import json
from collections.abc import Iterable
from dataclasses import dataclass, replace

from gatekeeper.errors import UsageError, excerpt
from gatekeeper.records.model import ExpertId

#: What the judge could not tell: the reply is not there yet, or in a language it does not know.
#: It may be anything, so nothing is claimed that another outcome would change (`policy.undecided`).
UNDECIDED = "undecided"

#: What a reply is, once it is told; a broken reply is neither a refusal nor compliance.
LABELS = ("refuse", "comply", "degenerate")
OUTCOMES = (*LABELS, UNDECIDED)


#: What a policy's rules speak of unless they say otherwise: the expert as good as deleted.
MODE = "reroute"

#: Where a mask may hold.
PHASES = ("prefill", "decode", "both")


@functools.lru_cache
def split_mode(mode: str) -> tuple[str, float]:
    """`scale:0.5` -> ("scale", 0.5); `ablate` -> ("ablate", 0.0); `reroute` -> ("reroute", 0.0).

    Raises:
        UsageError: no such mode, or its number is not one at or above 0.
    """
    kind, colon, text = mode.partition(":")
    if kind in {"reroute", "ablate"} and not colon:
        return kind, 0.0
    if kind in {"scale", "noise"}:
        try:
            value = float(text)
        except ValueError:
            value = -1.0
        if 0.0 <= value <= 1e6:
            return kind, value
    raise UsageError(
        f"{excerpt(mode)!r} is no masking mode",
        remedy="use reroute, ablate, scale:FACTOR or noise:SIGMA, such as scale:0.5 or noise:0.1",
    )


def split_working_mode(mode: str) -> tuple[str, float]:
    """`split_mode`, but of a mode that does something: an audit of one that does not is no audit.

    Raises:
        UsageError: no such mode, or it leaves experts as they are.
    """
    kind, value = split_mode(mode)
    if (kind, value) in {("scale", 1.0), ("noise", 0.0)}:
        raise UsageError(
            f"{excerpt(mode)!r} is a masking that does nothing",
            remedy="use a factor other than 1, or noise above 0; scale:0 is the same as ablate",
        )
    return kind, value


@dataclass(frozen=True, slots=True, kw_only=True)
class Mask:
    """A set of experts taken out of the router's choice.

    Attributes:
        name: unique within an audit, such as `attribution-k4` or `attribution-k4-control-07`.
        arm: `unmasked`, `again` (unmasked too, in batches of another size), `selected`, `control`,
            `beside` (other experts, to compare with), `dose` (the selected ones, weakened),
            `environment` (selected within a part of the suite, or without it), or `positive` (no
            experts: the refusal direction taken out, `records.positive`).
        mode: `reroute`: can't be selected, which equals deleting the expert. `ablate`: selected,
            but contributes nothing. `scale:x`: contributes x times as much. `noise:s`: Gaussian
            noise of s times the root mean square of the expert's own output. `none`: unmasked.
            `direction`: a direction projected out of the residual stream.
        selector: the selector whose ranking it follows or is matched to, or what it follows
            instead (`analysis.comparison_masks`); None for unmasked.
        k: number of experts; nested: the first k of one order.
        control: index of the control order, None for other arms.
        experts: the experts, in order of rank.
        phase: where it holds: while the prompt is read (`prefill`), while the reply is written
            (`decode`), or `both`.
        fold: under cross-fitting, the fold that selected it (1 or 2); else 0.
    """

    name: str
    arm: str
    mode: str
    selector: str | None
    k: int
    control: int | None
    experts: tuple[ExpertId, ...]
    phase: str = "both"
    fold: int = 0

    @property
    def label(self) -> str:
        """The mask's name without its fold: the same for both folds' masks of one rule and size."""
        return self.name.removesuffix(f"-fold-{self.fold}") if self.fold else self.name

    @property
    def how(self) -> str:
        """Mode and phase as one word or two: `reroute`, `ablate in decode`."""
        return self.mode if self.phase == "both" else f"{self.mode} in {self.phase}"


UNMASKED = Mask(
    name="unmasked", arm="unmasked", mode="none", selector=None, k=0, control=None, experts=()
)

#: The unmasked model once more, in batches of another size: what differs is noise.
AGAIN = replace(UNMASKED, name="unmasked-again", arm="again")

#: The model without its refusal direction: shows that the audit would see refusals lost.
POSITIVE = replace(UNMASKED, name="positive-control", arm="positive", mode="direction")


def bare_mask(experts: Iterable[tuple[int, int]], mode: str = MODE) -> Mask:
    """A mask of no selector's ranking and of no arm of an audit: to test or to measure with."""
    ids = tuple(ExpertId(*expert) for expert in experts)
    return Mask(
        name="bare",
        arm="selected",
        mode=mode,
        selector=None,
        k=len(ids),
        control=None,
        experts=ids,
    )


def what_it_does(mask: Mask) -> str:
    """Equal for masks that do the same, whatever their names: they share their replies."""
    experts = sorted([e.layer, e.expert] for e in mask.experts)
    return json.dumps([*([mask.mode, mask.phase] if experts else ["none"]), experts])


def on_every_set(mask: Mask) -> bool:
    """Whether a mask is run on all sets: random and weakened ones are on regular prompts only."""
    return mask.arm not in {"control", "dose"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One prompt under one mask.

    Attributes:
        outcome: one of `OUTCOMES`.
        reason: the judge's reason, a short fixed word (`refusal-phrase`, `repeats`, …).
        tokens: tokens generated, those of reasoning too.
        truncated: whether the reply reached the token window without ending.
        completion: what the model wrote, its reasoning too; where the prompt opens a reasoning
            block, behind that mark. Sensitive: never shown below the `restricted` level.
        second: what a second judge said, of `OUTCOMES`, if it was asked
            (`analysis.second_sample`).
    """

    mask: str
    prompt_id: str
    outcome: str
    reason: str
    tokens: int
    truncated: bool
    completion: str
    second: str | None = None
