"""The checks of a test file: each holds told evidence against a policy and says what is wrong."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

from gatekeeper.errors import did_you_mean, excerpt
from gatekeeper.policy.asked import asked
from gatekeeper.policy.evaluate import evaluate
from gatekeeper.policy.testing.asks import Asks, ask_of, named_parts
from gatekeeper.policy.testing.files import TestFile
from gatekeeper.policy.testing.numbers import Number, metric_of
from gatekeeper.policy.testing.told import (
    CHECKPOINT,
    OPEN_RESULTS,
    Setting,
    Told,
    judge_told,
    number_text,
    otherwise,
    worst_open,
)
from gatekeeper.records.evidence import Evidence
from gatekeeper.records.finding import Subject
from gatekeeper.records.plugins import Metric
from gatekeeper.records.policy import Policy, Rule
from gatekeeper.records.verdict import EXIT_CODES, RuleOutcome
from gatekeeper.strict_yaml import Route

#: Needs that hold whatever a policy says.
ALWAYS = ("self-test", "judge", "split", "recorded")

#: Path of a bundle -> its evidence, measured again.
OpenBundle = Callable[[Path], Evidence]


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing that a test file says of its policy.

    Attributes:
        name: in plain words; `where`: its place in the file.
        about: rules and needs that it shows not to pass.
        failure: policy, sized for the model -> what is otherwise than the file says; None if
            nothing is.
        slow: whether it reads a bundle.
    """

    name: str
    where: str
    about: frozenset[str]
    failure: Callable[[Policy], str | None]
    slow: bool = False


def checks_of(tests: TestFile, today: date, open_bundle: OpenBundle) -> tuple[Check, ...]:
    """All checks of a file, in its order: its base, limits, needs and cases.

    Raises:
        UsageError: an entry names what the policy does not have, or tells no number.
    """
    base = tests.base()
    told = _Teller(tests, base, today, open_bundle)
    return tuple(told.checks())


def open_on_base(tests: TestFile, today: date, open_bundle: OpenBundle) -> tuple[RuleOutcome, ...]:
    """Rules that do not pass on the base of a test file: all its checks would fail by them."""
    return _Teller(tests, tests.base(), today, open_bundle).open_on_base()


class _Teller:
    """Makes the checks of one file."""

    def __init__(
        self, tests: TestFile, base: Mapping[Asks, Number], today: date, open_bundle: OpenBundle
    ) -> None:
        self._tests, self._base, self._today = tests, base, today
        self._open = open_bundle
        self._rules = {rule.id: rule for rule in tests.policy.rules}
        self._needs = (*asked(tests.policy), *ALWAYS)

    def open_on_base(self) -> tuple[RuleOutcome, ...]:
        """Rules that do not pass on the numbers of an audit with nothing against it."""
        told = self._judge(self._tests.policy, self._base)
        return tuple(o for o in told.outcomes if o.result in OPEN_RESULTS and o.result != "waived")

    def checks(self) -> Iterator[Check]:
        for route, entry in self._tests.entries("limits"):
            yield self._limit(route, entry)
        for route, name in self._tests.entries("needs"):
            yield self._need(route, name)
        for route, entry in self._tests.entries("cases"):
            yield self._case(route, entry)

    # -- limits -----------------------------------------------------------------------------------

    def _limit(self, route: Route, entry: Mapping[str, Any]) -> Check:
        rule = self._rule((*route, "rule"), entry["rule"])
        metric = metric_of(rule.metric, regression=rule.regression)
        asks = self._tests.numbers_of(route, rule, entry.get("at", {}))
        last: dict[Asks, Number] = {}
        after: dict[Asks, Number] = {}
        for ask in asks:
            last[ask] = self._tests.told((*route, "last"), entry["last"], metric, ask.subject)
            after[ask] = self._next(route, entry, rule, metric, ask, last[ask])
        severity = entry.get("severity", "block")
        return Check(
            name=f"limit of {rule.id}: {_said(entry['last'])} passes, the next does not",
            where=self._tests.document.where(route),
            about=frozenset({rule.id}),
            failure=partial(self._off_limit, rule.id, severity, last, after),
        )

    def _next(
        self,
        route: Route,
        entry: Mapping[str, Any],
        rule: Rule,
        metric: Metric,
        ask: Asks,
        last: Number,
    ) -> Number:
        """The first number that does not pass."""
        if "next" in entry:
            return self._tests.told((*route, "next"), entry["next"], metric, ask.subject)
        if last.count is None:
            message = "nothing says which number is the first that does not pass"
            raise self._tests.error(route, message, "add next, or write last as 28 of 420")
        step = 1 if _upwards(rule, 100 * last.count / last.n) else -1
        if not 0 <= last.count + step <= last.n:
            message = "no count is left that could not pass"
            raise self._tests.error((*route, "last"), message, "take more prompts")
        return replace(last, count=last.count + step)

    def _off_limit(
        self,
        rule: str,
        severity: str,
        last: Mapping[Asks, Number],
        after: Mapping[Asks, Number],
        policy: Policy,
    ) -> str | None:
        told = self._judge(policy, {**self._base, **last}, fail_on="warn")
        if told.exit_code:
            return f"the last that should pass does not: {worst_open(told)}"
        for numbers in by_mask(after):
            told = self._judge(policy, {**self._base, **numbers})
            results = {o.rule.id: o for o in told.outcomes}
            if rule not in results:
                return f"there is no rule {rule}"
            if results[rule].result == "pass":
                next_ = _count(next(iter(numbers.values())))
                return f"the next{next_} passes too: {number_text(results[rule].decisive)}"
            if severity == "block" and not told.exit_code:
                at = number_text(results[rule].decisive)
                return f"the next is not blocked: {at}"
        return None

    # -- needs ------------------------------------------------------------------------------------

    def _need(self, route: Route, name: str) -> Check:
        self._known_need(route, name)
        return Check(
            name=f"nothing passes without {name}",
            where=self._tests.document.where(route),
            about=frozenset({name}),
            failure=partial(self._not_needed, name),
        )

    def _not_needed(self, name: str, policy: Policy) -> str | None:
        told = self._judge(policy, self._base, unmet=frozenset({name}))
        if told.exit_code != EXIT_CODES["inconclusive"]:
            return f"without {name} the gate answers {told.exit_code}, not 11"
        return None

    # -- cases ------------------------------------------------------------------------------------

    def _case(self, route: Route, entry: Mapping[str, Any]) -> Check:
        expect, about = entry["expect"], set(entry.get("unmet", ()))
        for result in OPEN_RESULTS:
            for i, name in enumerate(expect.get(result, ())):
                self._rule((*route, "expect", result, i), name)
                about.add(name)
        for i, name in enumerate(entry.get("unmet", ())):
            self._known_need((*route, "unmet", i), name)
        day = self._day((*route, "on"), entry["on"]) if "on" in entry else self._today
        if "bundle" in entry:
            failure = self._of_bundle(route, entry, day)
        else:
            numbers = self._tests.numbers((*route, "numbers"), entry.get("numbers", ()))
            failure = partial(self._off_case, {**self._base, **numbers}, entry, day)
        return Check(
            name=excerpt(entry["name"], 200),
            where=self._tests.document.where(route),
            about=frozenset(about),
            failure=failure,
            slow="bundle" in entry,
        )

    def _off_case(
        self, numbers: Mapping[Asks, Number], entry: Mapping[str, Any], day: date, policy: Policy
    ) -> str | None:
        told = self._judge(
            policy,
            numbers,
            unmet=frozenset(entry.get("unmet", ())),
            checkpoint=entry.get("checkpoint", CHECKPOINT),
            fail_on=entry.get("fail_on", "block"),
            today=day,
        )
        return otherwise(told, entry["expect"])

    def _of_bundle(
        self, route: Route, entry: Mapping[str, Any], day: date
    ) -> Callable[[Policy], str | None]:
        for key in ("numbers", "unmet", "checkpoint"):
            if key in entry:
                message = f"a bundle says itself what {key} would say"
                raise self._tests.error((*route, key), message, f"remove {key}, or the bundle")
        path = Path(self._tests.document.file((*route, "bundle"))).parent / entry["bundle"]
        evidence = self._open(path)

        def failure(policy: Policy) -> str | None:
            verdict = evaluate(evidence, policy, day, fail_on=entry.get("fail_on", "block"))
            code = int(EXIT_CODES[verdict.headline])
            told = Told(headline=verdict.headline, exit_code=code, outcomes=verdict.outcomes)
            return otherwise(told, entry["expect"])

        return failure

    # -- shared -----------------------------------------------------------------------------------

    def _judge(self, policy: Policy, numbers: Mapping[Asks, Number], **changes: Any) -> Told:
        def answers(rule: Rule, subject: Subject) -> Number | None:
            return numbers.get(ask_of(rule, subject))

        parts = named_parts(self._tests.asked)
        setting = Setting(**{"today": self._today, "parts": parts, **changes})
        return judge_told(policy, answers, setting, (*asked(policy), *ALWAYS))

    def _rule(self, route: Route, name: str) -> Rule:
        if name not in self._rules:
            remedy = did_you_mean(name, self._rules)
            raise self._tests.error(route, f"the policy has no rule {excerpt(name)!r}", remedy)
        return self._rules[name]

    def _known_need(self, route: Route, name: str) -> None:
        if name not in self._needs:
            message = f"the policy has no need {excerpt(name)!r}"
            raise self._tests.error(route, message, did_you_mean(name, self._needs))

    def _day(self, route: Route, text: str) -> date:
        try:
            return date.fromisoformat(text)
        except ValueError as error:
            message = f"no such day: {excerpt(text)}"
            raise self._tests.error(route, message, "write a date, as 2027-03-31") from error


def _upwards(rule: Rule, value: float) -> bool:
    """Whether a limit is reached by more: of two, whether the upper one is nearer."""
    if rule.maximum is None or rule.minimum is None:
        return rule.maximum is not None
    return rule.maximum - value <= value - rule.minimum


def by_mask(numbers: Mapping[Asks, Number]) -> Iterator[dict[Asks, Number]]:
    """Numbers apart by what they are about, those of all selectors together."""
    groups: dict[Subject, dict[Asks, Number]] = {}
    for ask, number in numbers.items():
        groups.setdefault(replace(ask.subject, selector=None), {})[ask] = number
    yield from groups.values()


def _count(number: Number) -> str:
    """`, 30 of 420,`, where it was told so."""
    return "" if number.count is None else f", {number.count:g} of {number.n},"


def _said(text: str) -> str:
    return excerpt(text, 60)


def untested(policy: Policy, checks: Collection[Check]) -> tuple[str, ...]:
    """Rules that no check shows not to pass."""
    shown = {name for check in checks for name in check.about}
    return tuple(rule.id for rule in policy.rules if rule.id not in shown)
