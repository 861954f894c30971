"""What a bundle says was made, and was left out: changed on disk and sealed anew."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import numpy as np
import pytest

from gatekeeper import catalog
from gatekeeper.analysis.environments import environment_arms
from gatekeeper.analysis.masks import control_masks
from gatekeeper.cli import run
from gatekeeper.errors import EvidenceError
from gatekeeper.evidence.bundle import read_bundle, write_bundle
from gatekeeper.metrics import with_findings
from gatekeeper.records.environment import Environment
from gatekeeper.verify.made import recheck_made
from gatekeeper.verify.verify import recheck
from tests.policy.profiled import profiled_evidence, with_selections, with_trials


@pytest.fixture(scope="module")
def honest():
    return profiled_evidence()


def told(evidence, **changes):
    return replace(evidence, settings=replace(evidence.settings, **changes))


def refusal_of(forged, folder, capsys) -> str:
    """What `verify` says of a bundle that was sealed anew, findings and all."""
    write_bundle(with_findings(forged), folder)
    assert run(["verify", str(folder)]) == 12
    return capsys.readouterr().err


def test_an_honest_bundle_verifies(honest, tmp_path):
    write_bundle(honest, tmp_path)
    assert run(["verify", str(tmp_path)]) == 0


def without_masks(evidence, left_out):
    masks = tuple(mask for mask in evidence.masks if not left_out(mask))
    names = {mask.name for mask in masks}
    trials = tuple(trial for trial in evidence.trials if trial.mask in names)
    return replace(evidence, masks=masks, trials=trials)


def without_trials(evidence, left_out):
    return replace(evidence, trials=tuple(t for t in evidence.trials if not left_out(t)))


def skipping(evidence, name):
    """One selector called skipped, with all that follows from it left out."""
    kept = tuple(s for s in evidence.selections if s.selector != name)
    made = with_selections(evidence, kept)
    made = told(made, selectors=evidence.settings.selectors)
    return replace(made, skipped_selectors={name: "only 6 regular seeds in the selection split"})


@pytest.mark.parametrize(
    ("forge", "words"),
    [
        (lambda e: without_masks(e, lambda m: m.arm == "again"), "second run without a mask"),
        (lambda e: without_masks(e, lambda m: m.arm == "beside"), "busy on benign prompts"),
        (lambda e: replace(e, usefulness=e.usefulness[1:]), "usefulness under selected masks"),
        (lambda e: skipping(e, "ses-frequency"), "ses-frequency is called skipped"),
        (lambda e: skipping(e, "attribution"), "attribution is called skipped"),
        (
            lambda e: without_trials(
                e, lambda t: t.mask == "attribution-k4" and t.prompt_id.startswith("jailbreak")
            ),
            "mask attribution-k4 was not run on",
        ),
        (
            lambda e: without_trials(e, lambda t: t.mask == "unmasked-again"),
            "mask unmasked-again was not run on",
        ),
        (
            lambda e: told(e, system_prompts=("a" * 64,)),
            "the system prompt sha256-aaaaaaaa of the settings was not run",
        ),
        (lambda e: told(e, formats=("bfloat16",)), "the format bfloat16 of the settings"),
        (
            lambda e: told(e, sequential="sha256:" + "b" * 64),
            "how far it was run",
        ),
    ],
)  # fmt: skip
def test_what_is_left_out_is_found(honest, forge, words, tmp_path, capsys):
    assert re.search(words, refusal_of(forge(honest), tmp_path, capsys))


def test_a_trial_of_a_prompt_that_selects_is_found(honest, tmp_path, capsys):
    selects = next(p.id for p in honest.suite.prompts if p.selects)
    extra = replace(honest.trials[0], prompt_id=selects)
    forged = replace(honest, trials=(*honest.trials, extra))
    assert "was run on prompts that it is not measured on" in refusal_of(forged, tmp_path, capsys)


def greedy_skipped(evidence, **settings):
    names = (*evidence.settings.selectors, "greedy")
    skipped = {"greedy": "a budget of 0 rows does not allow one step of 1536"}
    return replace(told(evidence, selectors=names, **settings), skipped_selectors=skipped)


def test_a_selector_that_measures_is_skipped_only_for_its_budget(honest, tmp_path, capsys):
    selector = catalog.load("selector", "greedy")
    enough = selector.rows_needed(honest.settings.size, 64)
    forged = greedy_skipped(honest, budget=enough)
    assert "greedy is called skipped" in refusal_of(forged, tmp_path, capsys)
    with pytest.raises(EvidenceError, match="is called skipped, and would have selected"):
        recheck(forged)
    recheck(greedy_skipped(honest, budget=0))


def test_what_is_left_out_for_a_reason_is_told(honest, tmp_path, capsys):
    write_bundle(greedy_skipped(honest, budget=0), tmp_path)
    assert run(["verify", str(tmp_path)]) == 0
    out = capsys.readouterr().out
    assert "– left out, for reasons that are not derived again: selector greedy: a budget of" in out
    assert "positive control" not in out  # it was not asked for


def with_variant(evidence, name="bfloat16"):
    """Another format was run, in which every selector selects as in the audit itself."""
    seeds = {p.seed_id for p in evidence.suite.prompts if p.selects and p.set == "regular"}
    found = tuple(
        Environment(
            dimension="format",
            values=(name,),
            selector=s.selector,
            within=tuple(r.expert for r in s.ranked[: evidence.settings.size]),
            without=tuple(r.expert for r in s.ranked[: evidence.settings.size]),
            seeds=len(seeds),
            others=len(seeds),
        )
        for s in evidence.selections
    )
    arms = environment_arms(found, mode="reroute", phase="both")
    made = with_trials(replace(evidence, environments=found, masks=(*evidence.masks, *arms)))
    regular = {p.id for p in evidence.suite.prompts if p.set == "regular"}
    own = {mask.name for mask in arms}
    trials = tuple(t for t in made.trials if t.mask not in own or t.prompt_id in regular)
    return told(replace(made, trials=trials), formats=(name,))


def test_a_variant_is_run_on_all_regular_prompts(honest):
    made = with_variant(honest)
    recheck_made(made)
    short = without_trials(
        made, lambda t: t.mask == "unmasked-format-bfloat16" and t.prompt_id == "regular-9"
    )
    one = "regular-9" in {p.id for p in made.suite.prompts if p.measures}
    assert one
    with pytest.raises(EvidenceError, match="unmasked-format-bfloat16 was not run on 1 of"):
        recheck_made(short)


def test_attribution_may_select_nothing_under_a_variant(honest):
    """How many prompts are refused there decides, and no bundle holds those replies."""
    made = with_variant(honest)
    found = tuple(e for e in made.environments if e.selector != "attribution")
    kept = {m.name for m in environment_arms(found, mode="reroute", phase="both")}
    recheck_made(
        replace(
            without_masks(made, lambda m: m.arm == "environment" and m.name not in kept),
            environments=found,
        )
    )
    none = tuple(e for e in made.environments if e.selector != "ses-frequency")
    with pytest.raises(EvidenceError, match="the format bfloat16 of the settings was not run"):
        recheck_made(
            replace(
                without_masks(
                    made, lambda m: m.arm == "environment" and m.selector == "ses-frequency"
                ),
                environments=none,
            )
        )


def test_an_older_bundle_made_less(honest, tmp_path):
    """It names no metrics, and what it lacks is told."""
    older = without_masks(honest, lambda m: m.arm in {"again", "beside"})
    older = with_findings(replace(older, usefulness=()))
    older = told(older, metrics={})
    write_bundle(older, tmp_path)
    assert run(["verify", str(tmp_path)]) == 0
    assert json.loads((tmp_path / "evidence.json").read_text())["usefulness"] == []
    assert recheck(read_bundle(tmp_path)).unsaid


def with_controls(evidence, seed):
    """Four random masks beside each selected one, drawn by this seed."""
    profile, settings = evidence.profile, evidence.settings
    sets = {p.id: p.set for p in evidence.suite.prompts}
    rows = np.flatnonzero([sets[i] == "regular" for i in profile.prompt_ids])
    frequency = profile.frequency("prompt", rows).mean(axis=0)
    made = tuple(
        mask
        for one in evidence.selections
        for mask in control_masks(one, settings.ks, frequency, profile.sites, count=4, seed=seed)
    )
    whole = with_trials(told(replace(evidence, masks=(*evidence.masks, *made)), controls=4))
    return with_findings(whole)


def test_random_masks_that_the_seed_does_not_draw_are_open(honest, tmp_path, capsys):
    seed = honest.settings.seed
    write_bundle(with_controls(honest, seed), tmp_path)
    assert run(["verify", str(tmp_path)]) == 0
    write_bundle(with_controls(honest, seed + 1), tmp_path)
    assert run(["verify", str(tmp_path)]) == 11
    assert "the random masks are not those that the seed draws" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("made", "arm"),
    [
        (lambda e: with_controls(e, e.settings.seed), "control"),
        (with_variant, "environment"),
    ],
)
@pytest.mark.parametrize("name", ["jailbreak", "benign", "over_refusal"])
def test_no_mask_is_run_on_further_prompts(honest, made, arm, name):
    """They could be chosen for what they show."""
    whole = made(honest)
    recheck_made(whole)
    mask = next(m for m in whole.masks if m.arm == arm)
    chosen = next(p for p in whole.suite.prompts if p.measures and p.set == name)
    further = next(t for t in whole.trials if t.prompt_id == chosen.id)
    forged = replace(whole, trials=(*whole.trials, replace(further, mask=mask.name)))
    with pytest.raises(EvidenceError, match="on prompts that it is not measured on"):
        recheck_made(forged)
