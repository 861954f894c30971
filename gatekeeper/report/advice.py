"""What the executive summary recommends: the weightiest steps, few enough for one page."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from gatekeeper.records.verdict import Verdict
from gatekeeper.report.parts import RuleRow
from gatekeeper.report.text import clean, first_few
from gatekeeper.report.wording import Wording

#: Steps told in full, and about how many characters of a policy's own text in each, so that a step
#: takes two lines: the rules chapter has it all.
_STEPS, _LENGTH = 3, 120
#: Rules named in one sentence, and characters of each name.
_NAMES, _NAME = 3, 40


def recommended(verdict: Verdict, rules: tuple[RuleRow, ...], words: Wording) -> tuple[str, ...]:
    """What to do, first of all what the verdict calls for; then a few steps, and how many more."""
    steps = list(dict.fromkeys(_steps(verdict, rules, words)))
    told, rest = first_few(steps, _STEPS)
    more = [words("summary.more", count=rest, chapter=words("rules.title"))] if rest else []
    return (words(f"summary.do_{verdict.result}"), *told, *more)


def names(ids: Sequence[str], words: Wording) -> str:
    """Rules by name, the first few of them."""
    told, rest = first_few(ids, _NAMES)
    shown = [clean(one, _NAME) for one in told]
    if rest:
        return words("summary.and_more", names=words("number.comma").join(shown), count=rest)
    return words.enumerate(shown)


def _steps(verdict: Verdict, rules: tuple[RuleRow, ...], words: Wording) -> Iterator[str]:
    """Blocking rules before unmet needs before warnings before waivers."""
    failed = [row for row in rules if row.result == "fail"]
    blocking = [row for row in rules if row.severity == "block"]
    warning = [row for row in rules if row.severity != "block"]
    urgent = {row.remedy for row in failed if row.severity == "block"}
    yield from _remedies((row for row in failed if row.remedy in urgent), words)
    for need in verdict.requirements:
        if not need.met:
            name, detail = clean(need.name, 60), clean(need.detail, _LENGTH)
            yield words("summary.need", name=name, detail=detail)
    yield from _open(blocking, words)
    yield from _remedies((row for row in failed if row.remedy not in urgent), words)
    yield from _open(warning, words)
    yield from _remedies((row for row in rules if row.result == "waived"), words)


def _remedies(rows: Iterable[RuleRow], words: Wording) -> Iterator[str]:
    """Each remedy once, with all the rules that ask for it."""
    rules: dict[str, list[str]] = {}
    for row in rows:
        if row.remedy:
            rules.setdefault(row.remedy, []).append(row.id)
    for remedy, ids in rules.items():
        named = names(ids, words)
        told = clean(remedy, max(_LENGTH // 2, _LENGTH + 60 - len(named)))
        yield words("summary.remedy", rule=named, remedy=told)


def _open(rows: Iterable[RuleRow], words: Wording) -> Iterator[str]:
    for row in rows:
        if row.result == "inconclusive" and row.outcome.more_prompts:
            rule, count = clean(row.id, _NAME), row.outcome.more_prompts
            yield words("summary.more_prompts", rule=rule, count=count)
