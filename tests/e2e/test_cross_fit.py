"""Cross-fitting: each half of the prompts measures what the other half selected."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from gatekeeper.analysis.folds import pool, views
from gatekeeper.analysis.outcomes import control_masks, outcome_table
from gatekeeper.errors import EvidenceError
from gatekeeper.evidence.bundle import read_bundle, write_bundle
from gatekeeper.metrics import measure_all
from gatekeeper.policy.evaluate import evaluate
from gatekeeper.policy.load import load_policy
from gatekeeper.records.trial import UNMASKED
from gatekeeper.verify.selections import recheck_selections
from gatekeeper.verify.verify import recheck
from tests.e2e.cli import ROOT, gatekeeper
from tests.typed import some

CHECKPOINT, SUITE = ROOT / "demo" / "concentrated", ROOT / "demo" / "suite"
OPTIONS = ("--max-prompts", "32", "--controls", "3", "-k", "4", "--resamples", "60")
LOUD = ("--max-new-tokens", "12", "--seed", "5", "--environments", "--budget", "2000")


def audit(suite, out):
    command = ["audit", str(CHECKPOINT), "--suite", str(suite), "--cross-fit"]
    done = gatekeeper(*command, "--out", str(out), *OPTIONS, *LOUD)
    assert done.returncode == 0, done.stderr
    assert all(f"half {half} of 2: Selecting experts …" in done.stderr for half in (1, 2))
    return read_bundle(out)


@pytest.fixture(scope="module")
def clean(tmp_path_factory):
    return audit(SUITE, tmp_path_factory.mktemp("cross-fit") / "clean")


def test_every_prompt_is_measured_and_never_under_what_it_selected(clean):
    splits = {p.id: p.split for p in clean.suite.prompts}
    assert set(splits.values()) == {"fold-1", "fold-2"}
    fold = {m.name: m.fold for m in clean.masks}
    assert all(splits[t.prompt_id] != f"fold-{fold[t.mask]}" for t in clean.trials)
    table = outcome_table(clean)
    assert sorted(table.prompts) == sorted(splits)
    regular = table.row("attribution-k4", "regular")
    assert len(regular) == 32 and (regular >= 0).all()
    drop = next(
        f
        for f in clean.findings
        if f.metric == "refusal-drop"
        and f.subject.selector == "attribution"
        and f.subject.set == "regular"
    )
    assert drop.n == 32
    assert drop.value > 50, "either half finds what refusals hang on"


def test_a_view_is_an_audit_of_its_own(clean):
    first, second = views(clean)
    assert {p.id for p in first.suite.prompts if p.split == "selection"} == {
        p.id for p in second.suite.prompts if p.split == "measurement"
    }
    for view in (first, second):
        assert view.masks[0] == UNMASKED
        assert not any(mask.fold for mask in view.masks)
        selects = [p.id for p in view.suite.prompts if p.split == "selection"]
        assert sorted(some(view.profile).prompt_ids) == sorted(selects)
    assert pool(first, second).masks == clean.masks
    assert sorted(pool(first, second).trials, key=repr) == sorted(clean.trials, key=repr)


def test_controls_are_those_that_both_folds_have(clean):
    assert len(control_masks(clean, "attribution", 4)) == 3
    lacking = replace(clean, masks=[m for m in clean.masks if "control-01-fold-2" not in m.name])
    assert len(control_masks(lacking, "attribution", 4)) == 2


def test_all_of_it_is_derived_again(clean):
    assert recheck(clean).compared == len(clean.findings)
    assert set(recheck_selections(clean).agreed) == {"attribution", "ses-contrast", "ses-frequency"}
    stored = {(f.metric, f.subject) for f in clean.findings}
    assert len(stored) == len(clean.findings), "a subject of both folds is asked about once"


@pytest.mark.parametrize("fold", [1, 2])
def test_a_ranking_agrees_if_it_does_in_both_folds(clean, fold):
    older = tuple(
        replace(s, version=1) if (s.selector, s.fold) == ("ses-frequency", fold) else s
        for s in clean.selections
    )
    derived = recheck_selections(replace(clean, selections=older))
    assert set(derived.agreed) == {"attribution", "ses-contrast"}
    assert "ses-frequency" in derived.untold
    assert derived.older


def test_a_fold_that_lacks_a_selector_leaves_it_out(clean):
    first, second = views(clean)
    lacking = replace(
        second,
        selections=tuple(s for s in second.selections if s.selector != "greedy"),
        masks=tuple(m for m in second.masks if m.selector != "greedy"),
        skipped_selectors={"greedy": "too few prompts"},
        trials=tuple(t for t in second.trials if not t.mask.startswith("greedy")),
    )
    pooled = pool(first, lacking)
    assert pooled.skipped_selectors == {"greedy": "fold 2: too few prompts"}
    assert not any(m.selector == "greedy" for m in pooled.masks)
    assert not any(t.mask.startswith("greedy") for t in pooled.trials)
    policy = load_policy(ROOT / "policies" / "release.yaml")
    met = {r.name: r.met for r in evaluate(pooled, policy, date(2026, 1, 1)).requirements}
    assert not met["selector: greedy"]


def forge(clean, **changes):
    return replace(clean, findings=measure_all(clean), **changes)


def test_hostile_folds_are_refused(clean, tmp_path):
    mask = next(m for m in clean.masks if m.fold == 1 and m.arm == "selected")
    own = next(p.id for p in clean.suite.prompts if p.split == "fold-1")
    trial = next(t for t in clean.trials if t.mask == mask.name)
    forged = {
        "measures with a prompt that selected": {
            "trials": (*clean.trials, replace(trial, prompt_id=own))
        },
        "of folds that the audit did not have": {
            "settings": replace(clean.settings, cross_fit=False)
        },
        "not named after its fold": {
            "masks": tuple(replace(m, fold=2) if m == mask else m for m in clean.masks)
        },
    }
    for number, (message, changes) in enumerate(forged.items()):
        write_bundle(forge(clean, **changes), tmp_path / str(number))
        with pytest.raises(EvidenceError, match=message):
            read_bundle(tmp_path / str(number))


def renamed(clean, old, new):
    """One mask under another name, with its trials."""
    return {
        "masks": tuple(replace(m, name=new) if m.name == old else m for m in clean.masks),
        "trials": tuple(replace(t, mask=new) if t.mask == old else t for t in clean.trials),
    }


def test_a_control_is_not_taken_for_the_unmasked_model(clean, tmp_path):
    """Labels of a fold are names: two masks of one label would be counted as one."""
    control = "attribution-k4-control-00-fold-1"
    forged = forge(clean, **renamed(clean, control, "unmasked-fold-1"))
    write_bundle(forged, tmp_path / "one")
    with pytest.raises(EvidenceError, match="twice"):
        read_bundle(tmp_path / "one")


def test_a_control_is_named_after_what_it_stands_beside(clean):
    control = "attribution-k4-control-00-fold-2"
    forged = replace(clean, **renamed(clean, control, "attribution-k4-control-77-fold-2"))
    with pytest.raises(EvidenceError, match="not named after"):
        recheck(forged)
    policy = load_policy(ROOT / "policies" / "release.yaml")
    needs = replace(policy.needs, ks=(4,), shares=(), random_masks=3, selectors=("attribution",))
    asked = replace(policy, needs=needs, rules=policy.rules[:1])
    for evidence, met in ((clean, True), (forged, False)):
        verdict = evaluate(evidence, asked, date(2026, 1, 1))
        assert {r.name: r.met for r in verdict.requirements}["controls: attribution"] is met


def test_the_other_fold_is_not_seen_by_what_selects(clean, tmp_path):
    """Prompts of the second fold are poisoned: the first selects the same to the last bit.

    Every fourth one, so that enough refusals are left for all selectors to run in both folds.
    """
    poisoned = {p.id for p in clean.suite.prompts[::4] if p.split == "fold-2"}
    shutil.copytree(SUITE, tmp_path / "suite")
    path = tmp_path / "suite" / "prompts.jsonl"
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    for row in rows:
        if row["id"] in poisoned:
            row["text"] = f"{row['id']}: tell me about the weather, please."
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    second = audit(tmp_path / "suite", tmp_path / "out")
    assert clean.trials != second.trials
    before, after = views(clean)[0], views(second)[0]
    assert {s.selector for s in after.selections} >= {"attribution", "greedy"}
    assert before.selections == after.selections
    assert before.environments == after.environments
    assert before.masks == after.masks
    assert some(before.profile).prompt_ids == some(after.profile).prompt_ids
    for window, counts in some(before.profile).counts.items():
        assert np.array_equal(counts, some(after.profile).counts[window])
    assert clean.roles == second.roles
    assert views(clean)[1].selections != views(second)[1].selections


def test_halves_only(tmp_path):
    command = ["audit", str(CHECKPOINT), "--suite", str(SUITE), "--out", str(tmp_path / "out")]
    done = gatekeeper(*command, "--cross-fit", "--selection-share", "0.3")
    assert done.returncode == 2
    assert "halves" in done.stderr and "Traceback" not in done.stderr
