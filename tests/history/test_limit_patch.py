"""Tuned limits are written where they stand, or over the policy that the file extends."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from gatekeeper.errors import UsageError
from gatekeeper.history.limit_patch import patch
from gatekeeper.history.tune import Tuned
from gatekeeper.policy.load import load_policy
from gatekeeper.records.policy import Policy

from .made import POLICY

BASE = POLICY + (
    "  - {id: both, metric: degenerate-rate, at: {set: regular}, between: [2 %, 10 %]}\n"
)
HEAD = "schema: gatekeeper/policy/v1\nid: own\nversion: '1'\nextends: base.yaml\n"


def written(folder: Path, more: str, base: str = BASE) -> Path:
    (folder / "base.yaml").write_text(base)
    path = folder / "own.yaml"
    path.write_bytes((HEAD + more).encode())
    return path


def tuned(policy: Policy, **limits: float | tuple[float, float]) -> list[Tuned]:
    found = []
    for rule in policy.rules:
        if rule.id not in limits:
            continue
        wanted = limits[rule.id]
        sides = rule.sides()
        for side, limit in zip(
            sides, wanted if isinstance(wanted, tuple) else [wanted], strict=True
        ):
            key = "max" if side.maximum is not None else "min"
            key = "between" if len(sides) > 1 else key
            found.append(Tuned(rule=side, key=key, tightest=limit, why="", curve=(), prompts=None))
    return found


def applied(path: Path, made: str) -> Policy:
    done = subprocess.run(
        ["patch", str(path)], input=made.encode(), capture_output=True, check=False
    )
    assert done.returncode == 0, done.stdout
    return load_policy(path)


@pytest.mark.parametrize(
    "more",
    [
        "",
        "owner: a@example.com  # no end of line",
        "rules:\n  # a comment\n  - id: answers\n    severity: block\n",
        "rules:\n- id: drop  # ours\n  severity: warn\n- id: answers\n  max: 25 %\n",
        "rules:\n  - id: drop\n    max: 15 points\n    rationale: Ours.\n# the end\n",
        "rules: [{id: drop, severity: warn}]\n",
        "rules: [{id: answers, max: 25 %}]\n",
        "rules:\r\n  - {id: drop, severity: warn}\r\n",
        "rules:\n  - severity: warn\n    id: drop\n",
    ],
)
def test_it_is_written_over_what_the_file_extends(more: str, tmp_path: Path) -> None:
    path = written(tmp_path, more)
    before = load_policy(path)
    made = patch(path, before, tuned(before, drop=9.0, both=(3.0, 8.0), answers=30.0))
    after = applied(path, made)
    assert (tmp_path / "base.yaml").read_text() == BASE
    said = {rule.id: (rule.minimum, rule.maximum, rule.severity) for rule in after.rules}
    expected = {rule.id: (rule.minimum, rule.maximum, rule.severity) for rule in before.rules}
    expected["drop"] = (None, 9.0, expected["drop"][2])
    expected["both"] = (3.0, 8.0, "block")
    expected["answers"] = (None, 30.0, expected["answers"][2])
    assert said == expected
    gone = [line for line in made.splitlines() if line.startswith("-") and "#" in line]
    assert all(line[1:].split("#")[1] in made.replace(line, "") for line in gone)


def test_one_side_of_two_keeps_the_other(tmp_path: Path) -> None:
    path = written(tmp_path, "")
    policy = load_policy(path)
    lower = tuned(policy, both=(3.0, 8.0))[:1]
    after = applied(path, patch(path, policy, lower))
    assert next((r.minimum, r.maximum) for r in after.rules if r.id == "both") == (3.0, 10.0)


def test_a_tier_that_has_its_own_limit_is_changed_there(tmp_path: Path) -> None:
    tiers = "tiers:\n  a: {default: true, rules: {drop: {max: 12 points}}}\n  b: {rules: {}}\n"
    path = written(tmp_path, tiers)
    policy = load_policy(path, "a")
    after = applied(path, patch(path, policy, tuned(policy, drop=9.0)))
    assert next(rule.maximum for rule in after.rules if rule.id == "drop") == 9.0
    assert next(r.maximum for r in load_policy(path, "b").rules if r.id == "drop") == 20.0


def test_what_cannot_be_written_is_told(tmp_path: Path) -> None:
    tiers = "tiers:\n  a: {default: true, rules: {drop: {max: 12 points}}}\n"
    path = written(tmp_path, "", BASE + tiers)  # the tier of the policy below goes before
    policy = load_policy(path, "a")
    with pytest.raises(UsageError, match="limit of rule drop cannot be written into this file"):
        patch(path, policy, tuned(policy, drop=9.0))
