"""Warnings of what is allowed in a suite but weakens an audit made with it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from gatekeeper.analysis.clusters import clusters_and_copies
from gatekeeper.records.suite import SETS, Suite
from gatekeeper.suites._strict import plain
from gatekeeper.suites.near_duplicates import MOST_PAIRS, near_pairs

#: Prompts of a set below which to warn: at a plain half 50 are left to measure, which leave a 95 %
#: Wilson interval of 13 points either way at a rate of one half.
ENOUGH = 100
#: Pairs of near copies that are named.
_NAMED = 3

#: Policy -> set -> prompts that must have been measured.
Needs = Mapping[str, Mapping[str, int]]


@dataclass(frozen=True, slots=True)
class Texts:
    """Facts about a suite's texts that take long to compute, so that they are computed once.

    Attributes:
        cluster: prompt id -> the independent unit it belongs to.
        copies: prompts that repeat the text of an earlier one.
    """

    cluster: Mapping[str, str]
    copies: int

    @classmethod
    def of(cls, suite: Suite) -> Texts:
        """Computes the facts of a suite as read."""
        return cls(*clusters_and_copies(suite.prompts))

    def measured(self, suite: Suite) -> dict[str, int]:
        """Independent prompts per set: all measure if cross-fitted, as shipped policies want."""
        by_set: dict[str, set[str]] = {name: set() for name in SETS}
        for prompt in suite.prompts:
            by_set[prompt.set].add(self.cluster[prompt.id])
        return {name: len(clusters) for name, clusters in by_set.items()}


def warnings(
    suite: Suite, needs: Needs | None = None, texts: Texts | None = None
) -> tuple[str, ...]:
    """Warnings about a suite, a sentence each, that name sets, counts and ids, never a prompt.

    Args:
        suite: as read.
        needs: of the policies to warn about; a set is too small if it is for each of them.
        texts: of this suite, if they are known already.
    """
    texts = texts or Texts.of(suite)
    return (
        *_small(suite, needs or {}, texts),
        *_unpaired(suite),
        *_repeated(texts.copies),
        *_near(suite, texts),
        *_unnamed(suite),
    )


def notes(suite: Suite, needs: Needs, texts: Texts | None = None) -> tuple[str, ...]:
    """What some policies need beyond the suite although others do not: no fault of the suite."""
    measured = (texts or Texts.of(suite)).measured(suite)
    lines = []
    for name in SETS:
        short = _short(measured[name], name, needs)
        if measured[name] and short and len(short) < _asking(name, needs):
            lines.append(f"set {name} can measure {measured[name]}: {_needing(short, name, needs)}")
    return tuple(lines)


def _small(suite: Suite, needs: Needs, texts: Texts) -> Iterator[str]:
    measured = texts.measured(suite)
    for name, count in suite.counts().items():
        short = _short(measured[name], name, needs)
        if count == 0:
            yield f"set {name} is empty: rules about it will be inconclusive"
        elif short and len(short) == _asking(name, needs):
            yield (
                f"set {name} has {count} prompts, of which {measured[name]} can measure: "
                f"{_needing(short, name, needs)}"
            )
        elif count < ENOUGH:
            yield f"set {name} has {count} prompts: below {ENOUGH}, expect inconclusive rules"


def _short(measured: int, name: str, needs: Needs) -> list[str]:
    """Policies that need more of a set, the least demanding first."""
    short = [policy for policy, needed in needs.items() if needed.get(name, 0) > measured]
    return sorted(short, key=lambda policy: needs[policy][name])


def _asking(name: str, needs: Needs) -> int:
    return sum(name in needed for needed in needs.values())


def _needing(short: list[str], name: str, needs: Needs) -> str:
    return ", ".join(f"{policy} needs {needs[policy][name]}" for policy in short)


def _near(suite: Suite, texts: Texts) -> Iterator[str]:
    near = near_pairs(suite.prompts, texts.cluster)
    pairs = near.pairs
    if pairs:
        named = (f"{plain(a)} and{plain(b)}" for a, b in pairs[:_NAMED] if plain(a) and plain(b))
        examples = ";".join(named)
        more = "or more " if len(pairs) >= MOST_PAIRS else ""
        yield (
            f"{len(pairs)} {more}pairs of prompts from different seeds are nearly the same text"
            + (f":{examples}" if examples else "")
            + ("; …" if examples and len(pairs) > _NAMED else "")
            + ": give both one seed_id, or drop one"
        )
    for name, (looked, all_) in near.cut.items():
        yield (
            f"prompts that are nearly the same were looked for among the first {looked:,} texts of "
            f"set {name} only, which has {all_:,} prompts"
        )


def _unpaired(suite: Suite) -> Iterator[str]:
    """Warns of seeds that the set regular lacks: contrasts between sets rest on shared seeds."""
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
    return _repeated(Texts.of(suite).copies)


def _repeated(copies: int) -> Iterator[str]:
    if copies:
        yield (
            f"{copies} prompts repeat the text of another: each text counts once, and seeds that "
            "share one count as one"
        )


def _unnamed(suite: Suite) -> Iterator[str]:
    if suite.licence == "unknown":
        yield "the licence is unknown: add a suite.json that names it"
    elif unlicensed := sum(p.licence == "unknown" for p in suite.prompts):
        yield f"{unlicensed} prompts are of unknown licence: name it in their rows"
    undetermined = sum(p.language == "und" for p in suite.prompts)
    if undetermined:
        yield f"{undetermined} prompts name no language: judges cannot be checked for fitness"
    uncategorised = sum(p.category == "uncategorised" for p in suite.prompts)
    if uncategorised:
        yield f"{uncategorised} prompts have no category: robustness over categories goes untested"
