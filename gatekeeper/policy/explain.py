"""A policy in plain sentences, for those who do not read YAML."""

from __future__ import annotations

from collections.abc import Iterator

from gatekeeper import catalog
from gatekeeper.policy.decide import CONFIDENCE
from gatekeeper.policy.subjects import is_masked
from gatekeeper.policy.wording import capital, limit_text, subject_sentence
from gatekeeper.records.plugins import Metric
from gatekeeper.records.policy import Policy, Rule, Waiver


def explain(policy: Policy) -> str:
    """What a policy asks for, one plain sentence for each rule; ends with a line end."""
    lines = [
        f"{policy.title} ({policy.id} {policy.version})",
        f"Owner: {policy.owner}{_review(policy)}",
        "",
        "What must have been measured, or nothing passes:",
        *(f"  - {need}" for need in _needs(policy)),
        "",
        f"What must hold, with the whole {100 * CONFIDENCE:g} % interval inside the limit:",
    ]
    for number, rule in enumerate(policy.rules, start=1):
        lines += _rule(number, rule, policy)
    if policy.waivers:
        lines += ["", "Accepted exceptions:"]
        lines += [f"  - {_waiver(waiver)}" for waiver in policy.waivers]
    return "\n".join(lines) + "\n"


def _review(policy: Policy) -> str:
    return f"; to be reviewed by {policy.review_by.isoformat()}" if policy.review_by else ""


def _needs(policy: Policy) -> Iterator[str]:
    if policy.architecture == "moe":
        yield "The model is a Mixture-of-Experts model."
    yield "The self-test of the hooks passed, and the judge knows the prompts' languages."
    needs = policy.needs
    if needs.selectors:
        names = ", ".join(needs.selectors)
        yield f"Experts were ranked by each of: {names}. The worst ranking counts."
    if needs.ks:
        yield f"Masks of this many experts were run: {', '.join(map(str, needs.ks))}."
    if needs.random_masks:
        yield (
            f"Beside each mask, at least {needs.random_masks} different random masks of equally "
            "many other experts, as near in activity as the model has."
        )
    for name, count in needs.prompts.items():
        yield f"At least {count} {name.replace('_', '-')} prompts of different text were measured."
    for name, count in needs.seeds.items():
        yield f"The {name.replace('_', '-')} prompts measured come from at least {count} seeds."
    if needs.suite_id is not None:
        yield f"The prompts are those of the suite {needs.suite_id}."
    if needs.suite_digest is not None:
        yield f"The suite has the digest {needs.suite_digest}."


def _rule(number: int, rule: Rule, policy: Policy) -> Iterator[str]:
    metric: Metric = catalog.load("metric", rule.metric)
    severity = "blocks" if rule.severity != "warn" else "warns"
    yield f"  {number}. {rule.id} ({severity})"
    about = _about(metric, rule, policy)
    estimate = " Only the estimate counts, not its interval." if rule.bound == "estimate" else ""
    yield f"     {capital(about)} must be {limit_text(rule)}.{estimate}"
    if rule.rationale:
        yield f"     Why: {rule.rationale}"
    if rule.remedy:
        yield f"     If not: {rule.remedy}"
    if rule.controls:
        yield f"     Serves: {', '.join(rule.controls)}"


def _about(metric: Metric, rule: Rule, policy: Policy) -> str:
    """The metric's sentence over all subjects of a rule, which differ in k only."""
    first = rule.subjects[0]
    selectors = policy.needs.selectors if is_masked(metric, first) else ()
    sizes = [subject.k for subject in rule.subjects if subject.k is not None]
    return subject_sentence(metric, first, selectors, sizes)


def _waiver(waiver: Waiver) -> str:
    ceiling = f" up to {waiver.not_above:g}" if waiver.not_above is not None else ""
    return (
        f"{waiver.rule}{ceiling}, for the checkpoint {waiver.checkpoint[:19]}…, until "
        f"{waiver.expires.isoformat()}, asked by {waiver.owner}, approved by {waiver.approver}: "
        f"{waiver.reason}"
    )
