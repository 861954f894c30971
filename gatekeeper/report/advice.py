"""What the executive summary recommends: the weightiest steps, few enough for one page.

Advice follows the headline: remedies are for what failed; what is open is told what to measure.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from gatekeeper.records.finding import Missing
from gatekeeper.records.verdict import RuleOutcome, Verdict, settled_by
from gatekeeper.report.parts import RuleRow
from gatekeeper.report.text import clean, first_few
from gatekeeper.report.wording import Wording

#: Steps told in full, and about how many characters of a policy's own text in each, so that a step
#: takes two lines: the rules chapter has it all.
_STEPS, _LENGTH = 3, 120
#: Rules named in one sentence, and characters of each name.
_NAMES, _NAME = 3, 40


def recommended(verdict: Verdict, rules: tuple[RuleRow, ...], words: Wording) -> tuple[str, ...]:
    """The steps to recommend: first what the verdict calls for, then a few, and how many more."""
    steps = list(dict.fromkeys(_steps(verdict, rules, words)))
    shown, rest = first_few(steps, _STEPS)
    more = [words("summary.more", count=rest, chapter=words("findings.title"))] if rest else []
    return (words(f"summary.do.{verdict.headline}"), *shown, *more)


def names(ids: Sequence[str], words: Wording) -> str:
    """Rules by name, the first few of them."""
    first, rest = first_few(ids, _NAMES)
    shown = [clean(rule, _NAME) for rule in first]
    if rest:
        return words("summary.and_more", names=words("number.comma").join(shown), count=rest)
    return words.enumerate(shown)


def _steps(verdict: Verdict, rules: tuple[RuleRow, ...], words: Wording) -> Iterator[str]:
    """Blocking rules before unmet needs before warnings before waivers."""
    blocked = [row for row in rules if verdict.blocks(row.outcome)]
    warned = [row for row in rules if not row.outcome.blocking and row not in blocked]
    urgent = {row.remedy for row in blocked}
    yield from _remedies((row for row in rules if row.remedy in urgent), words)
    for need in verdict.requirements:
        if not need.met:
            name, detail = clean(need.name, 60), clean(need.detail, _LENGTH)
            yield words("summary.need", name=name, detail=detail)
    yield from _open([row.outcome for row in blocked if row.result == "inconclusive"], words)
    yield from _remedies((row for row in warned if row.remedy not in urgent), words)
    silent = [row for row in warned if row.result in {"fail", "inconclusive"} and not row.remedy]
    if silent:
        yield words(
            "summary.warned", rules=names([row.id for row in silent], words), count=len(silent)
        )
    ends: dict[str, list[str]] = {}
    for row in rules:
        if row.outcome.waiver is not None:
            ends.setdefault(words.day(row.outcome.waiver.expires), []).append(row.id)
    for expires, ids in ends.items():
        yield words("summary.waiver_ends", rule=names(ids, words), expires=expires)


def _remedies(rows: Iterable[RuleRow], words: Wording) -> Iterator[str]:
    """Each remedy once, with all the rules that ask for it."""
    rules: dict[str, list[str]] = {}
    for row in rows:
        if row.remedy:
            rules.setdefault(row.remedy, []).append(row.id)
    for remedy, ids in rules.items():
        named = names(ids, words)
        text = clean(remedy, max(_LENGTH // 2, _LENGTH + 60 - len(named)))
        yield words("summary.remedy", rule=named, remedy=text)


def _open(outcomes: Sequence[RuleOutcome], words: Wording) -> Iterator[str]:
    """Advice for open rules: first what no prompts would settle, then prompts for the others."""
    countable: list[RuleOutcome] = []
    for outcome in outcomes:
        rule = clean(outcome.rule.id, _NAME)
        if isinstance(outcome.decisive, Missing):
            reason = clean(outcome.decisive.reason, _LENGTH)
            yield words("summary.missing", rule=rule, reason=reason)
        elif outcome.obstacle is not None:
            yield words(f"summary.obstacle.{outcome.obstacle}", rule=rule)
        else:
            countable.append(outcome)
    hard = [o for o in countable if o.more_prompts is None]
    if hard:
        named = names([o.rule.id for o in hard], words)
        yield words("summary.hardly", rules=named, count=len(hard))
    settled = tuple(o for o in countable if o.more_prompts is not None)
    more = settled_by(settled)
    if more is None:
        return
    low, high = words.number(more.low, 0), words.number(more.high or 0, 0)
    sure = more.high is None or more.high == more.low
    yield words(
        "summary.prompts" if sure else "summary.prompts_range",
        rules=names([o.rule.id for o in settled], words),
        count=len(settled),
        low=low,
        high=high,
    )
