from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from gatekeeper import catalog
from gatekeeper.errors import EvidenceError
from gatekeeper.records.evidence import Evidence
from gatekeeper.verify import selections as module
from gatekeeper.verify.recorded import recheck_recorded
from gatekeeper.verify.selections import recheck_selections, underived
from gatekeeper.verify.verify import recheck
from tests.policy.builders import SELECTORS
from tests.policy.profiled import profiled_evidence
from tests.typed import some


@cache
def whole() -> Evidence:
    return profiled_evidence()


def changed(name: str, **changes) -> Evidence:
    """The evidence with one selection changed."""
    selections = (replace(s, **changes) if s.selector == name else s for s in whole().selections)
    return replace(whole(), selections=tuple(selections))


def ranked(name: str, place: int, **changes) -> Evidence:
    """The evidence with one expert of one ranking changed."""
    order = list(selection(name).ranked)
    order[place] = replace(order[place], **changes)
    return changed(name, ranked=tuple(order))


def selection(name: str):
    return next(s for s in whole().selections if s.selector == name)


def settings(**changes) -> Evidence:
    return replace(whole(), settings=replace(whole().settings, **changes))


def profile(**changes) -> Evidence:
    return replace(whole(), profile=replace(some(whole().profile), **changes))


def test_what_the_profile_gives_is_found_again():
    """An odd number of resamples is rounded up where they are drawn in pairs."""
    assert {s.selector: s.resamples for s in whole().selections} == {
        "ses-frequency": 51,
        "ses-contrast": 52,
        "attribution": 52,
    }
    found = recheck_selections(whole())
    assert (found.agreed, found.untold) == (SELECTORS, {})
    recheck(whole())


@pytest.mark.parametrize("name", SELECTORS)
@pytest.mark.parametrize("place", [0, 5, 30])
def test_a_swap_of_two_ranks_is_refused(name: str, place: int):
    order = list(selection(name).ranked)
    order[place : place + 2] = reversed(order[place : place + 2])
    with pytest.raises(EvidenceError, match=f"the ranking of {name} does not follow from the rout"):
        recheck_selections(changed(name, ranked=tuple(order)))


def test_a_ranking_cut_short_is_refused():
    with pytest.raises(EvidenceError, match="the ranking of attribution does not follow"):
        recheck_selections(changed("attribution", ranked=selection("attribution").ranked[:4]))


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("score", 77.0, "a score of"),
        ("probability", 0.123, "a selection probability of"),
        ("groups", ("HCDG", "HRCG"), "a group of"),
    ],
)
def test_what_is_said_of_an_expert_follows(field: str, value, words: str):
    for name in SELECTORS:
        with pytest.raises(EvidenceError, match=f"{words} {name} does not follow"):
            recheck_selections(ranked(name, 12, **{field: value}))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"phi": None}, "Φ"),
        ({"error_bound": 0.01}, "the bound on false selections"),
        ({"error_bound": None}, "the bound on false selections"),
        ({"unimodal_bound": 0.01}, "the unimodal bound"),
        ({"sensitivity": ()}, "the sensitivity"),
        ({"prompts": {"regular": 400, "jailbreak": 13}}, "the number of prompts"),
        ({"resamples": 10_000}, "the number of resamples"),
        ({"size": 3}, "the size"),
        ({"threshold": 0.5}, "the threshold"),
        ({"seed": 4}, "the seed"),
        ({"window": "prompt"}, "the window"),
        ({"forwards": 1}, "the number of forwards"),
    ],
)
def test_what_is_said_of_a_selection_follows(changes, words: str):
    with pytest.raises(EvidenceError, match=f"{words}.* of ses-contrast does not follow"):
        recheck_selections(changed("ses-contrast", **changes))


def test_phi_and_its_interval_follow():
    phi = selection("ses-frequency").phi
    for other in (
        replace(phi, value=phi.value + 0.01),
        replace(phi, interval=replace(phi.interval, low=phi.interval.low + 0.01)),
        replace(phi, interval=replace(phi.interval, method="guessed")),
    ):
        with pytest.raises(EvidenceError, match="Φ of ses-frequency does not follow"):
            recheck_selections(changed("ses-frequency", phi=other))


def test_last_bits_and_other_words_are_no_alteration():
    first = selection("attribution").ranked[0]
    recheck_selections(ranked("attribution", 0, score=first.score + 1e-12))
    recheck_selections(changed("attribution", notes=("In other words.",)))


@pytest.mark.parametrize("change", [{"resamples": 60}, {"size": 5}, {"seed": 4}])
def test_settings_are_those_that_selected(change):
    with pytest.raises(EvidenceError, match="ses-frequency does not follow"):
        recheck_selections(settings(**change))


def test_an_altered_profile_is_noticed():
    counts = {w: np.flip(c, axis=2) for w, c in some(whole().profile).counts.items()}
    with pytest.raises(EvidenceError, match="the ranking of ses-frequency does not follow"):
        recheck_selections(profile(counts=counts))
    with pytest.raises(EvidenceError, match=r"of attribution does not .* profile: there is none"):
        recheck_selections(profile(attribution=None, attribution_note="there is none"))


@pytest.mark.parametrize(
    "ids",
    [
        lambda ids: ("regular-0", *ids[1:]),
        lambda ids: ("nobody", *ids[1:]),
        lambda ids: (ids[1], *ids[1:]),
        lambda ids: ids[1:],
    ],
    ids=["measured", "unknown", "twice", "lacking"],
)
def test_a_profile_of_other_prompts_is_refused(ids):
    """Also of those that measure: what is selected on them is no news there."""
    with pytest.raises(EvidenceError, match="not one of the selection split"):
        recheck_selections(profile(prompt_ids=ids(some(whole().profile).prompt_ids)))


@pytest.mark.parametrize(
    "evidence",
    [
        lambda: settings(size=0),
        lambda: settings(seed=-1),
        lambda: profile(sites=()),
        lambda: profile(attribution=np.zeros((3, 2, 1), np.float32)),
        lambda: profile(attribution=np.full((52, 2, 16), "x")),
    ],
)
def test_what_no_selector_can_read_is_refused(evidence):
    with pytest.raises(EvidenceError, match="no audit selects by such"):
        recheck_selections(evidence())


def test_what_cannot_be_made_again_is_told(monkeypatch):
    older = dict.fromkeys(SELECTORS, "older bundle")
    assert recheck_selections(settings(resamples=0)).untold == older
    assert recheck_selections(replace(whole(), profile=None)).untold == older
    for change, why in (
        (
            {
                "selector": "greedy",
                "version": 1,
                "phi": None,
                "error_bound": None,
                "unimodal_bound": None,
                "sensitivity": (),
            },
            "measured on the model",
        ),
        ({"selector": "dice"}, "this installation does not have it"),
        ({"version": 0}, "older version 0, this installation has 3"),
    ):
        name = change.get("selector", "attribution")
        found = recheck_selections(changed("attribution", **change))
        assert (found.agreed, found.untold) == (SELECTORS[:2], {name: why})
    monkeypatch.setattr(module, "MOST_DRAWS", 1000)
    told = dict.fromkeys(SELECTORS, "51 resamples are too many to draw again")
    assert recheck_selections(whole()).untold == told


def test_a_selector_that_draws_no_resamples_tells_of_none() -> None:
    with pytest.raises(EvidenceError, match="greedy tells of resamples"):
        recheck_selections(changed("attribution", selector="greedy", version=1))


@pytest.mark.parametrize("name", ["attribution", "greedy"])
def test_a_newer_version_of_a_selector_is_unknown(name: str):
    version = catalog.load("selector", name).version + 1
    with pytest.raises(EvidenceError, match=f"selected by {name} version {version}, which this"):
        recheck_selections(changed("attribution", selector=name, version=version))


def crossed(**older: int) -> Evidence:
    """Two folds that rank alike; `fold_1` and `fold_2` are versions of their rankings."""
    sides = {True: "fold-1", False: "fold-2"}
    prompts = tuple(replace(p, split=sides[p.selects]) for p in whole().suite.prompts)
    return replace(
        whole(),
        settings=replace(whole().settings, cross_fit=True),
        suite=replace(whole().suite, prompts=prompts),
        selections=tuple(
            replace(s, fold=fold, version=older.get(f"fold_{fold}", s.version))
            for fold in (1, 2)
            for s in whole().selections
        ),
    )


@pytest.mark.parametrize("fold", ["fold_1", "fold_2"])
def test_a_ranking_that_is_open_in_one_fold_is_open(fold: str) -> None:
    assert not underived(crossed())
    forged = crossed(**{fold: 1})
    assert set(underived(forged)) == set(SELECTORS)
    recheck_recorded(crossed())
    with pytest.raises(EvidenceError, match="is of two versions"):
        recheck_recorded(forged)
