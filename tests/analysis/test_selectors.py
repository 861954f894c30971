from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from gatekeeper import catalog
from gatekeeper.records.model import ExpertId
from tests.analysis.planted import EXPERTS, LAYERS, planted

TRUTH = (ExpertId(1, 3), ExpertId(2, 7), ExpertId(4, 0), ExpertId(4, 15))
BUSY = (ExpertId(1, 8), ExpertId(2, 8), ExpertId(3, 8), ExpertId(4, 8))


def select(name, given):
    return catalog.load("selector", name).select(given)


def first(selection, count=4):
    return {r.expert for r in selection.ranked[:count]}


def test_contrast_finds_the_planted_and_not_the_busy():
    found = select("ses-contrast", planted(TRUTH, busy=BUSY))
    assert first(found) == set(TRUTH)
    assert all(r.probability >= 0.9 for r in found.ranked[:4])
    assert all("HCDG" in r.groups for r in found.ranked[:4])
    assert found.error_bound == pytest.approx(2 * 16 / (0.8 * 64))  # one for each contrast
    assert found.unimodal_bound < found.error_bound


def test_frequency_finds_the_always_on_committee_instead():
    """Why a frequency ranking alone must not decide a release."""
    found = select("ses-frequency", planted(TRUTH, busy=BUSY, effect=3.0))
    assert first(found) == set(BUSY)
    assert all(r.groups == ("HCDG",) for r in found.ranked[:4])


def test_frequency_calls_what_jailbreaks_lack_response_control():
    found = select("ses-frequency", planted(TRUTH, effect=20.0))
    assert first(found) == set(TRUTH)
    assert all(r.groups == ("HRCG",) for r in found.ranked[:4])


def test_attribution_ranks_by_effect():
    found = select("attribution", planted(TRUTH, attribution=True))
    assert [r.expert for r in found.ranked[:4]] == list(TRUTH)
    assert all(r.probability == 1.0 for r in found.ranked[:4])
    assert found.ranked[0].score > found.ranked[3].score > found.ranked[4].score


def with_jailbreaks(given, carrier=None, *, refused=40):
    """So many jailbreaks are refused too; their refusals hang on one expert, or on none."""
    profile, rows = given.profile, np.flatnonzero(given.sets == "jailbreak")[:refused]
    scores = profile.attribution.copy()
    scores[rows] = np.random.default_rng(1).normal(0, 0.3, scores[rows].shape)
    if carrier is not None:
        scores[rows, carrier.layer - 1, carrier.expert] += 2.8
    return replace(given, profile=replace(profile, attribution=scores))


def test_attribution_finds_the_carriers_of_each_harmful_set():
    """In a mean over both sets each stands out half as much; in one set, only its own does."""
    plain, wrapped = ExpertId(1, 3), ExpertId(3, 12)
    given = with_jailbreaks(planted((plain,), attribution=True), wrapped)
    found = select("attribution", given)
    assert [r.expert for r in found.ranked[:2]] == [plain, wrapped]
    assert [r.probability for r in found.ranked[:2]] == [1.0, 1.0]
    assert found.prompts == {"regular": 40, "jailbreak": 40}
    assert {r.expert for r in found.stable} == {plain, wrapped}


def test_attribution_tells_of_a_set_that_has_too_few_refusals():
    given = planted(TRUTH, attribution=True)
    few = select("attribution", with_jailbreaks(given, ExpertId(3, 12), refused=9))
    assert few.ranked == select("attribution", given).ranked
    assert few.prompts == {"regular": 40}
    assert any("Only 9 refused jailbreak seeds" in note for note in few.notes)


def test_nothing_planted_nothing_stable():
    found = select("ses-contrast", planted())
    assert len(found.stable) <= 2  # the bound on E[V] is 0.3


@pytest.mark.parametrize("name", ["ses-frequency", "ses-contrast", "attribution"])
def test_same_seed_same_selection_and_every_expert_once(name):
    given = planted(TRUTH, attribution=True)
    found = select(name, given)
    assert found == select(name, given)
    assert sorted(r.expert for r in found.ranked) == [
        ExpertId(i + 1, e) for i in range(LAYERS) for e in range(EXPERTS)
    ]


@pytest.mark.parametrize("name", ["ses-frequency", "ses-contrast", "attribution"])
def test_too_few_seeds_is_a_reason(name):
    assert isinstance(select(name, planted(TRUTH, seeds=6, attribution=True)), str)


def test_no_attribution_is_a_reason():
    assert select("attribution", planted(TRUTH)) == "attribution was not run"


def test_without_jailbreaks_there_is_no_response_control():
    given = planted(TRUTH)
    keep = given.sets != "jailbreak"
    profile = replace(
        given.profile,
        counts={w: c[keep] for w, c in given.profile.counts.items()},
        tokens={w: c[keep] for w, c in given.profile.tokens.items()},
        prompt_ids=tuple(np.array(given.profile.prompt_ids)[keep]),
    )
    less = replace(given, profile=profile, sets=given.sets[keep], seeds=given.seeds[keep])
    found = select("ses-contrast", less)
    assert any("jailbreak" in note for note in found.notes)
    assert not any("HRCG" in r.groups for r in found.ranked)


def test_unpaired_benign_prompts_are_said_so():
    given = planted(TRUTH)
    seeds = np.where(given.sets == "benign", np.char.add("other-", given.seeds), given.seeds)
    found = select("ses-contrast", replace(given, seeds=seeds))
    assert any("no benign twins" in note for note in found.notes)
    assert first(found) == set(TRUTH)


@pytest.mark.parametrize("name", ["ses-frequency", "ses-contrast", "attribution"])
def test_stability_and_sensitivity_are_told(name):
    given = planted(TRUTH, attribution=True)
    found = select(name, given)
    assert 0.3 < found.phi.value <= 1
    assert found.phi.interval.low < found.phi.value <= found.phi.interval.high
    varied = {(v.size, v.resamples) for v in found.sensitivity}
    assert varied == {(2, 200), (8, 200), (4, 50)}
    for v in found.sensitivity:
        assert v.shared <= v.stable <= v.size * (2 if name == "ses-contrast" else 1)
    again = select(name, replace(given, size=8))
    stable = len(again.stable) if name != "attribution" else None
    told = next(v.stable for v in found.sensitivity if v.size == 8)
    assert stable in {None, told}


def test_another_window_is_read_where_it_is_asked_for():
    given = planted(TRUTH)
    counts = dict(given.profile.counts)
    counts["generated"] = np.zeros_like(counts["prompt"])
    counts["generated"][:, 0, 5] = 20
    given = replace(given, profile=replace(given.profile, counts=counts), window="generated")
    found = select("ses-frequency", given)
    assert found.window == "generated"
    assert found.ranked[0].expert == ExpertId(1, 5)
