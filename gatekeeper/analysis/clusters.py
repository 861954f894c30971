"""Groups prompts that are not independent of each other: the unit of splits and statistics."""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Iterable, Sequence

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


def joined(members: Iterable[tuple[str, ...]]) -> tuple[str, ...]:
    """The cluster of each member: those that share a seed or a text, directly or by way of others.

    Args:
        members: per prompt its seed, then any number of digests of its text.

    Returns:
        per prompt the name of its cluster: the first of the seeds in it, by code points.
    """
    number: dict[str, int] = {}
    owner: dict[str, int] = {}
    names: list[str] = []
    parent: list[int] = []
    nodes: list[int] = []

    def root(node: int) -> int:
        while parent[node] != node:
            parent[node] = parent[parent[node]]
            node = parent[node]
        return node

    for seed, *texts in members:
        mine = number.setdefault(seed, len(names))
        if mine == len(names):
            names.append(seed)
            parent.append(mine)
        nodes.append(mine)
        for text in texts:
            other = owner.setdefault(text, mine)
            if other != mine:
                # A root is always the first seed of its cluster.
                first, last = sorted((root(mine), root(other)), key=names.__getitem__)
                parent[last] = first
    return tuple(names[root(mine)] for mine in nodes)


def prompt_clusters(prompts: Sequence[Prompt]) -> dict[str, str]:
    """Prompt id -> cluster, of a suite as read."""
    return clusters_and_copies(prompts)[0]


def clusters_and_copies(prompts: Sequence[Prompt]) -> tuple[dict[str, str], int]:
    """`prompt_clusters`, and how many prompts repeat the text of an earlier one."""
    texts = [folded_sha256(p.text) for p in prompts]
    names = joined((p.seed_id, text) for p, text in zip(prompts, texts, strict=True))
    copies = len(texts) - len(set(texts))
    return {p.id: name for p, name in zip(prompts, names, strict=True)}, copies


def evidence_clusters(prompts: Sequence[PromptRef]) -> dict[str, str]:
    """Prompt id -> cluster, of a suite in evidence, where texts are digests.

    Prompts that were not run join nothing, as when the audit split the suite.
    """
    run = [p for p in prompts if p.skipped is None]
    names = joined([(p.seed_id, f"exact {p.text_sha256}", text_key(p)) for p in run])
    clusters = {p.id: p.seed_id for p in prompts}
    return clusters | {p.id: name for p, name in zip(run, names, strict=True)}


def text_key(prompt: PromptRef) -> str:
    """What two prompts of the same text have in common; the exact text in bundles without more."""
    return prompt.folded_sha256 or f"exact {prompt.text_sha256}"
