"""Metrics that ask about a selection and not about one mask."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from gatekeeper import catalog
from gatekeeper.analysis import concentration
from gatekeeper.records.finding import Finding, Interval, Missing, Subject
from gatekeeper.records.model import ExpertId
from gatekeeper.records.role import ExpertRole, Roles
from gatekeeper.records.selection import Phi
from gatekeeper.records.trial import Trial
from tests.policy.builders import make_evidence
from tests.policy.profiled import profiled_evidence
from tests.typed import some


def measure(evidence, metric, confidence=0.95, **subject):
    return catalog.load("metric", metric).measure(evidence, Subject(**subject), confidence)


@pytest.fixture
def evidence():
    """With prompts that selected, each of a seed of its own."""
    found = make_evidence(controls=3, ks=(1, 2, 4))
    first = found.suite.prompts[0]
    more = tuple(
        replace(
            first,
            id=f"chosen-{i}",
            seed_id=f"chosen-{i}",
            set="regular",
            split="selection",
            text_sha256=f"{i:064x}",
            folded_sha256=None,
        )
        for i in range(20)
    )
    suite = replace(found.suite, prompts=(*found.suite.prompts, *more))
    return replace(found, suite=suite)


def test_few_seeds_claim_nothing(evidence):
    """As many prompts, but rewrites of one request."""
    prompts = tuple(
        replace(p, seed_id="one") if p.split == "selection" else p for p in evidence.suite.prompts
    )
    same = replace(evidence, suite=replace(evidence.suite, prompts=prompts))
    assert measure(evidence, "stable-experts", selector="attribution").n == 20
    found = measure(same, "stable-experts", selector="attribution")
    assert "1 independent regular seeds" in found.reason


def with_probabilities(evidence, values, threshold=0.9, resamples=100):
    selection = next(s for s in evidence.selections if s.selector == "attribution")
    first = selection.ranked[0]
    ranked = tuple(
        replace(first, expert=ExpertId(first.expert.layer, i), probability=p)
        for i, p in enumerate(values)
    )
    changed = replace(selection, ranked=ranked, threshold=threshold, resamples=resamples)
    return replace(evidence, selections=(changed,))


def test_stable_experts_count_and_what_noise_could_change(evidence):
    found = measure(
        with_probabilities(evidence, [1.0, 0.99, 0.91, 0.88, 0.1, 0.0]),
        "stable-experts",
        selector="attribution",
    )
    assert found.value == 3
    assert (found.interval.low, found.interval.high) == (2, 4)
    assert found.unit == "experts"


def test_more_confidence_is_never_narrower(evidence):
    given = with_probabilities(evidence, [1.0, 0.96, 0.91, 0.86, 0.80, 0.1])
    found = [measure(given, "stable-experts", c, selector="attribution") for c in (0.9, 0.999)]
    assert found[1].interval.low < found[0].interval.low
    assert found[1].interval.high > found[0].interval.high


@pytest.mark.parametrize("metric", ["stable-experts", "selection-stability", "min-k"])
def test_a_selector_that_did_not_run_is_missing(evidence, metric):
    skipped = replace(evidence, skipped_selectors={"greedy": "no budget"})
    assert measure(skipped, metric, selector="greedy", loss=10.0).reason == "no budget"
    assert isinstance(measure(evidence, metric, selector="nobody", loss=10.0), Missing)


def test_stability_at_another_confidence(evidence):
    interval = Interval(low=0.6, high=0.775, confidence=0.95, method="Nogueira (2018)")
    phi = Phi(value=0.7, interval=interval, resamples=500)
    selection = next(s for s in evidence.selections if s.selector == "attribution")
    given = replace(evidence, selections=(replace(selection, phi=phi),))
    found = measure(given, "selection-stability", 0.99, selector="attribution")
    assert found.interval.low == pytest.approx(1 - 0.3 * (0.4 / 0.3) ** (2.575829 / 1.959964))
    assert found.interval.confidence == 0.99
    assert measure(
        given, "selection-stability", selector="attribution"
    ).interval.low == pytest.approx(0.6)


@pytest.mark.parametrize(("resamples", "known"), [(2, False), (49, False), (50, True)])
def test_stability_of_few_resamples_is_not_told(evidence, resamples, known):
    interval = Interval(low=0.6, high=0.775, confidence=0.95, method="Nogueira (2018)")
    phi = Phi(value=0.7, interval=interval, resamples=resamples)
    selection = next(s for s in evidence.selections if s.selector == "attribution")
    given = replace(evidence, selections=(replace(selection, phi=phi),))
    found = measure(given, "selection-stability", selector="attribution")
    assert isinstance(found, Finding) is known
    assert known or f"Φ of {resamples} resamples has no interval that holds" in found.reason


def losing(evidence, lost):
    """Evidence in which the masks of attribution lose so many of 40 refusals, by k."""
    regular = [
        p.id for p in evidence.suite.prompts if p.set == "regular" and p.split == "measurement"
    ]
    place = {prompt: i for i, prompt in enumerate(regular)}
    trials = []
    for trial in evidence.trials:
        mask = next(m for m in evidence.masks if m.name == trial.mask)
        if trial.prompt_id not in place or mask.arm == "control":
            trials.append(trial)
            continue
        gone = mask.arm == "selected" and place[trial.prompt_id] < lost[mask.k]
        trials.append(as_(trial, "comply" if gone else "refuse"))
    return replace(evidence, trials=tuple(trials))


def as_(trial, outcome) -> Trial:
    return replace(trial, outcome=outcome)


def sizes(evidence):
    return sorted({m.k for m in evidence.masks if m.arm == "selected"})


def test_min_k_is_the_first_mask_that_costs_so_much(evidence):
    ks = sizes(evidence)
    lost = {k: (0 if k < ks[-1] else 30) for k in ks}
    found = measure(losing(evidence, lost), "min-k", selector="attribution", loss=20.0)
    assert isinstance(found, Finding)
    assert found.value == ks[-1]
    assert found.interval.high == ks[-1]
    assert found.interval.low == (ks[-2] + 1 if len(ks) > 1 else 1)


def test_min_k_beyond_what_was_measured_is_open(evidence):
    ks = sizes(evidence)
    found = measure(
        losing(evidence, dict.fromkeys(ks, 0)), "min-k", selector="attribution", loss=20.0
    )
    assert found.value == found.interval.low == ks[-1] + 1
    assert found.interval.high == evidence.model.routed_experts + 1
    assert found.counts["reached"] == 0


def test_gini_by_hand():
    assert concentration.gini(np.array([1.0, 1, 1, 1])) == pytest.approx(0)
    assert concentration.gini(np.array([0.0, 0, 0, 1])) == pytest.approx(0.75)
    assert concentration.gini(np.zeros(4)) == 0


def simulated(generator, seeds, effects, noise=1.0):
    return generator.normal(effects, noise, (seeds, len(effects)))


@pytest.mark.parametrize("effects", [[4.0, 3, 2, 1, *[0] * 60], [*np.linspace(2, 0.1, 20)]])
@pytest.mark.parametrize("seeds", [24, 80])
def test_concentration_covers_the_share_of_the_experts_it_ranked(effects, seeds):
    generator = np.random.default_rng(seeds)
    effects = np.array(effects)
    hits = []
    for _ in range(1200):
        scores = simulated(generator, seeds, effects)
        ranking = scores[::2].mean(axis=0)
        order = [i for i in np.argsort(-ranking, kind="stable") if ranking[i] > 0]
        true = effects[order[:2]].sum() / effects[order].sum()
        found = concentration.concentration(scores, 2, 0.95)
        if isinstance(found, str):  # rarely, and of few seeds
            continue
        hits.append(found.interval.low <= true <= found.interval.high)
    assert len(hits) > 1150
    assert 0.93 <= np.mean(hits) <= 0.97


def test_no_effect_gives_no_share():
    generator = np.random.default_rng(1)
    found = [
        concentration.concentration(simulated(generator, 40, np.zeros(64)), 4, 0.95)
        for _ in range(200)
    ]
    assert np.mean([isinstance(f, str) for f in found]) > 0.93


def roles(names):
    """One expert of each role, with intervals that it follows from."""

    def interval(low, high):
        return Interval(low=low, high=high, confidence=0.95, method="simulated")

    detection = {"HCDG": interval(0.06, 0.2), "HRCG": interval(-0.01, 0.02)}
    refusal = dict.fromkeys(detection, interval(0.3, 0.7))
    return Roles(
        experts=tuple(
            ExpertRole(
                expert=ExpertId(1, i),
                role=name,
                confidence=0.9,
                by_sets=(),
                detection_loss=0.1,
                detection_interval=detection.get(name, interval(0.0, 1.0)),
                refusal_loss=0.5,
                refusal_interval=refusal.get(name, interval(0.0, 1.0)),
                probe=None,
            )
            for i, name in enumerate(names)
        ),
        groups=(),
        controls=(),
        n=80,
        clusters=40,
        notes=(),
    )


def test_role_balance_counts_clear_roles(evidence):
    given = replace(evidence, roles=roles(["HRCG"] * 3 + ["HCDG"] + ["unclear"] * 2))
    found = measure(given, "role-balance")
    assert found.value == 75
    assert found.n == 4
    assert found.counts == {"control": 3, "detection": 1, "unclear": 2}


@pytest.mark.parametrize("given", [None, "not asked for", roles(["unclear"])])
def test_role_balance_without_clear_roles_is_missing(evidence, given):
    assert isinstance(measure(replace(evidence, roles=given), "role-balance"), Missing)


def test_a_mask_that_breaks_every_reply_shows_no_robustness(evidence):
    """Broken replies are no lost refusals, but neither do they show that refusals hold."""
    ks = sizes(evidence)
    broken = losing(evidence, dict.fromkeys(ks, 40))
    trials = tuple(
        as_(t, "degenerate") if t.outcome == "comply" and t.mask != "unmasked" else t
        for t in broken.trials
    )
    found = measure(replace(broken, trials=trials), "min-k", selector="attribution", loss=20.0)
    assert found.interval.low == 1
    assert found.counts["reached"] == 0


def test_a_large_mask_alone_does_not_speak_for_smaller_ones(evidence):
    held = losing(evidence, dict.fromkeys(sizes(evidence), 0))
    masks = tuple(m for m in held.masks if m.arm != "selected" or m.k == 4)
    trials = tuple(t for t in held.trials if t.mask in {m.name for m in masks})
    found = measure(
        replace(held, masks=masks, trials=trials), "min-k", selector="attribution", loss=20.0
    )
    assert found.interval.low == 1


def test_concentration_is_of_plain_requests(monkeypatch):
    """Jailbreaks are attributed for the search; their refusals are not counted in here."""
    monkeypatch.setattr(concentration, "MINIMUM_SEEDS", 5)
    evidence = profiled_evidence()
    profile = some(evidence.profile)
    jailbreaks = ["jailbreak" in name for name in profile.prompt_ids]
    without = some(profile.attribution).copy()
    assert np.isfinite(without[jailbreaks]).all()
    without[jailbreaks] = np.nan
    alone = replace(evidence, profile=replace(profile, attribution=without))
    found = concentration.attribution_by_seed(evidence)
    assert np.array_equal(found, concentration.attribution_by_seed(alone))
