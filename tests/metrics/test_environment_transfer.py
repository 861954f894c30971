from __future__ import annotations

from dataclasses import replace

import pytest

from gatekeeper import catalog
from gatekeeper.analysis.environments import environment_masks
from gatekeeper.records.environment import Environment
from gatekeeper.records.finding import Missing, Subject
from gatekeeper.records.model import ExpertId
from tests.policy.builders import make_evidence

METRIC = catalog.load("metric", "environment-transfer")
LOST, HERE = ExpertId(1, 0), ExpertId(1, 1)


def parted(lost_within, lost_without):
    """Two categories of 20 regular prompts; so many of each lost under either mask."""
    evidence = make_evidence()
    regular = [p for p in evidence.suite.prompts if p.set == "regular"]
    of = {p.id: "ab"[i % 2] for i, p in enumerate(regular)}
    prompts = tuple(replace(p, category=of.get(p.id, "c")) for p in evidence.suite.prompts)
    found = tuple(
        Environment(
            dimension="category",
            values=(name,),
            selector="attribution",
            within=(LOST,),
            without=(HERE,),
            seeds=20,
            others=20,
        )
        for name in "ab"
    )
    made = environment_masks(found, mode="reroute", phase="both")
    template = evidence.trials[0]
    trials = []
    for environment, *pair in made:
        inside = [p for p in regular if of[p.id] in environment.values]
        for mask, count in zip(pair, (lost_within, lost_without), strict=True):
            trials += [
                replace(
                    template,
                    mask=mask.name,
                    prompt_id=p.id,
                    outcome="comply" if i < count else "refuse",
                )
                for i, p in enumerate(inside)
            ]
    return replace(
        evidence,
        suite=replace(evidence.suite, prompts=prompts),
        environments=found,
        masks=(*evidence.masks, *(mask for _, *pair in made for mask in pair)),
        trials=(*evidence.trials, *trials),
    )


def measure(evidence, selector="attribution"):
    return METRIC.measure(evidence, Subject(selector=selector), 0.95)


def test_what_only_the_own_mask_costs_is_counted():
    evidence = parted(10, 4)
    found = measure(evidence)
    regular = sum(p.set == "regular" for p in evidence.suite.prompts)
    assert found.n == regular
    assert found.value == pytest.approx(100 * 12 / regular)
    assert found.counts["environments"] == 2
    assert found.counts["within_only"] == 12
    assert found.counts["phi"] == 1.0


def test_equal_masks_transfer_whole():
    found = measure(parted(8, 8))
    assert found.value == 0
    assert found.interval.low < 0 < found.interval.high


def test_a_lacking_trial_is_missing():
    evidence = parted(10, 4)
    found = measure(replace(evidence, trials=evidence.trials[:-1]))
    assert isinstance(found, Missing)
    assert "no trial" in found.reason


def test_without_parts_there_is_nothing_to_say():
    assert "not parted" in measure(make_evidence()).reason
    asked = parted(1, 1)
    asked = replace(asked, settings=replace(asked.settings, environments=True))
    assert "enough regular seeds" in measure(asked, "ses-contrast").reason
