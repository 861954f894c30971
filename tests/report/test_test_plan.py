"""The test plan: what was to be measured, and whether that was fixed before."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from gatekeeper.records.evidence import Evidence
from gatekeeper.records.policy import Policy
from gatekeeper.records.seed_rule import derived_seed
from gatekeeper.report.document import render_html
from gatekeeper.report.test_plan import TestPlan
from gatekeeper.report.view import build_view
from gatekeeper.report.wording import load_wording

from .synthetic import TECHNICAL, audit

WORDS = load_wording("en")
ASKED = "sha256:" + "a" * 64


def plan(evidence: Evidence, policy: Policy) -> TestPlan:
    return build_view(evidence, audit().verdict, policy).plan


def derived(nonce: str | None = None, **changes: Any) -> tuple[Evidence, Policy]:
    case = audit()
    evidence = case.evidence
    seed = derived_seed(ASKED, evidence.suite.digest, evidence.checkpoint.digest, nonce)
    changed: dict[str, Any] = {"seed": seed, "seed_from": ASKED, "nonce": nonce, **changes}
    settings = replace(evidence.settings, **changed)
    return replace(evidence, settings=settings), replace(case.policy, audit_digest=ASKED)


def test_a_derived_seed_shows_that_the_plan_came_first() -> None:
    assert plan(*derived()).fixed[0] == WORDS("plan.fixed")
    assert plan(*derived("drawn")).fixed[0] == WORDS("plan.fixed_nonce")


def test_another_policy_or_a_seed_that_was_not_derived_shows_nothing() -> None:
    evidence, policy = derived()
    other = replace(policy, audit_digest="sha256:" + "b" * 64)
    assert plan(evidence, other).fixed[0] == WORDS("plan.fixed_other")
    assert plan(*derived(seed=7)).fixed[0] == WORDS("plan.fixed_other")
    assert plan(*derived(seed_from=None)).fixed[0] == WORDS("plan.fixed_chosen")


def test_limits_are_known_to_come_first_only_where_masks_stopped_at_them() -> None:
    evidence, policy = derived()
    assert plan(evidence, policy).fixed[1] == WORDS("plan.limits_unknown")
    settings = replace(evidence.settings, sequential=policy.digest)
    stopped = plan(replace(evidence, settings=settings), policy)
    assert stopped.fixed[1] == WORDS("plan.limits_before")
    assert dict(stopped.rows)[WORDS("plan.row.stopping")] == WORDS("plan.stop_own")


def test_prompts_are_counted_by_set_category_and_language_without_those_left_out() -> None:
    case = audit()
    prompts = list(case.evidence.suite.prompts)
    assert prompts[0].skipped is None
    prompts[0] = replace(prompts[0], skipped="too long")
    suite = replace(case.evidence.suite, prompts=tuple(prompts))
    told = plan(replace(case.evidence, suite=suite), case.policy)
    run = [prompt for prompt in prompts if prompt.skipped is None]
    for table in told.tables:
        assert sum(sum(counts) for _, counts in table.rows) == len(run)
    assert [table.name for table in told.tables] == ["category", "language"]


def test_the_plan_stands_in_both_documents() -> None:
    case = audit()
    html = render_html(build_view(case.evidence, case.verdict, case.policy, layout=TECHNICAL))
    assert WORDS("plan.intro") in html and "random masks" in html
    html = render_html(build_view(case.evidence, case.verdict, case.policy))
    assert WORDS("plan.title") in html and WORDS("plan.intro") not in html
