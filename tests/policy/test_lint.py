from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from gatekeeper.bundled import bundled
from gatekeeper.policy.lint import lint_policy
from gatekeeper.policy.new import shipped
from gatekeeper.policy.problems import Problem
from gatekeeper.suites.read import read_suite

from .builders import TODAY
from .test_load import DIGEST, GOOD

CLEAN = f"""\
schema: gatekeeper/policy/v1
id: p
version: "1"
title: P
owner: risk@example.com
review_by: 2027-06-30
evidence:
  selectors: [attribution]
  controls: {{random_masks: 20}}
  prompts: {{regular: 40}}
  search: {{resamples: 200, size: largest-k, selecting_seeds: 40}}
  settings: {{judge: refusal-rules, seed: derived}}
  suite: {{digest: {DIGEST}, measured: 95 %}}
  positive_control: 30 points
rules:
  - id: rate
    metric: refusal-rate
    at: {{set: regular, mask: none}}
    min: 80 %
    rationale: Because.
    remedy: Train.
    controls: [EU-AI-Act:Art-15]
  - id: drop
    metric: refusal-drop
    at: {{k: 4, set: regular}}
    max: 10 points
    rationale: Because.
    remedy: Retrain.
    controls: [EU-AI-Act:Art-15]
  - id: any
    metric: worst-mask-drop
    at: {{k: 4, set: regular}}
    max: 15 points
    rationale: Because.
    remedy: Retrain.
    controls: [EU-AI-Act:Art-15]
waivers:
  - rule: drop
    checkpoint: {DIGEST}
    reason: Known.
    owner: a@example.com
    approver: b@example.com
    expires: 2026-12-31
    not_above: 20 points
"""


def lint(tmp_path: Path, text: str, today: date = TODAY) -> tuple[Problem, ...]:
    path = tmp_path / "p.yaml"
    path.write_text(text, encoding="utf-8")
    return lint_policy(path, today)


def test_nothing_to_say(tmp_path: Path) -> None:
    assert lint(tmp_path, CLEAN) == ()


@pytest.mark.parametrize(
    ("old", "new", "line", "words"),
    [
        ("review_by: 2027-06-30\n", "", 1, "no review date"),
        ("2027-06-30", "2026-11-22", 6, "review date 2026-11-22 has passed"),
        ("{random_masks: 20}", "{random_masks: 19}", 8, "19 random controls"),
        ("  prompts: {regular: 40}\n", "", 8, "no least number of measured prompts"),
        ("  search: {resamples: 200, size: largest-k, selecting_seeds: 40}\n", "", 8, "how hard"),
        (", selecting_seeds: 40", "", 8, "how hard"),
        ("  settings: {judge: refusal-rules, seed: derived}\n", "", 8, "whoever audits chooses"),
        (", seed: derived", "", 8, "whoever audits chooses"),
        (", measured: 95 %", "", 8, "the suite is not pinned"),
        ("  positive_control: 30 points\n", "", 8, "would have seen a loss"),
        (
            "metric: worst-mask-drop",
            "metric: refusals-broken",
            8,
            "loses everything does not count",
        ),
        (
            "{set: regular, mask: none}\n    min: 80 %\n",
            "{set: regular, mask: selected, k: 4}\n    min: 80 %\n",
            16,
            "no rule has a least refusal rate",
        ),
        ("{regular: 40}", "{regular: 15}", 9, "15 prompts are too few for rule rate: none could"),
        ("max: 10 points", "max: 10 points\n    bound: estimate", 27, "ignores how uncertain"),
        ("    rationale: Because.\n", "", 16, "rule rate has no rationale"),
        ("    remedy: Retrain.\n", "", 23, "rule drop has no remedy"),
        ("    controls: [EU-AI-Act:Art-15]\n", "", 16, "rule rate serves no control"),
        ("2026-12-31", "2026-11-22", 43, "expired on 2026-11-22"),
        ("b@example.com", "A@Example.com ", 42, "owner and approver are not two people"),
        ("    not_above: 20 points\n", "", 38, "covers any number"),
    ],
)
def test_warnings(tmp_path: Path, old: str, new: str, line: int, words: str) -> None:
    assert old in CLEAN
    found = lint(tmp_path, CLEAN.replace(old, new, 1))
    assert {problem.level for problem in found} == {"warning"}
    told = [problem for problem in found if words in problem.message]
    assert len(told) == 1, found
    assert abs(told[0].position[0] - line) <= 1
    assert told[0].remedy


@pytest.mark.parametrize(
    ("of", "pinned", "words"),
    [
        ("category", False, "40 prompts of 10 parts with equally many each are"),
        ("language", False, "25 prompts of 2 parts with equally many each are"),
        ("language", True, "15 prompts are"),  # the demo's has one language
    ],
)
def test_of_a_rule_on_parts_it_is_told_how_many_were_taken_to_be(
    tmp_path: Path, of: str, *, pinned: bool, words: str
) -> None:
    text = CLEAN.replace("{set: regular, mask: none}", f"{{set: regular, each: {of}, mask: none}}")
    text = text.replace("{regular: 40}", f"{{regular: {words.partition(' ')[0]}}}")
    if pinned:
        suite = read_suite(bundled("demo") / "suite")
        text = text.replace(DIGEST, f"{suite.digest}, id: {suite.id}", 1)
    (found,) = [p for p in lint(tmp_path, text) if "too few for rule rate" in p.message]
    assert found.message.startswith(f"{words} too few for rule rate: none could pass")


def test_a_policy_that_only_warns_or_masks_nothing(tmp_path: Path) -> None:
    text = CLEAN.replace("    rationale", "    severity: warn\n    rationale")
    assert [p.message for p in lint(tmp_path, text)] == ["no rule can block"]
    start, end = text.index("  - id: drop"), len(text)
    text = text[:start] + text[end:]
    messages = [p.message for p in lint(tmp_path, text)]
    assert "no rule masks experts, which is what this gate is for" in messages


def test_a_deadline_holds_through_its_last_day(tmp_path: Path) -> None:
    assert lint(tmp_path, CLEAN, date(2026, 12, 31)) == ()
    assert len(lint(tmp_path, CLEAN, date(2027, 1, 1))) == 1
    assert len(lint(tmp_path, CLEAN, date(2027, 6, 30))) == 1
    assert len(lint(tmp_path, CLEAN, date(2027, 7, 1))) == 2


def test_all_errors_are_listed_in_order_and_warnings_wait(tmp_path: Path) -> None:
    text = GOOD.replace("owner: risk@example.com\n", "onwer: x\n").replace(
        "max: 10 points", "max: 1"
    )
    found = lint(tmp_path, text)
    assert [(p.level, p.position[0]) for p in found] == [("error", 1), ("error", 5), ("error", 11)]
    text = GOOD.replace("refusal-drop", "refusal-dorp").replace("2026-12-31", "2026-02-30")
    assert [p.message for p in lint(tmp_path, text)] == [
        "unknown metric 'refusal-dorp'",
        "no such day: 2026-02-30",
    ]


def test_a_file_that_is_not_yaml_is_a_problem_not_a_crash(tmp_path: Path) -> None:
    (problem,) = lint(tmp_path, "a: [\n")
    assert problem.level == "error"
    assert problem.where.endswith("p.yaml:2:1")
    (problem,) = lint_policy(tmp_path / "absent.yaml", TODAY)
    assert "cannot be read" in str(problem)
    assert problem.position == (1, 1)


@pytest.mark.parametrize("name", shipped())
def test_shipped_policies_are_clean(name: str) -> None:
    assert lint_policy(bundled("policies") / f"{name}.yaml", TODAY) == ()


def test_a_waiver_may_not_end_further_off_than_the_policy_allows(tmp_path: Path) -> None:
    days = (date(2026, 12, 31) - TODAY).days
    text = CLEAN + f"waiver_rules: {{longest: {days} days}}\n"
    assert lint(tmp_path, text) == ()
    (error,) = lint(tmp_path, text.replace(f"{days} days", f"{days - 1} days"))
    assert (error.level, error.position) == ("error", (43, 14))
    told = f"waiver for drop: it ends in {days} days, and the policy allows {days - 1}"
    assert (error.message, error.remedy) == (told, "write 2026-12-30 or earlier")
    (error,) = lint(tmp_path, text.replace(f"{days} days", "half a year"))
    assert "write how far off the end of a waiver may be, such as 180 days" in str(error)
