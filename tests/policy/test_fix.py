"""What `policy fix` mends: it says the same afterwards, and comments stay."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatekeeper.bundled import bundled
from gatekeeper.cli import run
from gatekeeper.errors import UsageError
from gatekeeper.policy.fix import fixed
from gatekeeper.policy.load import load_policy
from gatekeeper.policy.new import shipped

SCHEMA = "# yaml-language-server: $schema=https://example.com/s.json\n"
MESSY = """\
# Ours.
id: p
schema: gatekeeper/policy/v1
version: "1"
title: P
rules:
  # The first.
  - metric: refusal-drop   # lost
    id: drop
    # As loose as can be.
    max: 10 pp
    rationale: >
      Ten points
      # and no comment.
    at: {k: 4, set: regular}

  # -- The second ------
  - id: rate
    at:
      set: regular
    controls:
    - EU-AI-Act:Art-15
    min: "80 Percent"
    metric: refusal-rate
# Who it is.
owner: risk@example.com
evidence: {selectors: [attribution], power: 80%, positive_control: 30points}
"""
TIDY = """\
# Ours.
schema: gatekeeper/policy/v1
id: p
version: "1"
title: P
# Who it is.
owner: risk@example.com
evidence: {selectors: [attribution], power: 80 %, positive_control: 30 points}
rules:
  # The first.
  - id: drop
    metric: refusal-drop   # lost
    at: {k: 4, set: regular}
    # As loose as can be.
    max: 10 points
    rationale: >
      Ten points
      # and no comment.

  # -- The second ------
  - id: rate
    metric: refusal-rate
    at:
      set: regular
    min: 80 %
    controls:
    - EU-AI-Act:Art-15
"""


def mended(text: str, folder: Path) -> str:
    return fixed(SCHEMA + text, folder / "p.yaml").removeprefix(SCHEMA)


def test_keys_and_units_are_put_right_and_comments_stay(tmp_path: Path) -> None:
    assert mended(MESSY, tmp_path) == TIDY
    assert mended(TIDY, tmp_path) == TIDY
    path = tmp_path / "p.yaml"
    path.write_text(TIDY, encoding="utf-8")
    assert [rule.id for rule in load_policy(path).rules] == ["drop", "rate"]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("max: 10\u00a0points", "max: 10 points"),
        ("max:\u00a010 points", "max: 10 points"),
        ("max: 10 points   ", "max: 10 points"),
        ("max: 10 Points # why", "max: 10 points # why"),
        ("max: '10 percentage points'", "max: 10 points"),
        ("max: 10 percent", "max: 10 %"),
        ("max: 10", "max: 10"),
        ("max: 10 parsecs", "max: 10 parsecs"),
        ("title: 10 pp", "title: 10 pp"),
        ("title: \u3000x", "title: \u3000x"),
        ("title: |\n  x  \n", "title: |\n  x  \n"),
    ],
)
def test_one_value(old: str, new: str, tmp_path: Path) -> None:
    assert mended(f"id: p\n{old}\n", tmp_path) == f"id: p\n{new}\n"


@pytest.mark.parametrize("name", shipped())
def test_shipped_policies_need_nothing(name: str) -> None:
    path = bundled("policies") / f"{name}.yaml"
    text = path.read_text(encoding="utf-8")
    assert fixed(text, path) == text


def test_the_schema_is_one_that_is_there(tmp_path: Path) -> None:
    text = (bundled("policies") / "release.yaml").read_text(encoding="utf-8")
    path = tmp_path / "deep" / "p.yaml"
    path.parent.mkdir()
    line = fixed(text, path).splitlines()[0]
    target = path.parent / line.split("$schema=")[1]
    assert target.is_file() and target.name == "policy-v1-editor.json"
    assert fixed(text, path).splitlines()[1:] == text.splitlines()[1:]
    assert fixed("id: p\n", path) == f"{line}\nid: p\n"
    (path.parent / "policy-schema.json").write_text("{}")
    assert "$schema=policy-schema.json\n" in fixed(text, path)


def test_what_is_no_yaml_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="not valid YAML"):
        fixed("a: [", tmp_path / "p.yaml")


@settings(max_examples=60, deadline=None)
@given(st.randoms(use_true_random=False))
def test_any_order_of_keys_comes_out_in_one(random) -> None:
    head = ["id: p\n", "schema: x\n", "# of the title\ntitle: T\n", "owner: o\n",
            "rules:\n  - id: a\n    max: 1 %\n", "extra: [1,\n  2]\n"]  # fmt: skip
    outcomes = set()
    for _ in range(2):
        random.shuffle(head)
        outcomes.add(mended("# Top.\n\n" + "".join(head), Path("/nowhere")))
    assert len(outcomes) == 1


def test_the_command_shows_and_writes(tmp_path: Path, capsys) -> None:
    path = tmp_path / "p.yaml"
    path.write_text(SCHEMA + MESSY, encoding="utf-8")
    assert run(["policy", "fix", str(path)]) == 0
    out = capsys.readouterr().out
    assert "-    max: 10 pp" in out and "+    max: 10 points" in out
    assert path.read_text(encoding="utf-8") == SCHEMA + MESSY
    assert run(["policy", "fix", str(path), "--write"]) == 0
    assert path.read_text(encoding="utf-8") == SCHEMA + TIDY
    assert run(["policy", "fix", str(path)]) == 0
    assert "nothing to mend" in capsys.readouterr().out
    path.write_text("a: [", encoding="utf-8")
    assert run(["policy", "fix", str(path), "--write"]) == 2


def test_a_share_gets_the_unit_that_its_metric_takes(tmp_path: Path) -> None:
    text = """\
id: a
extends: release
rules:
  - id: few-experts
    max: 8 percent
  - id: refuses-harmful
    min: 80 pp
  - id: no-single-expert-at-all
    at: {set: regular, k: [{share: 0.2 percent}]}
  - id: not-worse
    metric: refusal-rate
    max_regression: 4 percent
"""
    new = fixed(text, tmp_path / "a.yaml")
    assert [line.split(": ", 1)[1] for line in new.splitlines() if ": 8" in line] == [
        "8 points",
        "80 %",
    ]
    assert "max_regression: 4 points" in new
    assert "share: 0.2 %}" in new
    alone = text.replace("extends: release\n", "")  # nobody knows which metrics those are of
    assert "max: 8 %" in fixed(alone, tmp_path / "a.yaml")


def test_what_stays_wrong_is_told_as_it_stands(tmp_path: Path) -> None:
    text = "rules:\n  - id: a\n\tmetric: b\n"  # one space would be too few
    with pytest.raises(UsageError, match="a tab, where YAML takes spaces only") as caught:
        fixed(text, tmp_path / "a.yaml")
    assert str(caught.value.where).endswith("a.yaml:3:1")
