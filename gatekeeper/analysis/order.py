"""The order in which prompts are taken while masks may stop early, and what was run of it."""

from __future__ import annotations

import hashlib

from gatekeeper.analysis.beside_trials import beside_trials
from gatekeeper.analysis.clusters import evidence_clusters
from gatekeeper.records.evidence import MEASURING, Evidence
from gatekeeper.records.sequential_run import SequentialRun
from gatekeeper.records.trial import Mask

#: Prompts before the first look; each later look is taken after so many times as many.
FIRST, _GROWTH = 20, 1.2
#: From this share of a set on, the rest is run without a further look.
_REST = 0.85


#: Arms whose masks may stop early.
_MAY_STOP = frozenset({"selected", "control", "beside"})


@beside_trials(maxsize=32)
def order(evidence: Evidence, prompt_set: str) -> tuple[tuple[str, ...], ...]:
    """Ids of a set's measured prompts, seed by seed, in an order fixed by the audit's seed.

    Drawn by digest, so that neither the order of the suite nor any outcome has a part in it.
    """
    clusters = evidence_clusters(evidence.suite.prompts)
    groups: dict[str, list[str]] = {}
    for prompt in evidence.suite.prompts:
        if prompt.set == prompt_set and prompt.skipped is None and prompt.split in MEASURING:
            groups.setdefault(clusters[prompt.id], []).append(prompt.id)

    def place(cluster: str) -> str:
        text = f"{evidence.settings.seed}|{prompt_set}|{cluster}"
        return hashlib.sha256(text.encode()).hexdigest()

    return tuple(tuple(groups[name]) for name in sorted(groups, key=place))


def looks(seeds: tuple[tuple[str, ...], ...]) -> list[int]:
    """How many seeds have been run at each look; the last is all of them."""
    total = sum(len(ids) for ids in seeds)
    counts: list[int] = []
    run, wanted = 0, float(FIRST)
    for count, ids in enumerate(seeds, start=1):
        run += len(ids)
        if run >= _REST * total:
            break
        if run >= wanted:
            counts.append(count)
            wanted = run * _GROWTH
    return [*counts, len(seeds)] if seeds else []


def halved(confidence: float) -> float:
    """The confidence of either way a run may end: early, or with the last prompt of the set.

    Both together then err at most as often as one interval at `confidence` would.
    """
    return 0.5 + confidence / 2


@beside_trials(maxsize=8)
def _stops(evidence: Evidence) -> dict[tuple[str, int, str], SequentialRun]:
    return {(stop.selector, stop.k, stop.set): stop for stop in evidence.stops}


def stop_of(evidence: Evidence, mask: Mask | None, prompt_set: str) -> SequentialRun | None:
    """How far a mask was run on a set, if it might have stopped early."""
    if mask is None or mask.arm not in _MAY_STOP or mask.selector is None:
        return None
    if mask.arm == "control" and prompt_set != "regular":
        return None
    return _stops(evidence).get((mask.selector, mask.k, prompt_set))


@beside_trials(maxsize=8)
def _labels(evidence: Evidence) -> dict[str, Mask]:
    return {mask.label: mask for mask in evidence.masks}


def stop_under(evidence: Evidence, label: str, prompt_set: str) -> SequentialRun | None:
    """`stop_of` the mask of a label."""
    return stop_of(evidence, _labels(evidence).get(label), prompt_set) if evidence.stops else None


def prompts_left_out(evidence: Evidence) -> int:
    """Replies, of prompts under masks, that runs which stopped early did not have to make."""
    return sum(
        stop.of - stop.prompts
        for stop in evidence.stops
        for mask in evidence.masks
        if stop_of(evidence, mask, stop.set) == stop
    )


@beside_trials(maxsize=256)
def run_of(evidence: Evidence, stop: SequentialRun) -> frozenset[str]:
    """Ids of the prompts that a stop says were run: the first seeds of the order."""
    run: list[str] = []
    for ids in order(evidence, stop.set):
        if len(run) >= stop.prompts:
            break
        run += ids
    return frozenset(run)
