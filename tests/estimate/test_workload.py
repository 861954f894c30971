"""The rows of an estimate are those of the audit that it speaks of."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from gatekeeper.analysis.selectors.greedy import most_masks, rows_needed
from gatekeeper.engine.measure import mask_effects as effects
from gatekeeper.engine.measure import usefulness
from gatekeeper.estimate.model_size import config_only, shape_of
from gatekeeper.estimate.stand_in import stand_in_masks
from gatekeeper.estimate.workload import LOG_BYTES, MEASURED, Plan, stages
from gatekeeper.records.audit_config import AuditConfig
from gatekeeper.records.positive import PositiveControl
from gatekeeper.records.trial import UNMASKED, what_it_does
from gatekeeper.suites.read import read_suite
from tests.e2e.cli import HARDENED, SUITE
from tests.typed import only, some

SHAPE = shape_of(config_only(HARDENED))
PROMPTS = read_suite(SUITE).prompts


def plan(**changes) -> Plan:
    """Of a small audit of the demo; changes of its prompts, or of its options."""
    prompts = changes.pop("prompts", PROMPTS)
    given = {
        "selectors": ("ses-frequency", "ses-contrast", "attribution", "greedy"),
        "ks": (1, 2),
        "controls": 3,
        "size": 2,
        "budget": 40_000,
        "max_new_tokens": 8,
    }
    config = AuditConfig(**{**given, **changes})
    return Plan(
        prompts=prompts,
        lengths={p.id: 10 + i % 20 for i, p in enumerate(prompts)},
        config=config,
        masks=stand_in_masks(config, SHAPE.sites),
        batch_rows=32,
    )


def rows(made: Plan) -> dict[str, int]:
    return {s.name: s.rows for s in stages(made, SHAPE, (1.0,) * (made.new_tokens - 1))}


def test_what_the_engine_keeps_to_itself_is_the_same_there():
    assert effects._MOST_PROMPTS == MEASURED
    assert usefulness.MOST_BYTES == LOG_BYTES


def test_rows_by_hand():
    found = rows(plan())
    # 960 prompts, half of which measure, 120 of each set; 8 selected masks, one without, 2 of the
    # experts busiest on benign prompts, 2 groups of each of two selectors; and once more unmasked.
    assert found["unmasked"] == found["profile"] == 480
    assert found["attribution"] == 240  # regular prompts and jailbreaks
    # 12 controls of two experts, and of one expert 3 each by four selectors, some of which coincide
    # with each other or with a mask that is run on all prompts; so do the busiest experts.
    whole = 480 * (1 + 8 + 2 + 4) + 480
    assert whole - 480 * 2 + 120 * 8 <= found["trials"] <= whole + 120 * (12 + 12)
    assert found["usefulness"] == 120 * (1 + 8)


def test_the_positive_control_by_hand():
    # 120 regular and 120 benign prompts make a direction, 32 and 16 of them try each of 4 layers,
    # and as many, and their jailbreaks, measure.
    assert rows(plan())["positive control"] == 240 + 4 * (32 + 16) + 360
    assert rows(plan(cross_fit=True))["positive control"] == 2 * rows(plan())["positive control"]
    assert "positive control" not in rows(plan(positive_control=False))


def test_controls_are_run_on_regular_prompts_only_and_doses_too():
    before, after = rows(plan(controls=0)), rows(plan(controls=0, doses=("ablate", "scale:0.5")))
    assert after.pop("trials") - before.pop("trials") == 120 * 4 * 2
    assert before == after
    more = rows(plan(controls=3)).pop("trials") - rows(plan(controls=0)).pop("trials")
    assert 0 < more <= 120 * 24 and more % 120 == 0


def test_cross_fitting_measures_every_prompt():
    found = rows(plan(cross_fit=True))
    assert found["unmasked"] == 960
    assert found["trials"] == 2 * rows(plan())["trials"]


def test_selectors_that_measure_nothing_cost_no_measuring():
    found = rows(plan(selectors=("ses-frequency",)))
    assert "select" not in found and "attribution" not in found


def test_measured_rows_stay_within_the_budget():
    # 276 pairs on 16 prompts, the best 8 on all of them, and the two of the best one.
    pairs = 276 * 16 + (8 + 2) * 2 * MEASURED
    assert rows(plan())["select"] == most_masks(2) * 2 * MEASURED + pairs
    assert rows(plan(budget=320))["select"] == 320
    # 32 + 31 that grow, the mask of 4 and 2 + 3 + 4 that shrink it, and one without.
    assert most_masks(2) == 32 + 31 + 1 + 2 + 3 + 4 + 1
    alone = tuple(p for p in PROMPTS if p.set != "jailbreak")
    pairs = 276 * 16 + (8 + 2) * MEASURED
    assert rows(plan(prompts=alone))["select"] == most_masks(2) * MEASURED + pairs


def test_rows_and_forwards_agree():
    for stage in stages(plan(), SHAPE, (1.0,) * 7):
        read = sum(f.rows * n for f, n in stage.forwards if f.tokens == f.context)
        assert read == pytest.approx(stage.rows)


def test_a_demo_audit_makes_the_trials_that_were_counted(tmp_path):
    """A real audit, small; every count but that of equal masks."""
    from benchmarks.estimates import Watch, audit_options
    from gatekeeper.audit.plan import plan as request_of
    from gatekeeper.audit.run import run_audit

    options = audit_options(
        SUITE, "--max-prompts", "24", "-k", "1", "-k", "2", "--controls", "2",
        "--max-new-tokens", "12", "--no-roles", "--resamples", "20",
    )  # fmt: skip
    evidence = run_audit(request_of(HARDENED, options, None, print), tmp_path, Watch())
    made = plan(max_prompts=24, controls=2, max_new_tokens=12)
    counted = rows(made)
    arms = {m.name: m.arm for m in evidence.masks}
    by_arm = Counter(arms[trial.mask] for trial in evidence.trials)
    selectors = 4 - len(evidence.skipped_selectors)
    measured = by_arm["again"]
    attributed = np.isfinite(some(some(evidence.profile).attribution)).all(axis=(1, 2))
    assert 0 < attributed.sum() <= counted["attribution"]
    greedy = next(s for s in evidence.selections if s.selector == "greedy")
    # As many masks as counted, on those of either set that were refused.
    seen = int(attributed.sum())
    assert (most_masks(2) - 1) * seen < greedy.forwards <= rows_needed(2, seen)
    assert not greedy.cut
    assert sum(greedy.prompts.values()) <= seen
    assert greedy.forwards + seen <= counted["select"]
    masks = {mask.name: what_it_does(mask) for mask in evidence.masks}
    # Selectors that agree share masks, which nobody knows before.
    swept = [t for t in evidence.trials if arms[t.mask] not in {"again", "positive"}]
    run = {(masks[t.mask], t.prompt_id) for t in swept}
    assert by_arm["unmasked"] == measured
    assert 0.5 * counted["trials"] < len(run) + measured <= counted["trials"]
    assert by_arm["selected"] == measured * 2 * selectors
    regular = sum(t.mask == UNMASKED.name and "regular" in t.prompt_id for t in evidence.trials)
    assert by_arm["control"] == regular * 2 * 2 * selectors
    assert 0 < by_arm["beside"] <= measured * 6
    (direction,) = only(PositiveControl, evidence.positive_control).directions
    tried = len(direction.candidates) * (direction.regular + direction.benign)
    read = len(direction.refused) + len(direction.answered)
    assert 0 < by_arm["positive"] + tried + read <= counted["positive control"]
