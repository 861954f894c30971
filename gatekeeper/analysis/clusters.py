"""Which prompts are no independent evidence of each other: the unit of splits and statistics."""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Sequence

from gatekeeper.records.evidence import PromptRef
from gatekeeper.records.suite import Prompt


def folded(text: str) -> str:
    """A text without what makes no other request of it.

    Width and compatibility forms (NFKC), case, runs of white space, and invisible format characters
    are levelled; words, punctuation and spelling stay.
    """
    plain = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    if not plain.isascii():  # no ASCII character is of category Cf
        plain = "".join(c for c in plain if unicodedata.category(c) != "Cf")
    return " ".join(plain.split())


def folded_sha256(text: str) -> str:
    """Hex digest of `folded`."""
    return hashlib.sha256(folded(text).encode("utf-8", "replace")).hexdigest()


def joined(members: Sequence[tuple[str, ...]]) -> tuple[str, ...]:
    """The cluster of each member: those that share a seed or a text, directly or by way of others.

    Args:
        members: per prompt its seed, then any number of digests of its text.

    Returns:
        per prompt the name of its cluster: the first of the seeds in it, by code points.
    """
    parent: dict[tuple[bool, str], tuple[bool, str]] = {}

    def root(node: tuple[bool, str]) -> tuple[bool, str]:
        parent.setdefault(node, node)
        while parent[node] != node:
            parent[node] = parent[parent[node]]
            node = parent[node]
        return node

    for seed, *texts in members:
        for text in texts:
            ends = root((False, seed)), root((True, text))
            # Seeds sort before texts, so that a root is always the first seed of its cluster.
            parent[max(ends)] = min(ends)
    return tuple(root((False, seed))[1] for seed, *_ in members)


def prompt_clusters(prompts: Sequence[Prompt]) -> dict[str, str]:
    """Prompt id -> cluster, of a suite as read."""
    names = joined([(p.seed_id, folded_sha256(p.text)) for p in prompts])
    return {p.id: name for p, name in zip(prompts, names, strict=True)}


def evidence_clusters(prompts: Sequence[PromptRef]) -> dict[str, str]:
    """Prompt id -> cluster, of a suite in evidence, where texts are digests.

    Prompts that were not run join nothing, as when the audit split the suite.
    """
    run = [p for p in prompts if p.skipped is None]
    names = joined([(p.seed_id, f"exact {p.text_sha256}", text_key(p)) for p in run])
    found = {p.id: p.seed_id for p in prompts}
    return found | {p.id: name for p, name in zip(run, names, strict=True)}


def text_key(prompt: PromptRef) -> str:
    """What two prompts of the same text have in common; the exact text in bundles without more."""
    return prompt.folded_sha256 or f"exact {prompt.text_sha256}"
