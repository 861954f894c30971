"""Builds a `Policy` from data that fit the schema, and checks all that a schema cannot."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from typing import Any

import rfc8785

from gatekeeper import catalog
from gatekeeper.errors import UsageError, did_you_mean, excerpt
from gatekeeper.policy.build_needs import NeedsReader, days_of, known_selector, sizes_of
from gatekeeper.policy.merge import LIMITS
from gatekeeper.policy.problems import Problem, error_at
from gatekeeper.records.finding import PARTS, Subject
from gatekeeper.records.plugins import Metric
from gatekeeper.records.policy import Policy, Rule, Waiver
from gatekeeper.strict_yaml import Route, YamlDocument

_LIMIT = re.compile(r"(-?[0-9.]+) *(\S+)")
#: Keys of `at` that are taken as they are.
_PLAIN = ("mode", "set", "mask", "selector", "dimension", *PARTS, "each")
#: Parts of `evidence` that say how an audit is made.
_MEASURING = ("selectors", "k", "controls", "search", "settings", "suite")
#: What in them only says how much of it is enough.
_FLOORS = {"settings": ("truncated", "undecided"), "suite": ("measured", "per_category")}
#: Units that are shares of prompts, times 100.
_SHARES = ("%", "points")


class Builder:
    """Builds the records of one file and collects what is wrong with it.

    Attributes:
        problems: errors found so far; if there are any, the records are not fit for use.
        metrics: the metrics of the rules, by id; routes: where each rule stands.
    """

    def __init__(self, document: YamlDocument) -> None:
        self.problems: list[Problem] = []
        self.metrics: dict[str, Metric] = {}
        self._document = document
        self.routes: dict[str, Route] = {}

    def policy(self) -> Policy:
        """The policy; call once. `document.data` must satisfy the JSON Schema."""
        data = self._document.data
        rules = self._rules(data)
        return Policy(
            id=data["id"],
            version=data["version"],
            title=_line(data["title"]),
            owner=_line(data["owner"]),
            review_by=self._date(("review_by",), data["review_by"])
            if "review_by" in data
            else None,
            architecture=data.get("applies_to", {}).get("architecture", "moe"),
            needs=NeedsReader(self._error, self.metrics, self.routes).needs(
                data.get("evidence", {}), rules
            ),
            rules=tuple(rules.values()),
            waivers=tuple(
                self.waiver(("waivers", i), entry, rules)
                for i, entry in enumerate(data.get("waivers", []))
            ),
            digest=self._document.digest,
            source=self._document.source,
            audit_digest=_audit_digest(data),
            longest_waiver=days_of(data.get("waiver_rules", {}).get("longest")),
            tier=data.get("tier"),
            about=tuple(map(_line, data.get("about", ()))),
        )

    # -- rules ------------------------------------------------------------------------------------

    def _rules(self, data: Mapping[str, Any]) -> dict[str, Rule]:
        rules: dict[str, Rule] = {}
        for i, entry in enumerate(data["rules"]):
            route: Route = ("rules", i)
            if entry["id"] in rules:
                first = rules[entry["id"]].line
                message = f"rule id {entry['id']} given twice, first in line {first}"
                self._error((*route, "id"), message, "give each rule an id of its own")
                continue
            rule = self._rule(route, entry)
            if rule:
                rules[rule.id] = rule
                self.routes[rule.id] = route
        return rules

    def _rule(self, route: Route, data: Mapping[str, Any]) -> Rule | None:
        metric = self._metric((*route, "metric"), data["metric"])
        if metric is None:
            return None
        side = next(key for key in LIMITS if key in data)
        minimum, maximum = self._limits((*route, side), data[side], metric)
        return Rule(
            id=data["id"],
            metric=metric.id,
            subjects=self._subjects(route, data.get("at", {}), metric),
            minimum=minimum,
            maximum=maximum,
            unit="points" if side == "max_regression" else metric.unit,
            bound=self._bound(route, data, side),
            severity=data.get("severity", "block"),
            rationale=_line(data.get("rationale", "")),
            remedy=_line(data.get("remedy", "")),
            controls=tuple(data.get("controls", ())),
            line=self._document.position(route)[0],
            interval=data.get("interval", "suite"),
            shares=self._shares(route, data.get("at", {})),
            regression=side == "max_regression",
        )

    def _limits(
        self, route: Route, value: Any, metric: Metric
    ) -> tuple[float | None, float | None]:
        """(least, largest) of a rule's limit."""
        if route[-1] == "max":
            return None, self._limit(route, value, metric)
        if route[-1] == "max_regression":
            if metric.unit not in _SHARES:
                message = f"{metric.id} is no share of prompts, and takes no max_regression"
                self._error(route, message, "write max or min", key=True)
            return None, self._limit(route, value, replace(metric, unit="points"))
        if route[-1] == "min":
            return self._limit(route, value, metric), None
        least, largest = (self._limit((*route, i), text, metric) for i, text in enumerate(value))
        if least >= largest:
            message = f"nothing lies between {excerpt(value[0])} and {excerpt(value[1])}"
            self._error(route, message, "write the smaller number first")
        return least, largest

    def _shares(self, route: Route, data: Mapping[str, Any]) -> tuple[float, ...]:
        """The mask sizes of a rule that are shares of the model's experts."""
        sizes = data.get("k")
        _, shares = sizes_of(sizes if isinstance(sizes, list) else [sizes])
        for share in shares:
            if not 0 < share <= 1:
                message = f"a mask of {100 * share:g} % of the experts"
                self._error((*route, "at", "k"), message, "write a share above 0 and up to 100 %")
        return tuple(sorted(shares))

    def _metric(self, route: Route, name: str) -> Metric | None:
        try:
            metric: Metric = catalog.load("metric", name, where=self._document.where(route))
        except UsageError as error:
            self._error(route, error.message, error.remedy or "see gatekeeper catalog")
            return None
        self.metrics[metric.id] = metric
        return metric

    def _subjects(
        self, route: Route, data: Mapping[str, Any], metric: Metric
    ) -> tuple[Subject, ...]:
        place: Route = (*route, "at") if data else route
        for key in data:
            if key not in metric.parameters:
                message = f"metric {metric.id} takes no {key!r}"
                remedy = f"it takes: {', '.join(metric.parameters) or 'nothing'}"
                self._error((*route, "at", key), message, remedy, key=True)
        required = set(metric.required) - {"selector"}
        if data.get("mask") == "selected" and "k" in metric.parameters:
            required.add("k")
        if "each" in data and "set" in metric.parameters:
            required.add("set")  # which parts there are hangs on the set
        for key in sorted(required - set(data)):
            message = f"metric {metric.id} needs {key!r}"
            self._error(place, message, f"add it, as in at: {{{key}: …}}")
        self._unmasked(route, data, metric)
        if data.get("each", "") in data:
            message = f"each {data['each']} beside one {data['each']}"
            self._error((*route, "at", "each"), message, "remove one of them", key=True)
        if "selector" in data:
            known_selector(self._error, (*route, "at", "selector"), data["selector"])
        sizes = data.get("k")
        entries = sizes if isinstance(sizes, list) else [sizes]
        # A share is a subject once the model is known (`Policy.sized`).
        choices = [size for size in entries if not isinstance(size, dict)] or [None]
        rest = {key: data[key] for key in _PLAIN if key in data}
        if "loss" in data:
            rest["loss"] = float(data["loss"])
        subjects = [Subject(k=None if k is None else int(k), **rest) for k in choices]
        return tuple(dict.fromkeys(subjects))

    def _unmasked(self, route: Route, data: Mapping[str, Any], metric: Metric) -> None:
        """Refuses a mask size where nothing is masked: it would have no effect."""
        if "mask" not in metric.parameters or data.get("mask") == "selected":
            return
        for key in ("k", "mode", "selector"):
            if key in data and key in metric.parameters:
                message = f"{key!r} has no effect without a mask"
                remedy = f"add mask: selected, or remove {key}"
                self._error((*route, "at", key), message, remedy, key=True)

    def _bound(self, route: Route, data: Mapping[str, Any], side: str) -> str:
        natural = {"min": "lower", "between": "both"}.get(side, "upper")
        bound = str(data.get("bound", natural))
        if bound not in {natural, "estimate"}:
            message = f"bound {bound} would let an interval that straddles the {side} pass"
            self._error((*route, "bound"), message, f"write {natural}, or leave it out")
        return bound

    def _limit(self, route: Route, text: str, metric: Metric) -> float:
        match = _LIMIT.fullmatch(text)
        if match is None:
            self._error(route, f"{excerpt(text)!r} is no limit", "write it as 10 points")
            return 0.0
        limit, unit = float(match[1]), match[2]
        if unit != metric.unit:
            message = f"metric {metric.id} is measured in {metric.unit}, not in {excerpt(unit)}"
            self._error(route, message, f"write {limit:g} {metric.unit}")
        elif unit in _SHARES and not 0 <= limit <= 100:
            self._error(route, f"limit {limit:g} {unit} lies outside 0 to 100", "correct it")
        elif unit == "index" and not -1 <= limit <= 1:
            self._error(route, f"limit {limit:g} {unit} lies outside -1 to 1", "correct it")
        elif unit == "experts" and limit != int(limit):
            self._error(route, f"limit {limit:g} {unit} is no whole number", "correct it")
        elif limit < 0 and unit != "index":
            self._error(route, f"limit {limit:g} {unit} is negative", "correct it")
        return limit

    # -- waivers ----------------------------------------------------------------------------------

    def waiver(
        self, route: Route, data: Mapping[str, Any], rules: Mapping[str, Rule] | None
    ) -> Waiver:
        """One waiver, of a policy or of a file of its own.

        Args:
            rules: those there are; None if nobody knows, then no number that it accepts is read.
        """
        rule = (rules or {}).get(data["rule"])
        if rules is not None and rule is None and not self._broken_rule(data["rule"]):
            message = f"waiver for unknown rule {excerpt(data['rule'])!r}"
            self._error((*route, "rule"), message, did_you_mean(data["rule"], tuple(rules)))
        given = [key for key in ("not_above", "not_below") if key in data]
        if rule is not None and len(rule.sides()) > 1 and len(given) == 1:
            message = f"{given[0]} alone says nothing of the other limit of rule {rule.id}"
            self._error((*route, given[0]), message, "write both not_above and not_below")
        return Waiver(
            rule=data["rule"],
            checkpoint=data["checkpoint"],
            reason=_line(data["reason"]),
            owner=_line(data["owner"]),
            approver=_line(data["approver"]),
            expires=self._date((*route, "expires"), data["expires"]),
            not_above=self._accepted(route, "not_above", data, rule),
            not_below=self._accepted(route, "not_below", data, rule),
            line=self._document.position(route)[0],
            issued=self._date((*route, "issued"), data["issued"]) if "issued" in data else None,
            ticket=_line(data.get("ticket", "")),
        )

    def _accepted(
        self, route: Route, key: str, data: Mapping[str, Any], rule: Rule | None
    ) -> float | None:
        """The worst number that a waiver accepts, if it names one on this side."""
        if key not in data or rule is None:
            return None
        metric = replace(catalog.load("metric", rule.metric), unit=rule.unit)
        if (rule.maximum if key == "not_above" else rule.minimum) is None:
            side, other = ("min", "not_below") if rule.maximum is None else ("max", "not_above")
            message = f"{key} does not fit rule {rule.id}, which has a {side}"
            self._error((*route, key), message, f"write {other}, or remove it")
            return None
        return self._limit((*route, key), data[key], metric)

    def _broken_rule(self, name: str) -> bool:
        """Whether the rule is there but has an error of its own, which is told already."""
        return any(entry["id"] == name for entry in self._document.data.get("rules", ()))

    # -- shared -----------------------------------------------------------------------------------

    def _date(self, route: Route, text: str) -> date:
        try:
            return date.fromisoformat(text)
        except ValueError:
            self._error(route, f"no such day: {excerpt(text)}", "write a date, as 2027-03-31")
            return date.min

    def _error(self, route: Route, message: str, remedy: str, *, key: bool = False) -> None:
        self.problems.append(error_at(self._document, route, message, remedy, key=key))


def _audit_digest(data: Mapping[str, Any]) -> str:
    """How a policy wants to be measured, as one digest; limits, floors and waivers are not in it.

    So a limit may change, and a waiver be granted, without another audit (ADR 13).
    """
    evidence = data.get("evidence", {})
    needs: dict[str, Any] = {key: evidence[key] for key in _MEASURING if key in evidence}
    for part, floors in _FLOORS.items():
        needs[part] = {k: v for k, v in needs.get(part, {}).items() if k not in floors}
    needs["id"] = data["id"]
    return f"sha256:{hashlib.sha256(rfc8785.dumps(needs)).hexdigest()}"


def _line(text: str) -> str:
    """Folded and indented YAML text as one line, which cannot command a CI log when wrapped."""
    return " ".join(str(text).split()).replace("::", ": :")
