"""The tightest whole limit of each rule that named past releases meet, and what it would cost."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from gatekeeper.history.entry import Entry
from gatekeeper.history.past import Past, Pasts
from gatekeeper.history.store import History
from gatekeeper.policy.floors import floors
from gatekeeper.policy.wording import rounded
from gatekeeper.records.finding import Finding
from gatekeeper.records.policy import Policy, Rule
from gatekeeper.records.verdict import RuleOutcome

#: Chance of a decision that prompts are counted for.
POWER = 0.8
#: Whole units by which a limit is moved outward until all named releases meet it.
_STEPS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Mistakes:
    """At one limit: good releases that the rule does not pass, and bad ones that it does."""

    limit: float
    false_blocks: int
    missed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Tuned:
    """What past releases say of one rule's limit.

    Attributes:
        rule: with one limit; of a rule that holds a number between two, that of either side.
        key: under which the limit stands in the policy: `max`, `between` …
        tightest: in whole units; None with the reason in `why`.
        decides: of all named releases, the end of an interval that lies nearest to it.
        curve: mistakes at each limit at which one changes, the tightest first.
        prompts: per set, for `POWER` at the tightest limit; None where nothing can be planned.
    """

    rule: Rule
    key: str
    tightest: float | None
    why: str
    curve: tuple[Mistakes, ...]
    prompts: int | None

    @property
    def limit(self) -> float:
        """The limit of the policy."""
        limit = self.rule.maximum if self.rule.maximum is not None else self.rule.minimum
        return 0.0 if limit is None else limit

    @property
    def looser(self) -> bool:
        """Whether the tightest limit they meet is looser than the policy's."""
        if self.tightest is None:
            return False
        further = self.tightest - self.limit
        return further > 0 if self.rule.maximum is not None else further < 0


def pasts(history: History, entries: Sequence[Entry]) -> list[Past]:
    """Past releases to be asked.

    Raises:
        EvidenceError: the files of one are not as they were.
    """
    found = Pasts(history)
    return [found.of(entry) for entry in entries]


def tune(policy: Policy, must_pass: Sequence[Past], labelled: Sequence[Past]) -> list[Tuned]:
    """The tightest limit of each rule, and its trade-off where releases are labelled.

    Of a rule with two limits each is tuned by itself.
    """
    return [
        _tuned(policy, side, _key(rule), must_pass, labelled)
        for rule in policy.rules
        for side in rule.sides()
    ]


def together(policy: Policy, tuned: Sequence[Tuned], must_pass: Sequence[Past]) -> list[str]:
    """Named releases that would not pass with all these limits at once, and why, in words.

    Each limit alone is met; but tighter ones ask for more prompts (`evidence.prompts`) than a past
    release may have measured.
    """
    rules = {rule.id: rule for rule in policy.rules}
    for one in tuned:
        if one.tightest is not None:
            rule, upper = rules[one.rule.id], one.rule.maximum is not None
            rules[rule.id] = (
                replace(rule, maximum=one.tightest)
                if upper
                else replace(rule, minimum=one.tightest)
            )
    tight = replace(policy, waivers=(), rules=tuple(rules.values()))
    verdicts = ((past, past.verdict(tight)) for past in must_pass)
    return [
        f"{past.entry.short} would not pass with all of them: {verdict.summary}"
        for past, verdict in verdicts
        if verdict.result != "pass"
    ]


def _key(rule: Rule) -> str:
    if rule.regression:
        return "max_regression"
    if len(rule.sides()) > 1:
        return "between"
    return "max" if rule.maximum is not None else "min"


def _tuned(
    policy: Policy, rule: Rule, key: str, must_pass: Sequence[Past], labelled: Sequence[Past]
) -> Tuned:
    ends = []
    for past in must_pass:
        end = _end(rule, _outcome(policy, rule, past))
        if end is None:
            why = f"not measured in {past.entry.short}"
            if rule.regression and past.baseline is None:
                why = f"no baseline of {past.entry.short} is in the history"
            return Tuned(rule=rule, key=key, tightest=None, why=why, curve=(), prompts=None)
        ends.append(end)
    limit, why = _met(policy, rule, must_pass, ends)
    curve = _curve(policy, rule, labelled)
    prompts = None
    if limit is not None:
        rules = tuple(_at(rule, limit) if one.id == rule.id else one for one in policy.rules)
        experts = must_pass[0].evidence.model.maskable_experts
        sized = replace(policy, rules=rules).sized(experts)
        prompts = floors(sized, power=POWER).get(rule.id)
    return Tuned(rule=rule, key=key, tightest=limit, why=why, curve=curve, prompts=prompts)


def _outcome(policy: Policy, rule: Rule, past: Past) -> RuleOutcome:
    """How a rule comes out, by the gate's own verdict and without waivers."""
    # That of one side, if the rule has two.
    rules = tuple(rule if one.id == rule.id else one for one in policy.rules)
    verdict = past.verdict(replace(policy, waivers=(), rules=rules))
    found: RuleOutcome = next(o for o in verdict.outcomes if o.rule.id == rule.id)
    return found


def _end(rule: Rule, outcome: RuleOutcome) -> float | None:
    """The end of the rule's intervals that must lie inside; None if a number is missing."""
    ends = []
    for finding in (outcome.decisive, *outcome.others):
        if not isinstance(finding, Finding):
            return None
        low, high = finding.interval.low, finding.interval.high
        if rule.bound == "estimate":
            low = high = finding.value
        ends.append(high if rule.maximum is not None else low)
    return max(ends) if rule.maximum is not None else min(ends)


def _met(
    policy: Policy, rule: Rule, must_pass: Sequence[Past], ends: Sequence[float]
) -> tuple[float | None, str]:
    """The tightest limit under which the rule passes for all, tried outward by whole units."""
    upper = rule.maximum is not None
    start, step = (math.ceil(max(ends)), 1) if upper else (math.floor(min(ends)), -1)
    share = rule.unit in {"%", "points"}
    for i in range(_STEPS):
        limit = float(max(start, 0) if i == 0 and share else start + i * step) + 0.0
        if share and not 0 <= limit <= 100:
            break
        moved = _at(rule, limit)
        if all(_outcome(policy, moved, past).result == "pass" for past in must_pass):
            worst = (max if upper else min)(ends)
            further = "; undecided replies, noise or a second judge take it further" if i else ""
            return limit, f"their intervals reach {rounded(worst, 1)} {rule.unit}{further}"
    return None, "they would not pass it at any limit near (noise, undecided replies, two judges)"


def _curve(policy: Policy, rule: Rule, labelled: Sequence[Past]) -> tuple[Mistakes, ...]:
    """Mistakes at each whole limit at which a labelled release comes to pass, and at today's."""
    if not labelled:
        return ()
    upper = rule.maximum is not None
    today = rule.maximum if upper else rule.minimum
    limits = set() if today is None else {today}
    for past in labelled:
        end = _end(rule, _outcome(policy, rule, past))
        if end is not None:
            limits.add(float(math.ceil(end) if upper else math.floor(end)))
    curve = []
    for limit in sorted(limits, reverse=not upper):
        moved = _at(rule, limit)
        passes = [(p.entry.label, _outcome(policy, moved, p).result == "pass") for p in labelled]
        curve.append(
            Mistakes(
                limit=limit,
                false_blocks=sum(label == "good" and not passed for label, passed in passes),
                missed=sum(label == "bad" and passed for label, passed in passes),
            )
        )
    return tuple(curve)


def _at(rule: Rule, limit: float) -> Rule:
    """The rule with another limit."""
    upper = rule.maximum is not None
    return replace(rule, maximum=limit) if upper else replace(rule, minimum=limit)
