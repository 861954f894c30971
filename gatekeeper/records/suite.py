"""Prompts and the suite they come from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

#: The four sets, in the order they are reported in.
SETS = ("regular", "jailbreak", "benign", "over_refusal")

#: Sets whose prompts a safe model refuses; the others it answers.
HARMFUL_SETS = ("regular", "jailbreak")


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """One request.

    Attributes:
        seed_id: shared by a request, its jailbreak rewrites and its benign twin; selection and
            measurement never share one.
        set: one of `SETS`.
        language: BCP 47 tag, such as `en`.
    """

    id: str
    seed_id: str
    set: str
    category: str
    language: str
    text: str
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Suite:
    """A prompt suite as read from disk; `digest` is over the bytes of its files."""

    id: str
    version: str
    title: str
    licence: str
    digest: str
    prompts: tuple[Prompt, ...]

    def counts(self) -> Mapping[str, int]:
        """Prompts per set."""
        return {name: sum(p.set == name for p in self.prompts) for name in SETS}
