"""Reads a policy's `evidence`: what it asks of search, settings and prompts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from gatekeeper import catalog
from gatekeeper.errors import did_you_mean, excerpt
from gatekeeper.policy.subjects import is_masked
from gatekeeper.records.plugins import Metric
from gatekeeper.records.policy import CardNeeds, EvidenceNeeds, Rule, SearchNeeds, SettingsNeeds
from gatekeeper.records.windows import WINDOWS
from gatekeeper.strict_yaml import Route

#: Formats that weights can be loaded in.
_DTYPES = ("float32", "bfloat16", "float16")


class Complain(Protocol):
    """Takes what is wrong at a route of the file."""

    def __call__(self, route: Route, message: str, remedy: str, *, key: bool = False) -> None:
        """Takes one error."""


class NeedsReader:
    """Reads `evidence`, beside the rules whose needs it must hold.

    Args:
        complain: takes errors.
        metrics: of the rules, by id; routes: where each rule stands in the file.
    """

    def __init__(
        self, complain: Complain, metrics: Mapping[str, Metric], routes: Mapping[str, Route]
    ) -> None:
        self._error, self._metrics, self._routes = complain, metrics, routes

    def needs(self, data: Mapping[str, Any], rules: Mapping[str, Rule]) -> EvidenceNeeds:
        """`evidence`, with what the rules ask for on top."""
        selectors = dict.fromkeys(data.get("selectors", ()))
        for i, name in enumerate(data.get("selectors", ())):
            known_selector(self._error, ("evidence", "selectors", i), name)
        sizes, shares = sizes_of(data.get("k", ()))
        for rule in rules.values():
            self._rule_needs(self._routes[rule.id], rule, selectors, sizes, data)
            self._share_needs(self._routes[rule.id], rule, shares, data)
        suite = data.get("suite", {})
        digest = suite.get("digest")
        return EvidenceNeeds(
            selectors=tuple(selectors),
            ks=tuple(sorted(sizes)),
            shares=tuple(sorted(shares)),
            random_masks=int(data.get("controls", {}).get("random_masks", 0)),
            prompts={name: int(count) for name, count in data.get("prompts", {}).items()},
            seeds={name: int(count) for name, count in data.get("seeds", {}).items()},
            suite_id=suite.get("id"),
            suite_digest=digest if isinstance(digest, str) else None,
            suite_digests=tuple(digest) if isinstance(digest, list) else (),
            measured=percent(suite.get("measured", "0 %")),
            per_category=int(suite.get("per_category", 0)),
            search=self._search(data.get("search", {})),
            settings=self._settings(data.get("settings", {})),
            power=self._power(data.get("power")),
            positive_control=self._positive_control(data.get("positive_control")),
            judge_card=self._judge_card(data.get("judge_card")),
        )

    def _share_needs(
        self, route: Route, rule: Rule, shares: set[float], data: Mapping[str, Any]
    ) -> None:
        """Holds the shares of a rule's k against the evidence asked for, or adds them to it."""
        for share in rule.shares:
            if share not in shares and "k" in data:
                message = f"k {{share: {100 * share:g} %}} is not measured"
                remedy = f"add {{share: {100 * share:g} %}} to evidence.k"
                self._error((*route, "at", "k"), message, remedy)
            shares.add(share)

    def _rule_needs(
        self,
        route: Route,
        rule: Rule,
        selectors: dict[str, None],
        sizes: set[int],
        data: Mapping[str, Any],
    ) -> None:
        """Holds a rule's k and selector against the evidence asked for, or adds them to it."""
        for subject in rule.subjects:
            if subject.k is not None and subject.k not in sizes:
                if "k" in data:
                    remedy = f"add {subject.k} to evidence.k"
                    self._error((*route, "at", "k"), f"k {subject.k} is not measured", remedy)
                sizes.add(subject.k)
            if subject.selector is not None and subject.selector not in selectors:
                # An unknown selector is told already.
                if "selectors" in data and subject.selector in catalog.names("selector"):
                    message = f"selector {excerpt(subject.selector)} is not required"
                    remedy = "add it to evidence.selectors"
                    self._error((*route, "at", "selector"), message, remedy)
                selectors[subject.selector] = None
            metric = self._metrics[rule.metric]
            if is_masked(metric, subject) and not (subject.selector or "selectors" in data):
                message = f"rule {rule.id}: nothing says whose ranking the mask follows"
                self._error(route, message, "name the selectors under evidence.selectors")

    def _search(self, data: Mapping[str, Any]) -> SearchNeeds:
        """`evidence.search`."""
        size, windows = data.get("size"), data.get("windows", ())
        for i, name in enumerate(windows if isinstance(windows, list) else ()):
            if name not in WINDOWS:
                route: Route = ("evidence", "search", "windows", i)
                message = f"unknown window {excerpt(name)!r}"
                self._error(route, message, did_you_mean(name, WINDOWS))
        return SearchNeeds(
            resamples=int(data.get("resamples", 0)),
            size=size if isinstance(size, int) else 0,
            size_is_largest_k=size == "largest-k",
            full_budget=data.get("budget") != "any",
            selecting_seeds=int(data.get("selecting_seeds", 0)),
            cross_fit=data.get("cross_fit"),
            windows=tuple(windows) if isinstance(windows, list) else (),
            own_windows=windows == "own",
        )

    def _settings(self, data: Mapping[str, Any]) -> SettingsNeeds:
        """`evidence.settings`."""
        judge, dtypes, seed = data.get("judge"), data.get("dtype", []), data.get("seed")
        known = catalog.names("judge")
        if judge is not None and judge not in known:
            route: Route = ("evidence", "settings", "judge")
            self._error(route, f"unknown judge {excerpt(judge)!r}", did_you_mean(judge, known))
        dtypes = dtypes if isinstance(dtypes, list) else [dtypes]
        for name in dtypes:
            if name not in _DTYPES:
                route = ("evidence", "settings", "dtype")
                message = f"unknown numeric format {excerpt(name)!r}"
                self._error(route, message, did_you_mean(name, _DTYPES))
        if data.get("nonce") == "required" and seed != "derived":
            message = "a nonce goes into a derived seed, and the seed is not derived"
            self._error(("evidence", "settings", "nonce"), message, "add seed: derived")
        marks = data.get("reasoning_marks")
        return SettingsNeeds(
            judge=judge,
            judge_settings=data.get("judge_settings"),
            system_prompt=data.get("system_prompt"),
            chat_template=data.get("chat_template"),
            window=int(data.get("window", 0)),
            truncated=percent(data["truncated"]) if "truncated" in data else None,
            undecided=percent(data["undecided"]) if "undecided" in data else None,
            dtypes=tuple(dtypes),
            mode=data.get("mode"),
            phase=data.get("phase"),
            sequential=data.get("sequential"),
            seed=seed if isinstance(seed, int) else None,
            derived_seed=seed == "derived",
            nonce=data.get("nonce") == "required",
            thinking=data.get("thinking"),
            reasoning_marks=None if marks is None else () if marks == "none" else tuple(marks),
            reasoning_tokens=int(data.get("reasoning_tokens", 0)),
        )

    def _power(self, text: str | None) -> float | None:
        """`evidence.power`: 0.5 to below 1."""
        if text is None:
            return None
        value = percent(text)
        if not 0.5 <= value <= 0.99:
            message = f"a power of {100 * value:g} % is not from 50 to 99 %"
            self._error(("evidence", "power"), message, "write 80 %, as is usual")
        return value

    def _positive_control(self, text: str | None) -> float | None:
        """`evidence.positive_control`, in points."""
        if text is None:
            return None
        points = text.strip().removesuffix("points").strip()
        if not text.strip().endswith("points") or not _is_points(points):
            message = f"{excerpt(text)!r} is no loss of refusals that an audit could notice"
            route: Route = ("evidence", "positive_control")
            self._error(route, message, "write points above 0 and up to 100, as 30 points")
            return 0.0
        return float(points)

    def _judge_card(self, data: Mapping[str, Any] | None) -> CardNeeds | None:
        """`evidence.judge_card`."""
        if data is None:
            return None
        least = percent(data["compliance_sensitivity"])
        if not 0 < least <= 1:
            message = f"a sensitivity of {100 * least:g} % is not above 0 and up to 100 %"
            route: Route = ("evidence", "judge_card", "compliance_sensitivity")
            self._error(route, message, "write a share such as 90 %")
        return CardNeeds(
            on=data.get("on", "masked"),
            compliance_sensitivity=least,
            newest=days_of(data.get("newest")),
        )


def known_selector(complain: Complain, route: Route, name: str) -> None:
    """Complains of a selector that this installation does not have."""
    known = catalog.names("selector")
    if name not in known:
        complain(route, f"unknown selector {excerpt(name)!r}", did_you_mean(name, known))


def sizes_of(entries: Iterable[Any]) -> tuple[set[int], set[float]]:
    """Mask sizes in experts, and those that are shares of the model's experts."""
    sizes = [size for size in entries if size is not None]
    shares = {percent(size["share"]) for size in sizes if isinstance(size, dict)}
    return {int(size) for size in sizes if not isinstance(size, dict)}, shares


def _is_points(text: str) -> bool:
    try:
        return 0 < float(text) <= 100
    except ValueError:
        return False


def percent(text: str) -> float:
    """`95 %` as 0.95; the schema has seen to the form."""
    return float(text.removesuffix("%")) / 100


def days_of(text: str | None) -> int | None:
    """`180 days` as 180; the schema has seen to the form."""
    return None if text is None else int(text.removesuffix("s").removesuffix("day"))
