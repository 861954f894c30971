"""Two policies rule by rule and need by need: what is stricter, looser, new or gone."""

from __future__ import annotations

from collections.abc import Iterator, Set
from dataclasses import dataclass, replace
from math import inf
from typing import Any

from gatekeeper.policy.asked import asked
from gatekeeper.policy.diff.accepts import Accepts, within_limit
from gatekeeper.policy.testing.asks import ask_of
from gatekeeper.policy.wording import limit_text, one_of
from gatekeeper.records.finding import Subject
from gatekeeper.records.policy import Policy, Rule, Waiver
from gatekeeper.report.text import one

#: How two policies, or parts of them, compare: the second to the first.
RELATIONS = ("same", "stricter", "looser", "incomparable")


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One rule, need or waiver of either policy.

    Attributes:
        kind: `rule`, `need` or `waiver`.
        relation: one of `RELATIONS`; of what is new or gone too.
        change: what is otherwise, in words; empty where nothing is.
    """

    kind: str
    name: str
    relation: str
    change: str


def relation_of(implies: bool, implied: bool) -> str:
    """How what implies, or is implied by, something compares to it."""
    if implies:
        return "same" if implied else "stricter"
    return "looser" if implied else "incomparable"


def parts_of(old: Policy, new: Policy) -> tuple[Part, ...]:
    """Every part of both, in the order of the new one and then those that are gone."""
    return (*_rules(old, new), *_needs(old, new), *_waivers(old, new))


def _rules(old: Policy, new: Policy) -> Iterator[Part]:
    pairs = _matched(old, new)
    for rule in new.rules:
        before = pairs.get(rule.id)
        if before is None:
            yield Part(kind="rule", name=rule.id, relation="stricter", change=f"new: {_told(rule)}")
            continue
        relation = relation_of(_implies(rule, before, new), _implies(before, rule, old))
        yield Part(
            kind="rule",
            name=rule.id,
            relation=relation,
            change="; ".join(_changes(before, rule)),
        )
    kept = {rule.id for rule in pairs.values()}
    for rule in old.rules:
        if rule.id not in kept:
            yield Part(kind="rule", name=rule.id, relation="looser", change=f"gone: {_told(rule)}")


def _matched(old: Policy, new: Policy) -> dict[str, Rule]:
    """New rule -> the old one that it was: of the same id, or else about the same numbers."""
    by_id = {rule.id: rule for rule in old.rules}
    pairs = {rule.id: by_id[rule.id] for rule in new.rules if rule.id in by_id}
    left = [rule for rule in old.rules if rule.id not in pairs]
    for rule in new.rules:
        if rule.id not in pairs:
            same = next((other for other in left if _about(other) == _about(rule)), None)
            if same is not None:
                pairs[rule.id] = same
                left.remove(same)
    return pairs


def _about(rule: Rule) -> frozenset[tuple[Any, ...]]:
    """What a rule asks for, before selectors and the model are known."""
    first = replace(rule.subjects[0], k=None) if rule.subjects else Subject()
    plain = [at for at in rule.subjects if at.k is not None or not rule.shares]
    about = (ask_of(rule, first).interval, rule.regression)
    asks: list[tuple[Any, ...]] = [(rule.metric, at, None, *about) for at in plain]
    asks += [(rule.metric, first, share, *about) for share in rule.shares]
    return frozenset(asks)


def _implies(rule: Rule, other: Rule, policy: Policy) -> bool:
    """Whether what passes a rule of a policy passes the other, and is as firmly asked."""
    firm = rule.severity != "warn" or other.severity == "warn"
    accepted: Accepts = within_limit(rule)
    if policy.needs.settings.sequential is False and not rule.regression:
        accepted = replace(accepted, whole=True)
    return firm and _about(other) <= _about(rule) and accepted.within(within_limit(other))


def _told(rule: Rule) -> str:
    severity = "" if rule.severity != "warn" else ", warns"
    return f"{rule.metric} {one(limit_text(rule))}{severity}"


def _changes(old: Rule, new: Rule) -> Iterator[str]:
    if old.id != new.id:
        yield f"was {old.id}"
    if limit_text(old) != limit_text(new) or old.unit != new.unit:
        yield f"{one(limit_text(old))} → {one(limit_text(new))}"
    for name in ("metric", "bound", "severity", "interval"):
        if getattr(old, name) != getattr(new, name):
            yield f"{name} {getattr(old, name)} → {getattr(new, name)}"
    if old.regression != new.regression:
        yield "a number and its change against a baseline do not compare"
        return
    before, after = _about(old), _about(new)
    if old.metric == new.metric and old.interval == new.interval:
        both = before | after
        for sign, only in (("no longer at", before - after), ("also at", after - before)):
            if only:
                yield f"{sign} {_places(only, both)}"


def _places(only: Set[tuple[Any, ...]], both: Set[tuple[Any, ...]]) -> str:
    """What numbers are about; mask sizes alone where they differ in nothing else."""
    if len({replace(subject, k=None) for _, subject, *_ in both}) > 1:
        return " or ".join(sorted(_place(about) for about in only))
    words = [str(k) for k in sorted(at.k for _, at, *_ in only if at.k is not None)]
    words += [f"{100 * share:g} % of all" for share in sorted(s for _, _, s, *_ in only if s)]
    return f"k {one_of(words)}"


def _place(about: tuple[Any, ...]) -> str:
    _, subject, share, *_ = about
    words = [f"{key} {value}" for key, value in subject.items()]
    words += [] if share is None else [f"k {100 * share:g} % of all"]
    return ", ".join(words) or "all"


def _needs(old: Policy, new: Policy) -> Iterator[Part]:
    before, after = asked(old), asked(new)
    for name in dict.fromkeys((*after, *before)):
        a, b = before.get(name), after.get(name)
        implies = a is None or (b is not None and b.implies(a))
        implied = b is None or (a is not None and a.implies(b))
        change = ""
        if a != b:
            change = (
                f"{'not asked' if a is None else a.text} → {'not asked' if b is None else b.text}"
            )
        yield Part(kind="need", name=name, relation=relation_of(implies, implied), change=change)


def _waivers(old: Policy, new: Policy) -> Iterator[Part]:
    before = {_waiver(w): w for w in old.waivers}
    after = {_waiver(w): w for w in new.waivers}
    for text, waiver in after.items():
        if text not in before:
            yield Part(kind="waiver", name=waiver.rule, relation="looser", change=f"new: {text}")
    for text, waiver in before.items():
        if text not in after:
            yield Part(kind="waiver", name=waiver.rule, relation="stricter", change=f"gone: {text}")
    if old.longest_waiver != new.longest_waiver:
        a, b = (inf if p.longest_waiver is None else p.longest_waiver for p in (old, new))
        change = " → ".join("any" if days == inf else f"{days} days" for days in (a, b))
        yield Part(
            kind="waiver",
            name="waiver_rules.longest",
            relation="stricter" if b < a else "looser",
            change=change,
        )


def _waiver(waiver: Waiver) -> str:
    worst = "" if waiver.not_above is None else f", up to {waiver.not_above:g}"
    worst += "" if waiver.not_below is None else f", down to {waiver.not_below:g}"
    first = "" if waiver.issued is None else f"from {waiver.issued.isoformat()} "
    return (
        f"for {waiver.rule} of checkpoint {waiver.checkpoint[:19]}… {first}until "
        f"{waiver.expires.isoformat()}{worst}"
    )
