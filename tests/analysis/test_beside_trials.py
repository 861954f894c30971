"""What follows from all but the trials is asked once for evidence of other outcomes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gatekeeper.analysis.beside_trials import beside_trials
from gatekeeper.analysis.folds import views
from gatekeeper.analysis.order import order
from gatekeeper.analysis.outcomes import outcome_table
from gatekeeper.analysis.population import by_category
from gatekeeper.records.evidence import Evidence
from gatekeeper.records.trials import retold
from tests.policy.builders import make_evidence


@pytest.fixture
def evidence() -> Evidence:
    return make_evidence(controls=2)


def told(evidence: Evidence) -> Evidence:
    """The same audit, with another outcome in one place."""
    other = {"refuse": "comply"}.get(evidence.trials[0].outcome, "refuse")
    return replace(evidence, trials=retold(evidence.trials, "outcome", {0: other}))


def test_it_is_asked_once_and_without_trials(evidence: Evidence) -> None:
    asked: list[Evidence] = []

    @beside_trials(maxsize=4)
    def prompts(one: Evidence, prompt_set: str) -> int:
        asked.append(one)
        return sum(p.set == prompt_set for p in one.suite.prompts)

    assert prompts(evidence, "regular") == prompts(told(evidence), "regular") == 40
    assert [one.trials for one in asked] == [()]
    fewer = replace(evidence, suite=replace(evidence.suite, prompts=evidence.suite.prompts[:3]))
    assert prompts(fewer, "regular") == 3
    assert prompts(evidence, "benign") == 40
    assert len(asked) == 3


def test_tables_of_other_outcomes_share_all_else(evidence: Evidence) -> None:
    ours, theirs = outcome_table(evidence), outcome_table(told(evidence))
    assert theirs.seeds is ours.seeds
    assert theirs.prompts is ours.prompts
    assert (ours.outcomes != theirs.outcomes).sum() == 1
    assert order(evidence, "regular") is order(told(evidence), "regular")
    assert by_category(evidence).suite is by_category(told(evidence)).suite


def test_so_do_the_views_of_folds(evidence: Evidence) -> None:
    prompts = tuple(
        replace(p, split=f"fold-{1 + i % 2}") for i, p in enumerate(evidence.suite.prompts)
    )
    crossed = replace(
        evidence,
        settings=replace(evidence.settings, cross_fit=True),
        suite=replace(evidence.suite, prompts=prompts),
    )
    for ours, theirs in zip(views(crossed), views(told(crossed)), strict=True):
        assert ours.suite is theirs.suite
        assert ours.masks is theirs.masks
    assert views(crossed)[0].trials != views(told(crossed))[0].trials or (
        views(crossed)[1].trials != views(told(crossed))[1].trials
    )
