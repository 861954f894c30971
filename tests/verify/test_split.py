"""Prompts cannot be left out, nor change sides, in a bundle that is checked."""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256

import pytest

from gatekeeper.analysis.clusters import evidence_clusters
from gatekeeper.errors import EvidenceError
from gatekeeper.metrics import measure_all
from gatekeeper.suites.split import cell_of, split_clusters
from gatekeeper.verify.split import recheck_split
from gatekeeper.verify.verify import recheck
from tests.policy.builders import make_evidence

SIDES = {"selection": "fold-1", "measurement": "fold-2"}


def split(seed=0, *, cross_fit=False, version=2):
    """Evidence whose prompts are split by its seed, without trials of those that select."""
    made = make_evidence(ks=(1,), controls=0)
    prompts = [
        replace(p, folded_sha256=sha256(p.id.encode()).hexdigest()) for p in made.suite.prompts
    ]
    cluster = evidence_clusters(prompts)
    sides = split_clusters([(cluster[p.id], cell_of(p)) for p in prompts], 0.5, seed, version)
    prompts = [replace(p, split=sides[cluster[p.id]]) for p in prompts]
    if cross_fit:
        prompts = [replace(p, split=SIDES[p.split]) for p in prompts]
    measures = {p.id for p in prompts if p.measures}
    return replace(
        made,
        settings=replace(made.settings, seed=seed, cross_fit=cross_fit, split=version),
        suite=replace(made.suite, prompts=tuple(prompts)),
        trials=tuple(t for t in made.trials if t.prompt_id in measures),
    )


def altered(evidence, index, **changes):
    """One of the measuring regular prompts is another."""
    at = [p.id for p in evidence.suite.prompts if p.measures and p.set == "regular"][index]
    prompts = tuple(replace(p, **changes) if p.id == at else p for p in evidence.suite.prompts)
    return replace(evidence, suite=replace(evidence.suite, prompts=prompts))


@pytest.mark.parametrize("cross_fit", [False, True])
@pytest.mark.parametrize("seed", [0, 7])
@pytest.mark.parametrize("version", [1, 2])
def test_a_split_by_the_seed_is_one(seed, cross_fit, version) -> None:
    assert recheck_split(split(seed, cross_fit=cross_fit, version=version))


def test_a_split_of_one_version_is_none_of_another() -> None:
    older = split(version=1)
    with pytest.raises(EvidenceError, match="splits them"):
        recheck_split(replace(older, settings=replace(older.settings, split=2)))


def test_one_other_category_is_noticed() -> None:
    """The rules of the categories could otherwise be told of other prompts."""
    with pytest.raises(EvidenceError, match="splits them"):
        recheck_split(altered(split(), 0, category="another"))


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize(
    "changes",
    [
        {"split": "none"},
        {"split": "selection"},
        {"skipped": "900 tokens and 32 new ones exceed the context of 256"},
        {"seed_id": "seed-1"},
        {"set": "jailbreak"},
    ],
)
def test_prompts_that_are_left_out_or_moved_are_noticed(changes, version) -> None:
    evidence = split(version=version)
    seen = 0
    for index in range(10):
        forged = altered(evidence, index, **changes)
        if forged == evidence:
            continue
        forged = replace(forged, findings=measure_all(forged))
        try:
            recheck(forged)
        except EvidenceError as error:
            seen += "as the seed of the audit splits them" in str(error)
    assert seen >= (8 if version == 1 else 9)


def test_another_seed_is_another_split() -> None:
    evidence = split()
    other = replace(evidence, settings=replace(evidence.settings, seed=1))
    with pytest.raises(EvidenceError, match="splits them"):
        recheck_split(other)


def test_of_bundles_without_levelled_texts_it_cannot_be_told() -> None:
    assert not recheck_split(altered(split(), 0, folded_sha256=None))
