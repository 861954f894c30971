"""Tuning gives limits that the named releases meet, and no tighter whole one would be met."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from gatekeeper.history.limit_patch import patch
from gatekeeper.history.replay import replay
from gatekeeper.history.store import History
from gatekeeper.history.tune import Tuned, pasts, together, tune
from gatekeeper.policy.load import load_policy
from gatekeeper.records.policy import Policy

from ..typed import some
from .made import policy_with, told


def tuned(audits: Path, policy: Policy, *models: str, labels=()) -> list[Tuned]:
    with History(audits, write=True) as kept:
        by_model = {entry.model: entry for entry in kept.entries()}
        for model, label in labels:
            kept.label(by_model[model], label)
        labelled = [entry for entry in kept.entries() if entry.label]
        named = pasts(kept, [by_model[model] for model in models])
        return tune(policy, named, pasts(kept, labelled))


def passes(audits: Path, policy: Policy, rule: str, models) -> bool:
    with History(audits) as kept:
        results = [
            one.result
            for replayed in replay(kept, policy)
            if replayed.entry.model in models
            for one in some(replayed.now).rules
            if one.id == rule
        ]
    return set(results) == {"pass"}


@pytest.mark.parametrize("models", [("safe",), ("safe", "half")])
def test_named_releases_meet_the_limit_and_no_tighter_one(audits, tmp_path, models):
    policy = load_policy(policy_with(tmp_path))
    for one in tuned(audits, policy, *models):
        upper = one.rule.maximum is not None
        for step, met in ((0, True), (-1 if upper else 1, False)):
            limit = some(one.tightest) + step
            rule = replace(one.rule, maximum=limit) if upper else replace(one.rule, minimum=limit)
            rules = tuple(rule if r.id == rule.id else r for r in policy.rules)
            moved = replace(policy, rules=rules)
            assert passes(audits, moved, rule.id, models) is met, (rule.id, limit)


def test_the_patch_changes_the_limits_and_nothing_else(audits, tmp_path, capsys):
    path = policy_with(tmp_path, name="small.yaml")
    before = path.read_text(encoding="utf-8")
    with History(audits) as kept:
        (safe,) = [entry for entry in kept.entries() if entry.model == "safe"]
    out = tmp_path / "tune.patch"
    code, said, _ = told(
        capsys, "policy", "tune", path, "--history", audits, "--must-pass", safe.short,
        "--prompt-cost", "0.5", "--out", out,
    )  # fmt: skip
    assert code == 0
    assert "an 80 % chance of a decision, at a price of " in said
    assert path.read_text(encoding="utf-8") == before
    copy = tmp_path / "copy.yaml"
    shutil.copy(path, copy)
    done = subprocess.run(["patch", str(copy), str(out)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    after = copy.read_text(encoding="utf-8")
    assert after != before
    limit = re.compile(r"(max|min): [0-9]+")
    assert limit.sub("", after) == limit.sub("", before)
    assert "# what the board accepted" in after
    loaded = {r.id: (r.maximum, r.minimum) for r in load_policy(copy).rules}
    for one in tuned(audits, load_policy(path), "safe"):
        assert one.tightest in loaded[one.rule.id]


def test_the_curve_counts_both_mistakes(audits, tmp_path):
    labels = (("safe", "good"), ("half", "good"), ("concentrated", "bad"))
    policy = load_policy(policy_with(tmp_path))
    drop = next(
        one for one in tuned(audits, policy, "safe", labels=labels) if one.rule.id == "drop"
    )
    assert [at.limit for at in drop.curve] == sorted(at.limit for at in drop.curve)
    blocked, missed = ([getattr(at, n) for at in drop.curve] for n in ("false_blocks", "missed"))
    assert blocked == sorted(blocked, reverse=True)
    assert missed == sorted(missed)
    assert (blocked[0], blocked[-1], missed[0], missed[-1]) == (1, 0, 0, 1)


def test_a_rule_that_was_not_measured_keeps_its_limit(audits, tmp_path):
    changes = (("k: [1, 4], set: regular", "k: 2, set: regular"), ("k: [1, 4]", "k: [1, 2, 4]"))
    policy = load_policy(policy_with(tmp_path, *changes))
    (drop,) = [one for one in tuned(audits, policy, "safe") if one.rule.id == "drop"]
    assert drop.tightest is None
    assert drop.why.startswith("not measured in ")
    assert not drop.looser
    assert patch(tmp_path / "new.yaml", policy, [drop]) == ""


def test_all_that_are_labelled_good_may_be_named(audits, tmp_path, capsys):
    command = ("policy", "tune", policy_with(tmp_path), "--history", audits, "--must-pass", "good")
    code, _, err = told(capsys, *command)
    assert code == 2
    assert "labelled good" in err
    with History(audits, write=True) as kept:
        by_model = {entry.model: entry for entry in kept.entries()}
        kept.label(by_model["safe"], "good")
    _, good, _ = told(capsys, *command)
    _, named, _ = told(capsys, *command[:-1], by_model["safe"].short)
    assert good == named != ""


@pytest.mark.parametrize(("prompts", "words"), [("20", None), ("9000", "9000 needed")])
def test_what_the_limits_together_block_is_told(audits, tmp_path, capsys, prompts, words):
    """Each limit is met alone; what else the policy needs may still keep it from passing."""
    path = policy_with(tmp_path)
    path.write_text(path.read_text().replace("{regular: 20}", f"{{regular: {prompts}}}"))
    policy = load_policy(path)
    with History(audits) as kept:
        named = [one for one in pasts(kept, kept.entries()) if one.entry.model == "safe"]
        blocked = together(policy, tune(policy, named, ()), named)
    assert [words in line for line in blocked] == ([] if words is None else [True])
    command = ("policy", "tune", path, "--history", audits, "--must-pass", named[0].entry.short)
    code, _, err = told(capsys, *command)
    assert (code, "would not pass with all of them" in err) == (0, words is not None)


def test_an_unknown_release_is_told(audits, tmp_path, capsys):
    command = ("policy", "tune", policy_with(tmp_path), "--history", audits, "--must-pass", "zz")
    code, _, err = told(capsys, *command)
    assert code == 2
    assert "'zz'" in err
