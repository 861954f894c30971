"""Reads the test file of a policy: `release.test.yaml` beside `release.yaml`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from gatekeeper import catalog
from gatekeeper.errors import UsageError, excerpt
from gatekeeper.policy.part_counts import parts_of
from gatekeeper.policy.problems import error_at
from gatekeeper.policy.testing.asks import Asks, asks_of
from gatekeeper.policy.testing.extended import read_test_document
from gatekeeper.policy.testing.numbers import Number, counted
from gatekeeper.records.finding import Subject
from gatekeeper.records.plugins import Metric
from gatekeeper.records.policy import Policy, Rule, size_of
from gatekeeper.strict_yaml import Route, YamlDocument

_NUMBER = re.compile(r"(-?[0-9.]+) *(?:of *([0-9]+)|(\S+))")
#: What subjects mean that do not say it.
_USUAL = {"set": "regular", "mask": "none"}


class TestFile:
    """A test file held against its policy: what it says, and where.

    Attributes:
        policy: sized for the model that the tests are about.
        asked: all numbers that the policy asks for.
    """

    def __init__(self, document: YamlDocument, policy: Policy, asked: tuple[Asks, ...]) -> None:
        self.document, self.policy, self.asked = document, policy, asked
        self._data: Mapping[str, Any] = document.data
        self._prompts: Mapping[str, int] = self._data.get("base", {}).get("prompts", {})

    def entries(self, key: str) -> Iterator[tuple[Route, Any]]:
        """The entries of `limits`, `needs` or `cases`, each with its place."""
        for i, entry in enumerate(self._data.get(key, ())):
            yield (key, i), entry

    def base(self) -> dict[Asks, Number]:
        """The numbers of an audit with nothing against it."""
        base = self._data.get("base", {})
        return self.numbers(("base", "numbers"), base.get("numbers", ()))

    def numbers(self, route: Route, entries: Any) -> dict[Asks, Number]:
        """The numbers that a list of entries tells; later entries count."""
        told: dict[Asks, Number] = {}
        for i, entry in enumerate(entries):
            here: Route = (*route, i)
            metric = self._metric((*here, "metric"), entry["metric"])
            if "regression" in entry and {"is", "baseline"} & entry.keys():
                remedy = "write them as two entries"
                raise self.error((*here, "regression"), "two numbers in one entry", remedy)
            wanted = self._wanted(here, entry.get("at", {}), metric)
            meant = [
                ask
                for ask in self.asked
                if ask.metric == metric.id
                and entry.get("interval", ask.interval) == ask.interval
                and meets(ask.subject, wanted)
                and _tells(entry, ask)
            ]
            if not meant:
                what = "regression" if "regression" in entry else metric.id
                raise self.error(
                    here,
                    f"the policy asks for no {what} there",
                    "name what one of its rules is about",
                )
            told |= {ask: self._told_of(here, entry, ask) for ask in meant}
        return told

    def _told_of(self, route: Route, entry: Mapping[str, Any], ask: Asks) -> Number:
        """What an entry tells of one number, or of its change against the baseline."""
        if not ask.regression or "missing" in entry:
            return self._number(route, entry, ask.answered, ask.subject)
        if "regression" in entry:
            changed = {key: value for key, value in entry.items() if key != "regression"}
            changed["is"] = entry["regression"]
            return self._number(route, changed, ask.answered, ask.subject)
        if entry["baseline"] == "missing":
            return Number(missing="no baseline was given")
        metric: Metric = catalog.load("metric", ask.metric)
        then = {"is": entry["baseline"]}
        before = self._number((*route, "baseline"), then, metric, ask.subject)
        return replace(self._number(route, entry, metric, ask.subject), before=before)

    def numbers_of(self, route: Route, rule: Rule, at: Mapping[str, Any]) -> list[Asks]:
        """The numbers that a rule asks for, those that `at` means; at least one."""
        metric: Metric = catalog.load("metric", rule.metric)
        wanted = self._wanted(route, at, metric)
        own = set(asks_of(rule, self.policy))
        meant = [ask for ask in self.asked if ask in own and meets(ask.subject, wanted)]
        if not meant:
            message = f"rule {rule.id} asks for nothing there"
            raise self.error((*route, "at"), message, "write at as the rule has it")
        return meant

    def told(self, route: Route, text: str, metric: Metric, subject: Subject) -> Number:
        """A number written as `28 of 420`, `5 %` or `2 points`."""
        return self._number(route, {"is": text}, metric, subject)

    def error(self, route: Route, message: str, remedy: str) -> UsageError:
        """An error at a place of the file."""
        return error_at(self.document, route, message, remedy).as_error()

    def _metric(self, route: Route, name: str) -> Metric:
        metric: Metric = catalog.load("metric", name, where=self.document.where(route))
        return metric

    def _wanted(
        self, route: Route, at: Mapping[str, Any], metric: Metric
    ) -> dict[str, tuple[Any, ...]]:
        """The values that a subject may have, by key; shares of the experts as sizes."""
        wanted = {}
        for key, value in at.items():
            if key not in metric.parameters:
                message = f"metric {metric.id} takes no {excerpt(key)!r}"
                remedy = f"it takes: {', '.join(metric.parameters) or 'nothing'}"
                raise self.error((*route, "at", key), message, remedy)
            values = value if isinstance(value, list) else [value]
            wanted[key] = tuple(self._value((*route, "at", key), one) for one in values)
        return wanted

    def _value(self, route: Route, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        try:
            share = float(str(value["share"]).removesuffix("%")) / 100
        except (KeyError, ValueError) as error:
            message = "no mask size"
            raise self.error(route, message, "write a number, or {share: 0.2 %}") from error
        experts = self._data.get("base", {}).get("experts")
        if experts is None:
            raise self.error(route, "a share of how many experts?", "add experts: 6144 to base")
        return size_of(share, experts)

    def _number(
        self, route: Route, entry: Mapping[str, Any], metric: Metric, subject: Subject
    ) -> Number:
        if "missing" in entry:
            return Number(missing=str(entry["missing"]))
        low, high = entry.get("low"), entry.get("high")
        if "is" not in entry and (low is None or high is None):
            raise self.error(route, "no number", "add is: 28 of 420, or low and high, or missing")
        prompts = subject.set or _USUAL["set"]
        # Of a part of a set there are so many fewer.
        usual = self._prompts.get(prompts, 0) // parts_of(subject)
        number = Number(
            n=int(entry.get("n", usual)),
            won=float(entry.get("won", 0)),
            low=low,
            high=high,
            early=bool(entry.get("early", False)),
        )
        if "is" in entry:
            number = self._valued((*route, "is"), entry["is"], metric, number)
        return self._possible(route, number, metric, prompts)

    def _valued(self, route: Route, text: str, metric: Metric, number: Number) -> Number:
        match = _NUMBER.fullmatch(text)
        if match is None or match[1].count(".") > 1:
            raise self.error(route, f"{excerpt(text)!r} is no number", "write 28 of 420 or 5 %")
        value, of, unit = float(match[1]), match[2], match[3]
        if of is None:
            if unit != metric.unit:
                message = f"metric {metric.id} is measured in {metric.unit}, not in {excerpt(unit)}"
                raise self.error(route, message, f"write {value:g} {metric.unit}")
            return replace(number, value=value)
        if not counted(metric):
            message = f"metric {metric.id} is no share of prompts"
            if metric.unit == "points":
                message = f"a change of {metric.id} is no share of prompts"
            raise self.error(route, message, f"write a number in {metric.unit}")
        return replace(number, count=value, n=int(of))

    def _possible(self, route: Route, number: Number, metric: Metric, prompts: str) -> Number:
        """The number, unless no audit could come to it."""
        ends = number.low is not None or number.high is not None
        if ends and number.count is not None:
            remedy = "leave out low and high, or write the value with its unit"
            raise self.error(route, "a count has its own interval", remedy)
        ordered = [x for x in (number.low, number.value, number.high) if x is not None]
        if ordered != sorted(ordered):
            raise self.error(route, "the number lies outside its own interval", "correct it")
        if not ends and not counted(metric) and metric.unit == "points":
            remedy = "add low and high, or tell it by its baseline: baseline: 5 points"
            raise self.error(route, f"a change of {metric.id} needs its interval", remedy)
        if ends or not counted(metric):
            return number
        if not number.n:
            remedy = f"add {prompts}: 420 to base.prompts, or write 28 of 420"
            raise self.error(route, f"{number.value:g} {metric.unit} of how many prompts?", remedy)
        value = number.value or 0.0
        outside = not (-100 if metric.unit == "points" else 0) <= value <= 100
        if outside or not 0 <= (number.count or 0) + number.won <= number.n:
            raise self.error(route, "more than all prompts, or less than none", "correct it")
        return number


def _tells(entry: Mapping[str, Any], ask: Asks) -> bool:
    """Whether an entry tells a number itself, or its change, as is asked for."""
    if "missing" in entry:
        return True
    if ask.regression:
        return "regression" in entry or "baseline" in entry
    return "is" in entry or not {"regression", "baseline"} & entry.keys()


def meets(subject: Subject, wanted: Mapping[str, tuple[Any, ...]]) -> bool:
    """Whether a subject is one of those that are wanted."""
    has = {**_USUAL, **dict(subject.items())}
    return all(has.get(key) in values for key, values in wanted.items())


def read_tests(path: Path, policy: Policy) -> TestFile:
    """The tests of a policy, held against it.

    Args:
        policy: as loaded, not sized.

    Raises:
        UsageError: unreadable, not strict YAML, not of the schema, or for another policy; or so is
            a file that it extends.
    """
    document = read_test_document(path, policy.rules)
    named = document.data["policy"]
    if named != policy.id:
        raise error_at(
            document,
            ("policy",),
            f"tests of the policy {excerpt(named)}, beside the policy {policy.id}",
            f"write policy: {policy.id}, or name the file after its own policy",
        ).as_error()
    experts = document.data.get("base", {}).get("experts")
    if experts is None and (policy.needs.shares or any(rule.shares for rule in policy.rules)):
        message = "the policy asks for a share of the experts, and nothing says of how many"
        raise error_at(document, (), message, "add experts: 6144 to base").as_error()
    sized = policy if experts is None else policy.sized(experts)
    asked = dict.fromkeys(ask for rule in sized.rules for ask in asks_of(rule, sized))
    return TestFile(document, sized, tuple(asked))
