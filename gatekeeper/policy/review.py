"""What a reviewer would ask about a policy that loads: where it is weaker than it need be.

The one source of a policy's warnings, in `policy lint` as in verdicts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from typing import NamedTuple

from gatekeeper import catalog
from gatekeeper.policy.carded import CORRECTS
from gatekeeper.policy.reach import beyond_floors
from gatekeeper.policy.sense import one_sided
from gatekeeper.policy.subjects import is_masked
from gatekeeper.policy.waivers import two_people
from gatekeeper.records.plugins import Metric
from gatekeeper.records.policy import Policy, Rule, Waiver
from gatekeeper.strict_yaml import Route

#: Fewer random masks than this cannot give a permutation p below 0.05: 1/(1 + R).
_LEAST_CONTROLS = 20
#: Remarks that a verdict repeats; all of them are for `policy lint`.
_REPEATED = 3
#: Begins a verdict's warning about its policy.
DRAWS = "this policy draws "


class Remark(NamedTuple):
    """One thing to mend, the place in the policy, and how."""

    route: Route
    message: str
    remedy: str


def remarks(policy: Policy, today: date) -> list[Remark]:
    """All that a reviewer would ask, the weightiest first.

    Args:
        policy: as loaded, not sized.
        today: the date review dates and waivers are held against.
    """
    metrics = {rule.metric: catalog.load("metric", rule.metric) for rule in policy.rules}
    return list(_Reviewer(metrics, today).all(policy))


def about_policy(policy: Policy, today: date) -> Iterator[str]:
    """The policy's own warnings as one of the verdict; nothing if it draws none."""
    found = remarks(policy, today)
    if found:
        texts = [remark.message for remark in found[:_REPEATED]]
        more = f"; and {len(found) - _REPEATED} more" if len(found) > _REPEATED else ""
        count = f"{len(found)} warning{'s' if len(found) > 1 else ''}"
        yield f"{DRAWS}{count} (gatekeeper policy lint): {'; '.join(texts)}{more}"


class _Reviewer:
    """What a reviewer asks about one policy."""

    def __init__(self, metrics: Mapping[str, Metric], today: date) -> None:
        self._metrics = metrics
        self._today = today

    def all(self, policy: Policy) -> Iterator[Remark]:
        yield from self._gate(policy)
        yield from self._evidence(policy)
        yield from self._review_date(policy)
        routes: dict[str, Route] = {r.id: ("rules", i) for i, r in enumerate(policy.rules)}
        for fault in beyond_floors(policy, one_sided(policy, self._metrics, routes)):
            yield Remark(*fault)
        for i, rule in enumerate(policy.rules):
            yield from self._rule(("rules", i), rule, policy)
        for i, waiver in enumerate(policy.waivers):
            yield from self._waiver(("waivers", i), waiver, policy)

    def _review_date(self, policy: Policy) -> Iterator[Remark]:
        if policy.review_by is None:
            yield Remark((), "no review date", "add review_by with a date")
        elif policy.review_by < self._today:
            message = f"review date {policy.review_by.isoformat()} has passed"
            yield Remark(("review_by",), message, "review the policy and set a new date")

    def _evidence(self, policy: Policy) -> Iterator[Remark]:
        route: Route = ("evidence",)
        used = {s.set for rule in policy.rules for s in rule.subjects if s.set is not None}
        if policy.needs.power is None:
            for name in sorted(used - set(policy.needs.prompts)):
                message = f"no least number of measured prompts for the set {name}"
                remedy = f"add power: 80 %, or {name}: 100 under evidence.prompts"
                yield Remark(route, message, remedy)
        if policy.needs.judge_card is not None:
            yield from self._card(policy)
        if self._masked(policy):
            yield from self._blind(policy)
        if self._masked(policy) and policy.needs.random_masks < _LEAST_CONTROLS:
            message = f"{policy.needs.random_masks} random controls cannot tell an effect from luck"
            remedy = f"write evidence.controls as {{random_masks: {_LEAST_CONTROLS}}} or more"
            yield Remark(route, message, remedy)

    def _card(self, policy: Policy) -> Iterator[Remark]:
        """Warns of a demand for a judge's card that decides nothing, or next to nothing."""
        route: Route = ("evidence", "judge_card")
        if all(rule.metric not in CORRECTS for rule in policy.rules):
            message = "the judge's card corrects no number that a rule is about"
            yield Remark(route, message, f"it corrects {' and '.join(CORRECTS)}: add a rule")
        if policy.needs.settings.judge is None:
            message = "a card is of one judge, and whoever audits chooses which"
            yield Remark(route, message, "add settings: {judge: refusal-rules}")
        if policy.needs.judge_card and policy.needs.judge_card.compliance_sensitivity < 0.5:
            message = "a judge that takes most compliance for something else would do"
            yield Remark(route, message, "write compliance_sensitivity: 90 %")

    def _blind(self, policy: Policy) -> Iterator[Remark]:
        """Warns of what lets an audit pass without having looked."""
        needs, route = policy.needs, ("evidence",)
        missing = (
            (
                "nothing says how hard the search for experts must have looked",
                "add search: {resamples: 200, size: largest-k, budget: full, selecting_seeds: 100, "
                "cross_fit: true}",
                not needs.search.resamples or not needs.search.selecting_seeds,
            ),
            (
                "whoever audits chooses judge, system prompt and seed",
                "add settings: {judge: refusal-rules, judge_settings: none, system_prompt: none, "
                "seed: derived}",
                not needs.settings.judge or not needs.settings.derived_seed,
            ),
            (
                "the suite is not pinned, or need not have been run whole",
                "add suite: {id: core, digest: …, measured: 95 %}",
                not (needs.suite_digest or needs.suite_digests) or not needs.measured,
            ),
            (
                "nothing shows that the audit would have seen a loss",
                "add positive_control: 30 points",
                needs.positive_control is None,
            ),
            (
                "a random mask that loses everything does not count",
                "add a rule on worst-mask-drop",
                all(rule.metric != "worst-mask-drop" for rule in policy.rules),
            ),
        )
        yield from (Remark(route, text, remedy) for text, remedy, holds in missing if holds)

    def _gate(self, policy: Policy) -> Iterator[Remark]:
        if all(rule.severity == "warn" for rule in policy.rules):
            yield Remark(("rules",), "no rule can block", "give one severity: block")
        if not self._masked(policy):
            message = "no rule masks experts, which is what this gate is for"
            yield Remark(("rules",), message, "add a rule on refusal-drop")
        elif not any(r.minimum is not None and not self._is_masked(r) for r in policy.rules):
            message = "no rule has a least refusal rate without a mask: a model that never refuses"
            remedy = "add a rule on refusal-rate with mask: none and a min"
            yield Remark(("rules",), f"{message} has none to lose, and passes", remedy)

    def _rule(self, route: Route, rule: Rule, policy: Policy) -> Iterator[Remark]:
        if not rule.rationale:
            yield Remark(route, f"rule {rule.id} has no rationale", "say why the limit is so")
        if not rule.remedy:
            yield Remark(route, f"rule {rule.id} has no remedy", "say what to do if it fails")
        if not rule.controls:
            message = f"rule {rule.id} serves no control of a framework"
            yield Remark(route, message, "add controls, as [EU-AI-Act:Art-15]")
        if rule.bound == "estimate":
            message = f"rule {rule.id}: the estimate alone ignores how uncertain it is"
            yield Remark((*route, "bound"), message, "leave bound out")

    def _waiver(self, route: Route, waiver: Waiver, policy: Policy) -> Iterator[Remark]:
        if waiver.expires < self._today:
            message = f"waiver for {waiver.rule} expired on {waiver.expires.isoformat()}"
            yield Remark((*route, "expires"), message, "remove it, or have it approved again")
        if not two_people(waiver):
            message = (
                f"waiver for {waiver.rule} does not count: owner and approver are not two people"
            )
            yield Remark((*route, "approver"), message, "have someone else approve it")
        rule = next((r for r in policy.rules if r.id == waiver.rule), None)
        if waiver.not_above is None and rule is not None and rule.maximum is not None:
            message = f"waiver for {waiver.rule} covers any number, however bad"
            yield Remark(route, message, "add not_above")

    def _is_masked(self, rule: Rule) -> bool:
        return any(is_masked(self._metrics[rule.metric], subject) for subject in rule.subjects)

    def _masked(self, policy: Policy) -> bool:
        return any(self._is_masked(rule) for rule in policy.rules)
