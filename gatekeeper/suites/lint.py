"""What is allowed in a suite but weakens an audit made with it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from gatekeeper.analysis.clusters import folded_sha256
from gatekeeper.records.suite import SETS, Suite

#: Prompts of a set below which to warn: half of them select experts, and 50 measured prompts leave
#: a 95 % Wilson interval of 13 points either way at a rate of one half.
ENOUGH = 100


def warnings(suite: Suite) -> tuple[str, ...]:
    """One sentence each; names sets and counts, never a prompt."""
    return (*_small(suite), *_unpaired(suite), *repeated(suite), *_unnamed(suite))


def _small(suite: Suite) -> Iterator[str]:
    for name, count in suite.counts().items():
        if count == 0:
            yield f"set {name} is empty: rules about it will be inconclusive"
        elif count < ENOUGH:
            yield f"set {name} has {count} prompts: below {ENOUGH}, expect inconclusive rules"


def _unpaired(suite: Suite) -> Iterator[str]:
    """Contrasts between sets rest on seeds they share."""
    seeds = {name: {p.seed_id for p in suite.prompts if p.set == name} for name in SETS}
    for name, why in (
        ("jailbreak", "what separates a request from its jailbreak"),
        ("benign", "the request from its benign twin"),
    ):
        if not seeds[name] or not seeds["regular"]:
            continue
        alone = len(seeds[name] - seeds["regular"])
        if alone == len(seeds[name]):
            yield f"no prompt of set {name} shares a seed_id with set regular: {why} goes untested"
        elif alone:
            yield f"{alone} of {len(seeds[name])} seeds of set {name} have no prompt in set regular"


def repeated(suite: Suite) -> Iterator[str]:
    """The one sentence on prompts that repeat a text, if there are any."""
    texts = Counter(folded_sha256(p.text) for p in suite.prompts)
    copies = sum(n - 1 for n in texts.values())
    if copies:
        yield (
            f"{copies} prompts repeat the text of another: each text counts once, and seeds that "
            "share one count as one"
        )


def _unnamed(suite: Suite) -> Iterator[str]:
    if suite.licence == "unknown":
        yield "the licence is unknown: add a suite.json that names it"
    undetermined = sum(p.language == "und" for p in suite.prompts)
    if undetermined:
        yield f"{undetermined} prompts name no language: judges cannot be checked for fitness"
    uncategorised = sum(p.category == "uncategorised" for p in suite.prompts)
    if uncategorised:
        yield f"{uncategorised} prompts have no category: robustness over categories goes untested"
