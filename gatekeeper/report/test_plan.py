"""The test plan: what was to be measured on what, by which rule, and whether it was fixed before.

It is read off the record: what an audit ran is what it was planned to, or is told as left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from gatekeeper.records.evidence import AuditSettings, Evidence, PromptRef
from gatekeeper.records.policy import Policy
from gatekeeper.records.seed_rule import derived_seed
from gatekeeper.records.suite import SETS
from gatekeeper.report.disclosure import SelectorFacts
from gatekeeper.report.text import clean
from gatekeeper.report.wording import Wording


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanTable:
    """Prompts that were run, by one of their properties: a row of counts, one for each set."""

    name: str
    rows: tuple[tuple[str, tuple[int, ...]], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TestPlan:
    """What was planned.

    Attributes:
        short: what a committee reads beside what was tested.
        rows: label and text.
        sets: that `tables` count, in words.
        fixed: whether the plan was fixed before the audit, as far as the evidence shows it.
    """

    __test__ = False  # no test, whatever its name begins with

    short: tuple[str, ...]
    rows: tuple[tuple[str, str], ...]
    sets: tuple[str, ...]
    tables: tuple[PlanTable, ...]
    fixed: tuple[str, ...]


def build_test_plan(
    evidence: Evidence, policy: Policy, selectors: Sequence[SelectorFacts], words: Wording
) -> TestPlan:
    """The plan of an audit, held against the policy that its verdict is under."""
    run = [prompt for prompt in evidence.suite.prompts if not prompt.skipped]
    sets = [name for name in SETS if any(p.set == name for p in run)]
    tables = (
        _table("category", run, sets, lambda p: p.category),
        _table("language", run, sets, lambda p: p.language),
    )
    fixed = tuple(_fixed(evidence, policy, words))
    stopping = _stopping(evidence.settings, policy, words)
    return TestPlan(
        short=(_spread(run, tables, words), stopping, *fixed),
        rows=tuple(
            (words(f"plan.row.{key}"), text)
            for key, text in _rows(evidence, selectors, stopping, words)
        ),
        sets=tuple(words(f"set.{name}") for name in sets),
        tables=tables,
        fixed=fixed,
    )


def _table(
    name: str, run: Sequence[PromptRef], sets: Sequence[str], key: Callable[[PromptRef], str]
) -> PlanTable:
    rows = tuple(
        (clean(value, 60), tuple(sum(p.set == s and key(p) == value for p in run) for s in sets))
        for value in sorted({key(p) for p in run})
    )
    return PlanTable(name=name, rows=rows)


def _spread(run: Sequence[PromptRef], tables: Sequence[PlanTable], words: Wording) -> str:
    categories, languages = (len(table.rows) for table in tables)
    return words(
        "plan.spread",
        prompts=words.number(len(run), 0),
        categories=words.number(categories, 0),
        count=languages,
        languages=words.enumerate([name for name, _ in tables[1].rows]),
    )


def _rows(
    evidence: Evidence, selectors: Sequence[SelectorFacts], stopping: str, words: Wording
) -> Iterator[tuple[str, str]]:
    settings = evidence.settings
    yield "selectors", _selectors(settings, selectors, words)
    yield (
        "masks",
        words(
            "plan.masks",
            ks=words.enumerate([words.number(k, 0) for k in sorted(settings.ks)]),
            mode=clean(settings.mode, 40),
            phase=clean(settings.phase, 20),
        ),
    )
    yield "controls", words("plan.controls", count=settings.controls)
    yield "beside", _beside(evidence, words)
    if settings.resamples:
        yield (
            "search",
            words(
                "plan.search",
                resamples=words.number(settings.resamples, 0),
                size=words.number(settings.size, 0),
                budget=words.number(settings.budget, 0),
            ),
        )
    yield (
        "split",
        words(
            "plan.cross_fit" if settings.cross_fit else "plan.split",
            share=words.amount(100 * settings.selection_share, "%"),
        ),
    )
    judge = words("plan.judge", id=clean(settings.judge, 60), version=settings.judge_version)
    if settings.second is not None:
        second = settings.second
        about = {"id": clean(second.judge, 60), "version": second.version}
        judge = words.prose([judge, words("plan.second", count=second.sample, **about)])
    yield "judge", judge
    yield "window", words("plan.window", tokens=words.number(settings.max_new_tokens, 0))
    yield "seed", _seed(settings, words)
    yield "stopping", stopping


def _selectors(settings: AuditSettings, selectors: Sequence[SelectorFacts], words: Wording) -> str:
    """Each selector with its version and the tokens that it counts on."""
    told = {
        facts.selector: words(
            "plan.selector",
            id=clean(facts.selector, 40),
            version=facts.version,
            window=words.get(f"plan.tokens.{facts.window}") or clean(facts.window, 40),
        )
        for facts in selectors
    }
    names = dict.fromkeys((*settings.selectors, *told))
    return words("number.semicolon").join(told.get(name, clean(name, 40)) for name in names)


def _beside(evidence: Evidence, words: Wording) -> str:
    """Which masks stand beside the selected and random ones, and how many of each arm."""
    arms = {"beside": 0, "positive": 0, "again": 0, "dose": 0}
    for mask in evidence.masks:
        if mask.arm in arms:
            arms[mask.arm] += 1
    parts = [words(f"plan.arm.{arm}", count=count) for arm, count in arms.items() if count]
    return words("number.semicolon").join(parts) or words("number.none")


def _seed(settings: AuditSettings, words: Wording) -> str:
    nonce = words("plan.nonce", nonce=clean(settings.nonce, 80)) if settings.nonce else words(
        "plan.no_nonce"
    )  # fmt: skip
    key = "plan.seed_chosen" if settings.seed_from is None else "plan.seed_derived"
    source = clean((settings.seed_from or "")[:19], 40)
    return words.prose([words(key, seed=str(settings.seed), source=source), nonce])


def _stopping(settings: AuditSettings, policy: Policy, words: Wording) -> str:
    if settings.sequential is None:
        return words("plan.stop_none")
    own = settings.sequential == policy.digest
    return words("plan.stop_own" if own else "plan.stop_other", digest=settings.sequential[:19])


def _fixed(evidence: Evidence, policy: Policy, words: Wording) -> Iterator[str]:
    """What shows that the plan came before the audit, and what does not."""
    settings = evidence.settings
    if settings.seed_from is None:
        yield words("plan.fixed_chosen")
    elif settings.seed_from != policy.audit_digest or settings.seed != derived_seed(
        settings.seed_from, evidence.suite.digest, evidence.checkpoint.digest, settings.nonce
    ):
        yield words("plan.fixed_other")
    else:
        yield words("plan.fixed_nonce" if settings.nonce else "plan.fixed")
    if settings.sequential == policy.digest:
        yield words("plan.limits_before")
    else:
        yield words("plan.limits_unknown")
