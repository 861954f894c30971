"""Needs that an audit's options alone decide: checked before it runs, and again after it."""

from __future__ import annotations

from collections.abc import Iterator

from gatekeeper.errors import excerpt
from gatekeeper.records.audit_config import AuditConfig
from gatekeeper.records.policy import Policy
from gatekeeper.records.reasoning import Reasoning
from gatekeeper.records.verdict import Requirement


def option_needs(
    config: AuditConfig, reasoning: Reasoning | None, policy: Policy
) -> Iterator[tuple[str, Requirement]]:
    """Each need that options alone decide, with the option that decides it.

    Args:
        config: of an audit that is asked for, or was carried out.
        reasoning: how it was told from replies; None: not recorded.
        policy: sized for the model.
    """
    yield from _search(config, policy)
    yield from _pins(config, reasoning, policy)
    needs = policy.needs.settings
    if needs.window:
        yield "--max-new-tokens", exactly("window", config.max_new_tokens, needs.window, "tokens")
    if needs.reasoning_tokens:
        most = 0 if reasoning is None else reasoning.max_tokens
        what = "tokens of reasoning at most"
        yield (
            "--max-reasoning-tokens",
            exactly("reasoning tokens", most, needs.reasoning_tokens, what),
        )


def suite_needs(suite: str, digest: str, policy: Policy) -> Iterator[Requirement]:
    """Whether the prompts are those that the policy pins, if it does."""
    for name, wanted, actual in (
        ("suite id", policy.needs.suite_id, suite),
        ("suite digest", policy.needs.suite_digest, digest),
    ):
        if wanted is not None:
            yield pinned(name, wanted, actual)
    if several := policy.needs.suite_digests:
        met = digest in several
        detail = f"it is {excerpt(digest)}" + ("" if met else ", which is none of those allowed")
        yield Requirement(name="suite digest", met=met, detail=detail)


def pinned(name: str, wanted: str, actual: str) -> Requirement:
    """Whether a setting is the one that is wanted."""
    needed = "" if wanted == actual else f", {excerpt(wanted)} is needed"
    return Requirement(name=name, met=wanted == actual, detail=f"it is {excerpt(actual)}{needed}")


def least(name: str, actual: int, needed: int, what: str) -> Requirement:
    """Whether a search had at least so much of something."""
    detail = f"{actual} {what}, {needed} needed"
    return Requirement(name=f"search: {name}", met=actual >= needed, detail=detail)


def exactly(name: str, actual: int, needed: int, what: str) -> Requirement:
    """Whether a setting is this number."""
    detail = f"{actual} {what}, {needed} needed"
    return Requirement(name=f"setting: {name}", met=actual == needed, detail=detail)


def _search(config: AuditConfig, policy: Policy) -> Iterator[tuple[str, Requirement]]:
    needs, per_resample = policy.needs.search, "experts taken per resample"
    if needs.resamples:
        yield "--resamples", least("resamples", config.resamples, needs.resamples, "resamples")
    if needs.size_is_largest_k and policy.needs.ks:
        # More than that is not better: a search that shrinks starts from a multiple of the size,
        # and where so many masked experts break the model it can tell none from another.
        largest = max(policy.needs.ks)
        detail = f"{config.size} {per_resample}, {largest} needed, as the largest mask"
        met = config.size == largest
        yield "--size", Requirement(name="search: size", met=met, detail=detail)
        # Random masks hold none of the experts that their selector's largest mask does: a larger
        # one takes from them what ranks next, and draws all of them anew.
        most = max(config.ks, default=0)
        detail = f"the largest mask holds {most} experts, {largest} at most"
        yield "-k", Requirement(name="search: mask sizes", met=most <= largest, detail=detail)
    elif needs.size:
        yield "--size", least("size", config.size, needs.size, per_resample)
    if needs.cross_fit is not None:
        detail = "each half measured what the other selected" if config.cross_fit else "not done"
        met = config.cross_fit == needs.cross_fit
        yield "--cross-fit", Requirement(name="search: cross-fit", met=met, detail=detail)
    if needs.own_windows:
        window = config.window
        detail = "each selector's own"
        if window:
            detail = f"all selectors were told to count on {excerpt(window)}"
        yield "--window", Requirement(name="search: windows", met=window is None, detail=detail)


def _pins(
    config: AuditConfig, reasoning: Reasoning | None, policy: Policy
) -> Iterator[tuple[str, Requirement]]:
    needs = policy.needs.settings
    thinking = marks = "not recorded"
    if reasoning is not None:
        thinking, marks = reasoning.thinking, _marks(reasoning.marks)
    wanted_marks = None if needs.reasoning_marks is None else _marks(needs.reasoning_marks)
    stops = None if needs.sequential is None else _on(needs.sequential)
    for name, flag, wanted, actual in (
        ("thinking", "--thinking", needs.thinking, thinking),
        ("reasoning marks", "--reasoning", wanted_marks, marks),
        ("judge", "--judge", needs.judge, config.judge),
        ("mode", "--mode", needs.mode, config.mode),
        ("phase", "--phase", needs.phase, config.phase),
        ("sequential", "--sequential", stops, _on(config.sequential is not None)),
        ("seed", "--seed", None if needs.seed is None else str(needs.seed), str(config.seed)),
    ):
        if wanted is not None:
            yield flag, pinned(f"setting: {name}", wanted, actual)


def _on(on: bool) -> str:
    return "on" if on else "off"


def _marks(marks: tuple[str, ...]) -> str:
    return " … ".join(marks) or "none"
