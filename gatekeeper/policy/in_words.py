"""A policy's parts as sentences of a language, of which `policy explain` and `policy doc` are made.

All sentences stand in `wordings/<lang>.yaml`, beside this module; a new language is a new file.
What people wrote into a policy (titles, reasons, remedies) is repeated as they wrote it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path

from gatekeeper import catalog
from gatekeeper.errors import UsageError, excerpt
from gatekeeper.policy.floors import floors
from gatekeeper.policy.part_counts import parts_of
from gatekeeper.policy.rule_needs import LARGE
from gatekeeper.policy.subjects import is_masked
from gatekeeper.policy.waivers import too_long, two_people
from gatekeeper.policy.wording import capital, subject_sentence
from gatekeeper.records.finding import PARTS, Subject
from gatekeeper.records.plugins import Metric
from gatekeeper.records.policy import Policy, Rule, Waiver
from gatekeeper.report.wording import Wording, read_wording

_FOLDER = Path(__file__).with_name("wordings")
#: The language that metrics bring their sentence in.
_OWN = "en"


def languages() -> tuple[str, ...]:
    """Languages that a policy can be told in."""
    return tuple(sorted(file.stem for file in _FOLDER.glob("*.yaml")))


@cache
def wording(lang: str) -> Wording:
    """The sentences of a language.

    Raises:
        UsageError: there are none.
    """
    if lang not in languages():
        raise UsageError(
            f"policies are not told in {excerpt(lang)!r}",
            where="--lang",
            remedy=f"known: {', '.join(languages())}",
        )
    return read_wording(_FOLDER / f"{lang}.yaml")


@dataclass(frozen=True, slots=True)
class RuleInWords:
    """One rule in words.

    Attributes:
        about: what is measured.
        limit: what it must be.
        sentence: both, as one sentence.
        severity: what follows if it is broken.
        takes: prompts that it takes, or nothing if none are counted for it.
    """

    rule: Rule
    about: str
    limit: str
    sentence: str
    severity: str
    takes: str


def rules_in_words(policy: Policy, words: Wording) -> tuple[RuleInWords, ...]:
    """The rules, in the policy's order."""
    takes: Mapping[str, int | None] = {}
    if policy.needs.power is not None:
        takes = floors(policy.sized(LARGE), power=policy.needs.power)
    return tuple(_rule(rule, policy, takes, words) for rule in policy.rules)


def _rule(
    rule: Rule, policy: Policy, takes: Mapping[str, int | None], words: Wording
) -> RuleInWords:
    about, limit = about_in_words(rule, policy, words), limit_in_words(rule, words)
    sentence = words("explain.rule", about=about, limit=limit)
    if rule.bound == "estimate":
        sentence += words("explain.estimate")
    counted = rule.id in takes and rule.severity != "warn"
    return RuleInWords(
        rule=rule,
        about=about,
        limit=limit,
        sentence=sentence,
        severity=words("explain.warns" if rule.severity == "warn" else "explain.blocks"),
        takes=_takes(takes[rule.id], rule, policy, words) if counted else "",
    )


def limit_in_words(rule: Rule, words: Wording) -> str:
    """`at most 10 points`."""
    if rule.regression:
        return words("explain.regression", limit=_amount(rule.maximum or 0.0, rule.unit, words))
    if rule.minimum is not None and rule.maximum is not None:
        largest = _amount(rule.maximum, rule.unit, words)
        return words("explain.between", least=f"{rule.minimum:g}", limit=largest)
    side, limit = ("at_most", rule.maximum) if rule.minimum is None else ("at_least", rule.minimum)
    return words(f"explain.{side}", limit=_amount(limit or 0.0, rule.unit, words))


def _amount(value: float, unit: str, words: Wording) -> str:
    if value == 1 and (one := words.get(f"unit_one.{unit}")) is not None:
        return one
    return words(f"unit.{unit}", value=f"{value:g}")


def _takes(count: int | None, rule: Rule, policy: Policy, words: Wording) -> str:
    """Prompts of its set, or of the part of it that the rule is about."""
    if count is None:
        return words("explain.takes_too_many")
    at, key = rule.subjects[0], "at_most" if policy.needs.shares else "some"
    prompts = words(f"explain.takes_{key}", n=math.ceil(count / parts_of(at)))
    if at.each is not None:
        part = words.get(f"subject.{at.each}") or at.each
        return words("explain.takes_of_each", prompts=prompts, part=part)
    for of in PARTS:
        if (name := getattr(at, of)) is not None:
            part = words.get(f"subject.{of}") or of
            prompts = words("explain.takes_of", prompts=prompts, part=part, name=excerpt(name))
    return prompts


def takes_in_words(told: RuleInWords, policy: Policy, words: Wording) -> str:
    """The prompts that a rule takes, or why none are told, where the policy asks for a power."""
    if told.takes:
        return words("explain.takes", prompts=told.takes)
    if policy.needs.power is None:
        return ""
    if told.rule.severity == "warn":
        return words("explain.takes_warns")
    return words("explain.takes_baseline") if told.rule.regression else ""


def about_in_words(rule: Rule, policy: Policy, words: Wording) -> str:
    """The metric's sentence over all subjects of a rule, which differ in k only."""
    metric: Metric = catalog.load("metric", rule.metric)
    first = rule.subjects[0]
    masked = is_masked(metric, first)
    selectors = policy.needs.selectors if masked else ()
    ks = [at.k for at in rule.subjects if at.k is not None]
    shares = [words("size.share", share=f"{100 * share:g}") for share in rule.shares]
    template = words.get(f"metric.{metric.id}")
    if words.lang == _OWN or template is None:
        return capital(subject_sentence(metric, first, selectors, [*ks, *shares]))
    sizes = [*(words("size.count", k=k) for k in ks), *shares]
    values = _values(first, selectors, sizes, words)
    if "mask" in metric.parameters:
        template += words("subject.masked" if masked else "subject.unmasked")
    return template.format_map(values) + _part(first, words)


def _part(subject: Subject, words: Wording) -> str:
    """Of which prompts alone, if not of all of the set."""
    if subject.each is not None:
        return words("subject.each", part=words(f"subject.{subject.each}"))
    named = [
        words("subject.one_part", part=words(f"subject.{of}"), name=excerpt(getattr(subject, of)))
        for of in PARTS
        if getattr(subject, of)
    ]
    return words("subject.among", parts=words("list.comma").join(named)) if named else ""


def own_words(words: Wording) -> Iterator[str]:
    """In another language than English: that what people wrote stands there in theirs."""
    if words.lang != _OWN:
        yield words("explain.own_words")


def tier_in_words(policy: Policy, words: Wording) -> str:
    """The deployment tier that a policy is for, if it has tiers."""
    return words("explain.tier", tier=policy.tier) if policy.tier else ""


def changes_in_words(policy: Policy, words: Wording) -> Iterator[str]:
    """What is said otherwise than in the policy that this one extends, or than beside tiers."""
    for change in policy.changes:
        key = "removed" if change.new is None else "added" if change.old is None else "changed"
        key += "_whole" if change.old == "" or change.new == "" else ""
        text = words(f"change.{key}", what=change.what, old=change.old, new=change.new)
        _, is_tier, tier = change.against.partition("tier ")
        if is_tier:
            yield words("change.of_tier", tier=tier, change=text)
        else:
            yield words("change.against", against=change.against, change=text)


def _values(
    subject: Subject, selectors: Sequence[str], sizes: Sequence[str], words: Wording
) -> dict[str, str]:
    """What a metric's sentence is filled with, in the words of a language."""
    chosen = [subject.selector] if subject.selector else list(selectors)
    return {
        "k": one_of(sizes, words),
        "set": words(f"set.{subject.set}") if subject.set else words("subject.any_prompt"),
        "selector": one_of(chosen, words) or words("subject.any_selector"),
        "loss": f"{subject.loss or 0:g}",
        "dimension": subject.dimension or words("subject.any_dimension"),
    }


def one_of(names: Sequence[str], words: Wording) -> str:
    """`a, b or c`."""
    if len(names) < 2:
        return "".join(names)
    return words("list.or", head=words("list.comma").join(names[:-1]), last=names[-1])


def waivers_in_words(policy: Policy, today: date, words: Wording) -> Iterator[tuple[bool, str]]:
    """Each waiver in a sentence, and whether it may count on a day; those that may come first."""
    told = [
        (not _why_void(waiver, policy, today, words), _waiver(waiver, policy, today, words))
        for waiver in policy.waivers
    ]
    yield from sorted(told, key=lambda one: not one[0])


def _waiver(waiver: Waiver, policy: Policy, today: date, words: Wording) -> str:
    units = {rule.id: rule.unit for rule in policy.rules}
    sides = (("not_below", waiver.not_below), ("not_above", waiver.not_above))
    worst = "".join(
        words(f"waiver.{side}", limit=_amount(limit, units[waiver.rule], words))
        for side, limit in sides
        if limit is not None
    )
    ticket = words("waiver.ticket", ticket=waiver.ticket) if waiver.ticket else ""
    text = words(
        "waiver.line", rule=waiver.rule, worst=worst, checkpoint=waiver.checkpoint[:19],
        day=waiver.expires.isoformat(), owner=waiver.owner, approver=waiver.approver + ticket,
        reason=waiver.reason,
    )  # fmt: skip
    why = _why_void(waiver, policy, today, words)
    return text + words("waiver.why", why=why) if why else text


def _why_void(waiver: Waiver, policy: Policy, today: date, words: Wording) -> str:
    """As `void_for_all` and `too_long`, in the words of a language; nothing if it may count."""
    if too_long(waiver, today, policy.longest_waiver):
        days = (waiver.expires - today).days
        return words("waiver.too_long", days=days, most=policy.longest_waiver)
    if today > waiver.expires:
        return words("waiver.expired", day=waiver.expires.isoformat())
    if waiver.issued is not None and today < waiver.issued:
        return words("waiver.early", day=waiver.issued.isoformat())
    return "" if two_people(waiver) else words("waiver.two_people")
