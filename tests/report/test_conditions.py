"""What an approval holds for, and until when."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from gatekeeper.policy.evaluate import evaluate
from gatekeeper.records.policy import Waiver
from gatekeeper.report.view import build_view
from gatekeeper.report.wording import load_wording

from .synthetic import TODAY, audit

WORDS = load_wording("en")
WAIVED, REVIEW = date(2026, 12, 24), date(2027, 6, 30)


def conditions(waived: date | None, review: date | None) -> tuple[str, ...]:
    """Of a checkpoint that passes; with a waiver, one of its rules is waived."""
    case = audit("pass")
    policy = replace(case.policy, waivers=(), review_by=review)
    verdict = evaluate(case.evidence, policy, TODAY, earlier=True)
    if waived is not None:
        first, *rest = verdict.outcomes
        waiver = Waiver(
            rule=first.rule.id,
            checkpoint=verdict.checkpoint_digest,
            reason="r",
            owner="o",
            approver="a",
            expires=waived,
            not_above=None,
            line=1,
        )
        outcomes = (replace(first, result="waived", waiver=waiver), *rest)
        verdict = replace(verdict, outcomes=outcomes)
    verdict = replace(verdict, result="pass")
    return build_view(case.evidence, verdict, policy).summary.conditions


@pytest.mark.parametrize(
    ("waived", "review", "key", "day"),
    [
        (None, REVIEW, "until_review", REVIEW),
        (WAIVED, REVIEW, "until_waiver", WAIVED),
        (WAIVED, None, "until_waiver", WAIVED),
        (REVIEW, WAIVED, "until_review", WAIVED),
    ],
)
def test_the_last_day_is_named_with_its_reason(
    waived: date | None, review: date, key: str, day: date
) -> None:
    assert WORDS(f"conditions.{key}", day=WORDS.day(day)) in conditions(waived, review)


def test_without_waivers_no_sentence_speaks_of_them() -> None:
    for review in (REVIEW, None):
        assert not any("waiver" in line for line in conditions(None, review))
    assert WORDS("conditions.no_date") in conditions(None, None)


def test_what_ends_it_names_the_audited_format() -> None:
    dtype = audit("pass").evidence.settings.dtype
    assert any(f"format than {dtype}" in line for line in conditions(None, REVIEW))
