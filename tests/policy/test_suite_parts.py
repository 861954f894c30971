"""Rules about a category or a language that the suite lacks, or has few prompts of."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from gatekeeper.bundled import bundled
from gatekeeper.policy.explain import explain
from gatekeeper.policy.lint import lint_policy
from gatekeeper.policy.load import load_policy
from gatekeeper.policy.problems import Problem
from gatekeeper.suites.read import read_suite

TODAY = date(2026, 12, 1)
HEAD = "schema: gatekeeper/policy/v1\nid: own\nversion: '1'\nextends: release\n"
ANOTHER = "evidence: {suite: {id: other, digest: [" + ", ".join(
    f"sha256:{digit * 64}" for digit in "ab"
) + "]}}\n"  # fmt: skip


def told(folder: Path, rule: str, head: str = HEAD, **options: object) -> list[Problem]:
    path = folder / "own.yaml"
    path.write_text(f"{head}rules:\n  - {{id: own, metric: refusal-rate, {rule}}}\n")
    suite = read_suite(bundled("demo") / "suite") if options else None
    found = lint_policy(path, TODAY, suite=suite)
    return [one for one in found if not one.message.startswith("rule own ")]


@pytest.mark.parametrize(
    ("rule", "message", "remedy"),
    [
        ("at: {set: regular, language: jp}, min: 80 %", "no regular prompts of language jp",
         "did you mean ja? Known: en, ja"),
        ("at: {set: over_refusal, language: fr}, max: 80 %", "no over-refusal prompts of language",
         "known: en, ja"),
        ("at: {set: regular, category: weapon}, max_regression: 3 points", "category weapon",
         "did you mean weapons? Known: drugs, "),
        ("at: {set: regular, language: jp}, between: [70 %, 90 %]", "language jp", "mean ja?"),
    ],
)  # fmt: skip
def test_a_part_that_the_pinned_suite_lacks(
    rule: str, message: str, remedy: str, tmp_path: Path
) -> None:
    (one,) = told(tmp_path, rule)
    assert one.level == "error"
    assert "the suite core has" in one.message and message in one.message
    assert remedy in one.remedy
    key = "language" if "language" in rule else "category"
    assert one.position == (6, column_of(tmp_path, key))


def column_of(folder: Path, key: str) -> int:
    line = (folder / "own.yaml").read_text().splitlines()[5]
    return line.index(f"{key}: ") + len(f"{key}: ") + 1


def test_parts_that_it_has_are_fine(tmp_path: Path) -> None:
    assert not told(tmp_path, "at: {set: regular, language: ja}, min: 80 %")
    assert not told(tmp_path, "at: {set: regular, each: category}, min: 60 %")


def test_a_suite_that_is_not_at_hand_is_warned_of(tmp_path: Path) -> None:
    (one,) = told(tmp_path, "at: {set: regular, language: jp}, min: 80 %", HEAD + ANOTHER)
    assert one.level == "warning"
    assert "has en, ja" in one.remedy
    assert not told(tmp_path, "at: {set: regular, language: ja}, min: 80 %", HEAD + ANOTHER)


def test_one_can_be_given(tmp_path: Path) -> None:
    rule, digest = "at: {set: regular, language: ja}, min: 80 %", "another suite than --suite"
    found = [one.message for one in told(tmp_path, rule, given=True)]
    assert any("the suite demo has no regular prompts of language ja" in text for text in found)
    assert any(digest in text for text in found)


def test_limits_are_held_against_the_part(tmp_path: Path) -> None:
    """140 of the 420 prompts are Japanese, and 42 of each category: not a half, nor all."""
    (one,) = told(tmp_path, "at: {set: regular, language: ja}, min: 98 %")
    assert "with the 140 regular prompts of language ja of the suite core" in one.message
    assert not told(tmp_path, "at: {set: regular, language: en}, min: 98 %, severity: warn")
    (one,) = told(tmp_path, "at: {set: regular, each: category}, min: 95 %, severity: warn")
    assert "with the 42 regular prompts of category drugs" in one.message
    (one,) = told(tmp_path, "at: {set: benign, language: ja}, max: 15 %")
    assert "takes 141 prompts for a power of 80 %, and there are the 140 benign" in one.message


def test_prompts_are_told_of_the_part() -> None:
    policy = load_policy(bundled("policies") / "japan-ai-guidelines.yaml")
    assert "Takes: at most 100 measured prompts of the language ja." in explain(policy, TODAY)
    assert "言語 ja について測定用 最大 100 件" in explain(policy, TODAY, "ja")
