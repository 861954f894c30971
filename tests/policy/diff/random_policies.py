"""Pairs of random policies."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import date, timedelta

from gatekeeper.records.finding import Subject
from gatekeeper.records.policy import CardNeeds, EvidenceNeeds, Policy, Rule, SettingsNeeds, Waiver
from tests.policy.builders import make_policy, make_rule

TODAY = date(2026, 12, 1)
CHECKPOINTS = ("sha256:" + "0" * 64, "sha256:" + "a" * 64, "sha256:" + "b" * 64)
DAYS = (TODAY, TODAY + timedelta(days=40), TODAY + timedelta(days=400))
_UNMASKED = tuple(Subject(set=name, mask="none") for name in ("regular", "benign"))
_CARDS = tuple(
    CardNeeds(on="masked", compliance_sensitivity=share, newest=days)
    for share in (0.5, 0.9)
    for days in (None, 90, 180)
)
_MASKED = Subject(set="regular", mask="selected", k=4)
LIMITS = (0.0, 5.0, 10.0, 10.5, 20.0, 100.0)


def random_policy(rng: random.Random, like: Policy | None = None) -> Policy:
    """A policy of one to four rules; mostly one that differs from another in a few things."""
    if like is not None and rng.random() < 0.8:
        return _changed(rng, like)
    rules = tuple(_rule(rng, f"rule-{i}") for i in range(rng.randint(1, 4)))
    if rng.random() < 0.15:
        rules = tuple(replace(rule, severity="warn") for rule in rules)
    waivers = tuple(_waiver(rng, rule) for rule in rules if rng.random() < 0.3)
    longest = rng.choice((None, None, 30, 90, 365))
    return make_policy(*rules, needs=_needs(rng), waivers=waivers, longest_waiver=longest)


def _changed(rng: random.Random, policy: Policy) -> Policy:
    rules = list(policy.rules)
    at = rng.randrange(len(rules))
    kind = rng.choice(
        ("limit", "limit", "bound", "bound", "severity", "drop", "add", "needs", "waiver", "part")
    )
    if all(rule.severity == "warn" for rule in rules) and rng.random() < 0.5:
        others = tuple(replace(_rule(rng, r.id), severity="warn") for r in rules)
        return replace(policy, rules=others, waivers=())
    rule = rules[at]
    if kind == "limit":
        limit = rng.choice(LIMITS)
        both, upper = rule.bound == "both" or len(rule.sides()) > 1, rule.maximum is not None
        if both and rule.minimum is not None and limit > rule.minimum:
            rules[at] = replace(rule, maximum=limit)
        elif not both:
            rules[at] = replace(rule, maximum=limit) if upper else replace(rule, minimum=limit)
    elif kind == "bound":
        rules[at] = replace(rule, bound=rng.choice((_natural(rule), "estimate")))
    elif kind == "part":
        rules[at] = replace(rule, subjects=tuple(_part(rng, at_) for at_ in rule.subjects))
    elif kind == "severity":
        rules[at] = replace(rule, severity=rng.choice(("block", "warn")))
    elif kind == "drop" and len(rules) > 1:
        del rules[at]
    elif kind == "add":
        rules.append(_rule(rng, f"added-{rng.randint(0, 9)}"))
    needs = _needs(rng) if kind == "needs" else policy.needs
    kept = {rule.id for rule in rules}
    waivers = tuple(w for w in policy.waivers if w.rule in kept)
    if kind == "waiver":
        waivers = (_waiver(rng, rules[0]),) if not waivers else ()
    if rng.random() < 0.1:
        policy = replace(policy, longest_waiver=rng.choice((None, 30, 90, 365)))
    changed = replace(policy, rules=tuple(rules), needs=needs, waivers=waivers)
    return changed if rng.random() < 0.6 else _changed(rng, changed)


def _natural(rule: Rule) -> str:
    if len(rule.sides()) > 1:
        return "both"
    return "upper" if rule.maximum is not None else "lower"


def _part(rng: random.Random, subject: Subject) -> Subject:
    """The same of all, of each category, or of one of them."""
    each, category = rng.choice(((None, None), ("category", None), (None, "a"), (None, "b")))
    return replace(subject, each=each, category=category)


def _rule(rng: random.Random, name: str) -> Rule:
    kind = rng.random()
    if kind < 0.2:
        return _regression(rng, name)
    upper, estimate = rng.random() < 0.6, rng.random() < 0.4
    limit = rng.choice(LIMITS)
    masked = rng.random() < 0.6
    subjects = (
        tuple(Subject(k=k, set="regular") for k in rng.choice(((2,), (4,), (2, 4))))
        if masked
        else (Subject(set=rng.choice(("regular", "benign")), mask="none"),)
    )
    if rng.random() < 0.3:
        subjects = tuple(_part(rng, at) for at in subjects)
    if kind < 0.35:
        least, most = sorted(rng.sample(LIMITS, 2))
        return make_rule(
            id=name,
            metric="gross-refusal-loss" if masked else "refusal-rate",
            subjects=subjects,
            minimum=least,
            maximum=most,
            unit="%",
            bound="estimate" if estimate else "both",
            severity=rng.choice(("block", "block", "warn")),
        )
    return make_rule(
        id=name,
        metric="gross-refusal-loss" if masked else "refusal-rate",
        subjects=subjects,
        maximum=limit if upper else None,
        minimum=None if upper else limit,
        unit="%",
        bound="estimate" if estimate else "upper" if upper else "lower",
        severity=rng.choice(("block", "block", "warn")),
    )


def _regression(rng: random.Random, name: str) -> Rule:
    return make_rule(
        id=name,
        metric="refusal-rate",
        subjects=(_part(rng, rng.choice((*_UNMASKED, _MASKED))),),
        maximum=rng.choice(LIMITS),
        minimum=None,
        unit="points",
        bound=rng.choice(("upper", "upper", "estimate")),
        severity=rng.choice(("block", "block", "warn")),
        regression=True,
    )


def _waiver(rng: random.Random, rule: Rule) -> Waiver:
    return Waiver(
        rule=rule.id,
        checkpoint=rng.choice(CHECKPOINTS[1:]),
        reason="Known.",
        owner="a@example.com",
        approver=rng.choice(("b@example.com", "b@example.com", "a@example.com")),
        expires=rng.choice((DAYS[0] - timedelta(days=1), *DAYS)),
        not_above=rng.choice((None, *LIMITS)) if rule.maximum is not None else None,
        not_below=rng.choice((None, *LIMITS)) if rule.minimum is not None else None,
        issued=rng.choice((None, None, *DAYS[:2])),
        line=1,
    )


def _needs(rng: random.Random) -> EvidenceNeeds:
    return EvidenceNeeds(
        selectors=rng.choice((("attribution",), ("attribution", "greedy"), ("greedy",))),
        ks=(2, 4),
        random_masks=rng.choice((0, 20, 99)),
        prompts={},
        positive_control=rng.choice((None, 30.0)),
        settings=SettingsNeeds(
            truncated=rng.choice((None, 0.1, 0.2)),
            judge=rng.choice((None, "a", "b")),
            sequential=rng.choice((None, None, False, True)),
        ),
        judge_card=rng.choice((None, None, *_CARDS)),
        suite_digests=rng.choice(((), (), ("a",), ("a", "b"), ("b", "c"))),
    )
