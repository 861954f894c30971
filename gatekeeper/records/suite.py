"""Prompts and the suite they come from."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field

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
        licence: of the text; that of the suite where a row names none.
        wrapper: how a jailbreak was rewritten: one name for all that were rewritten alike; None if
            nobody says.
    """

    id: str
    seed_id: str
    set: str
    category: str
    language: str
    text: str
    source: str
    licence: str = "unknown"
    wrapper: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where prompts of a suite were taken from, as its manifest records it.

    Attributes:
        version: of the package or suite; None for a file.
        origin: the package, or the name of the file.
        files: what was read, as paths inside the package, or names.
        sha256: hex digest of the file; of several, that of their sorted `sha256sum` lines.
        count: prompts in the suite that came from here.
        drawn: how they were chosen, in words.
    """

    name: str
    version: str | None
    origin: str
    licence: str
    files: str
    sha256: str
    count: int
    drawn: str


def suite_digest(files: Mapping[str, str]) -> str:
    """`sha256:` over the sorted `<hash>  <name>` lines of its files, as `sha256sum` prints them."""
    lines = "".join(f"{digest}  {name}\n" for name, digest in sorted(files.items()))
    return "sha256:" + hashlib.sha256(lines.encode()).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Suite:
    """A prompt suite as read from disk; `digest` is over the bytes of its files.

    Attributes:
        sources: what it was imported from; empty for a suite that names none.
        files: hex digest of each of its files by name, from which `digest` follows.
    """

    id: str
    version: str
    title: str
    licence: str
    digest: str
    prompts: tuple[Prompt, ...]
    sources: tuple[Source, ...] = ()
    files: Mapping[str, str] = field(default_factory=dict)

    def counts(self) -> Mapping[str, int]:
        """Prompts per set."""
        return {name: sum(p.set == name for p in self.prompts) for name in SETS}
