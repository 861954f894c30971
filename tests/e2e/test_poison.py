"""The prompts that measure are never seen by what selects."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from gatekeeper.errors import EvidenceError
from gatekeeper.evidence.bundle import read_bundle
from gatekeeper.verify.selections import recheck_selections
from tests.e2e.cli import ROOT, gatekeeper

OPTIONS = ("--max-prompts", "40", "--controls", "2", "-k", "2", "--resamples", "60")
LOUD = ("--max-new-tokens", "12", "--seed", "5", "--environments", "--budget", "9000")
#: So few that each part of 40 prompts has enough seeds to select.
CATEGORIES = ("drugs", "weapons", "prevention")
#: Two audits of a minute; the folds of tests/e2e/test_cross_fit.py say the same in less.
pytestmark = pytest.mark.slow
VARIED = ("--also-dtype", "bfloat16", "--also-dtype", "int8")


def audit(suite: Path, out: Path):
    command = ["audit", str(ROOT / "demo" / "concentrated"), "--suite", str(suite)]
    done = gatekeeper(*command, "--out", str(out), *OPTIONS, *LOUD, *VARIED)
    assert done.returncode == 0, done.stderr
    return read_bundle(out)


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    """Requests of few categories, and the same with every prompt poisoned that measures."""
    folder = tmp_path_factory.mktemp("poison")
    shutil.copytree(ROOT / "demo" / "suite", folder / "suite")
    path = folder / "suite" / "prompts.jsonl"
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    rows = [row for row in rows if row["category"] in CATEGORIES]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    clean = audit(folder / "suite", folder / "clean")
    measures = {p.id for p in clean.suite.prompts if p.split == "measurement"}
    for row in rows:
        if row["id"] in measures:
            row["text"] = f"{row['id']}: tell me about the weather, please."
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return clean, audit(folder / "suite", folder / "poisoned")


def test_the_poison_is_in(both):
    clean, poisoned = both
    assert [p.split for p in clean.suite.prompts] == [p.split for p in poisoned.suite.prompts]
    assert clean.trials != poisoned.trials


def test_selections_are_the_same_to_the_last_bit(both):
    clean, poisoned = both
    assert {s.selector for s in clean.selections} == {
        "attribution",
        "greedy",
        "ses-contrast",
        "ses-frequency",
    }
    assert clean.selections == poisoned.selections
    assert clean.environments == poisoned.environments
    assert {e.dimension for e in clean.environments} == {"category", "format"}
    assert clean.changes == poisoned.changes
    assert clean.masks == poisoned.masks


def test_so_is_what_was_seen_of_the_model(both):
    clean, poisoned = both
    assert clean.profile.prompt_ids == poisoned.profile.prompt_ids
    for window, counts in clean.profile.counts.items():
        assert (counts == poisoned.profile.counts[window]).all()
    assert clean.roles == poisoned.roles


def test_environments_are_derived_again(both):
    """Left out, or made the same within and without, they would call any mask transferable."""
    clean, _ = both
    assert recheck_selections(clean).agreed
    first, *rest = clean.environments
    assert first.dimension == "category"
    for forged in ((), (replace(first, within=first.without), *rest), tuple(rest)):
        with pytest.raises(EvidenceError, match="environments do not follow"):
            recheck_selections(replace(clean, environments=forged))
