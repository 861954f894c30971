"""All faults of a policy at once: of form, of words and of sense, and none that only follows."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatekeeper.policy.lint import lint_policy

from .builders import TODAY
from .test_load import DIGEST, GOOD

TEXT = """\
schema: gatekeeper/policy/v1
id: P
version: 1
title: P
onwer: risk@example.com
evidence:
  selectors: [attribution, gredy]
  k: [1, 4, x]
  settings: {judge: refusal-ruls, window: no}
rules:
  - id: drop
    metric: refusal-dorp
    at: {k: 4}
    max: 10
  - id: rate
    metric: refusal-rate
    at: {set: regular, colour: red}
    max: 80 %
  - id: other
    metric: refusal-drop
    at: {k: 0}
    max: 10 %
  - 3
waivers:
  - rule: dorp
    checkpoint: abc
    reason: Known.
    owner: a@example.com
    approver: b@example.com
    expires: 2026-02-30
"""


def told(tmp_path: Path, text: str) -> list[str]:
    path = tmp_path / "p.yaml"
    path.write_text(text, encoding="utf-8")
    return [f"{p.position[0]}: {p.message}" for p in lint_policy(path, TODAY) if p.level == "error"]


def test_form_words_and_sense_are_told_together_in_order(tmp_path: Path) -> None:
    assert told(tmp_path, TEXT) == [
        "1: missing key 'owner'",
        "2: id: 'P' is not a name in small letters, digits and hyphens",
        "3: version is a number",
        "5: unknown key 'onwer'",
        "7: unknown selector 'gredy'",
        "8: entry 3 of k is text",
        "9: unknown judge 'refusal-ruls'",
        "9: window is text",
        "12: unknown metric 'refusal-dorp'",
        "14: max: 10 what?",
        "17: unknown key 'colour' in at",
        "18: max: 80 % is on the wrong side: of refusal-rate on regular prompts less is worse",
        "21: k is too small",
        "22: metric refusal-drop is measured in points, not in %",
        "23: entry 4 of rules is a number",
        "26: checkpoint: 'abc' is not the checkpoint's digest, sha256: and 64 hexadecimal digits",
        "30: no such day: 2026-02-30",
    ]


@pytest.mark.parametrize(
    ("old", "new", "count"),
    [
        ("[attribution]", "attribution", 1),
        ("selectors:", "selectrs:", 1),
        ("evidence:", "evidense:", 1),
        ("k: [1, 4]", "k: [1, -4]", 1),
        ("{k: 4}", "{q: 4}", 1),
        ("{k: 4}", "4", 1),
        ("    metric: refusal-drop\n", "", 1),
        ("  - id: drop\n    metric:", "  - metric:", 1),
        ("    max: 10 points\n", "", 1),
        ("rules:", "ruels:", 2),
        (DIGEST, "none", 1),
    ],
)
def test_nothing_is_told_that_only_follows(tmp_path: Path, old: str, new: str, count: int) -> None:
    assert old in GOOD
    found = told(tmp_path, GOOD.replace(old, new, 1))
    assert len(found) == count, found


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_no_broken_file_ends_in_a_traceback(tmp_path_factory, data) -> None:
    lines = TEXT.splitlines(keepends=True)
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(lines) - 1))
        put = data.draw(st.sampled_from(["", "x\n", "  - {}\n", "rules: 3\n", lines[at][2:]]))
        lines[at] = put
    told(tmp_path_factory.mktemp("p"), "".join(lines))


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("max: 10 points", "max: 10", "max: 10 what? → write 10 points"),
        ("max: 10 points", "max: '80'", "max: 80 what? → write 80 points"),
        ("refusal-drop", "noise-floor", "max: 7 what? → write 7 %"),
        ("refusal-drop", "unheard-of", "max: 7 what? → write 7 % or 7 points"),
        ("k: [1, 4]", "power: 80", "power: 80 what? → write 80 %"),
        ("k: [1, 4]", "positive_control: 30.5", "positive_control: 30.5 what? → write 30.5 points"),
        ("k: [1, 4]", "k: [4, {share: 0.2}]", "share: 0.2 what? → write 20 % or 0.2 %"),
        ("10 points", "0.1", "max: 0.1 what? → write 10 points or 0.1 points"),
        ("waivers:", "waiver_rules: {longest: 180}\nwaivers:", "180 what? → write 180 days"),
    ],
)
def test_a_number_without_its_unit(tmp_path: Path, old: str, new: str, words: str) -> None:
    assert old in GOOD
    text = GOOD.replace(old, new, 1)
    path = tmp_path / "p.yaml"
    path.write_text(text if "10" in old else text.replace("10 points", "7"), encoding="utf-8")
    assert any(words in str(problem) for problem in lint_policy(path, TODAY))
