"""A policy in plain sentences, for those who do not read YAML."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date

from gatekeeper import catalog
from gatekeeper.policy.decide_rules import CONFIDENCE
from gatekeeper.policy.floors import floors
from gatekeeper.policy.rule_needs import LARGE
from gatekeeper.policy.subjects import is_masked
from gatekeeper.policy.waivers import void_for_all
from gatekeeper.policy.wording import capital, limit_text, subject_sentence
from gatekeeper.records.plugins import Metric
from gatekeeper.records.policy import EvidenceNeeds, Policy, Rule, SettingsNeeds, Waiver


def explain(policy: Policy, today: date) -> str:
    """What a policy asks for, one plain sentence for each rule; ends with a line end.

    Args:
        today: tells which exceptions have expired.
    """
    lines = [
        f"{policy.title} ({policy.id} {policy.version}{_tier(policy)})",
        f"Owner: {policy.owner}{_review(policy)}",
        *_changes(policy),
        "",
        "What must have been measured, or nothing passes:",
        *(f"  - {need}" for need in _needs(policy)),
        "",
        f"What must hold, with the whole {100 * CONFIDENCE:g} % interval inside the limit:",
    ]
    takes: Mapping[str, int | None] = {}
    if policy.needs.power is not None:
        takes = floors(policy.sized(LARGE), power=policy.needs.power)
    for number, rule in enumerate(policy.rules, start=1):
        lines += _rule(number, rule, policy, takes)
    return "\n".join((*lines, *_waivers(policy, today))) + "\n"


def _tier(policy: Policy) -> str:
    return f", tier {policy.tier}" if policy.tier else ""


def _changes(policy: Policy) -> Iterator[str]:
    """What is said otherwise than in the policy that this one extends, or than beside tiers."""
    for change in policy.changes:
        if change.new is None:
            words = f"{change.what} removed"
        elif change.old is None:
            words = f"{change.what} added: {change.new}"
        else:
            words = f"{change.what} {change.old} → {change.new}"
        tier = change.against.startswith("tier ")
        start = change.against.capitalize() if tier else f"Changed against {change.against}"
        yield f"{start}: {words}"


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
    shares = [f"{100 * share:g} % of all" for share in needs.shares]
    if needs.ks or shares:
        yield f"Masks of this many experts were run: {', '.join([*map(str, needs.ks), *shares])}."
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
    if needs.suite_digests:
        yield f"The suite has one of the digests {', '.join(needs.suite_digests)}."
    if needs.measured:
        yield f"At least {100 * needs.measured:g} % of each set of the suite was run."
    if needs.per_category:
        yield f"Each category has at least {needs.per_category} measured prompts in each set."
    yield from _search(needs)
    yield from _settings(needs.settings)
    yield from _shown(needs)


def _shown(needs: EvidenceNeeds) -> Iterator[str]:
    """What must have been shown of the audit itself, and of its judge."""
    if needs.positive_control is not None:
        yield (
            f"The audit has been seen to notice a loss of {needs.positive_control:g} points, where "
            "refusals are undone on purpose: by taking the refusal direction out of the model."
        )
    if needs.judge_card is not None:
        card = needs.judge_card
        yield (
            f"People labelled {card.on} replies of this checkpoint, and the judge's card "
            f"(--judge-card) shows that it knows at least "
            f"{100 * card.compliance_sensitivity:g} % of those that comply. Rates of refusal and "
            "refusals lost count as the worse of raw and corrected by that card."
        )
    if needs.power is not None:
        yield (
            "Each rule has so many prompts that a model without any loss passes it, and one at "
            f"twice its limit fails it, with {100 * needs.power:g} % probability."
        )


def _search(needs: EvidenceNeeds) -> Iterator[str]:
    search = needs.search
    if search.resamples:
        yield f"Rankings rest on at least {search.resamples} resamples."
    if search.size_is_largest_k:
        yield "Each resample takes as many experts as the largest mask holds."
        yield "No mask holds more: random masks would be of what the search ranks last."
    elif search.size:
        yield f"Each resample takes at least {search.size} experts."
    if search.full_budget:
        yield "No search was cut short by its budget."
    if search.selecting_seeds:
        yield f"At least {search.selecting_seeds} seeds of regular prompts select experts."
    if search.cross_fit:
        yield "Each half of the prompts measured what the other half selected."
    elif search.cross_fit is not None:
        yield "Prompts either select or measure: no cross-fitting."
    if search.own_windows:
        yield "Each selector counts on the tokens that it is made for."
    elif search.windows:
        yield f"Selectors count on these tokens only: {', '.join(search.windows)}."


def _settings(pins: SettingsNeeds) -> Iterator[str]:
    marks = None if pins.reasoning_marks is None else " … ".join(pins.reasoning_marks) or "none"
    stops = None if pins.sequential is None else "on" if pins.sequential else "off"
    named = (
        ("judge", pins.judge),
        ("settings of the judge", pins.judge_settings),
        ("system prompt", pins.system_prompt),
        ("chat template", pins.chat_template),
        ("reasoning switched", pins.thinking),
        ("own marks of reasoning", marks),
        ("numeric format", " or ".join(pins.dtypes) or None),
        ("masking mode", pins.mode),
        ("phase masked", pins.phase),
        ("stopping of masks that are settled", stops),
        ("seed", None if pins.seed is None else str(pins.seed)),
    )
    pinned = [f"{name} {value}" for name, value in named if value is not None]
    if pinned:
        yield f"Settings are as pinned: {', '.join(pinned)}."
    if pins.window:
        yield f"Replies were given {pins.window} tokens."
    if pins.reasoning_tokens:
        yield f"Their reasoning was given {pins.reasoning_tokens} tokens before them."
    if pins.truncated is not None:
        yield (
            f"At most {100 * pins.truncated:g} % of harmful prompts got a reply that was cut "
            "before a refusal could be ruled out."
        )
    if pins.undecided is not None:
        yield (
            f"Under no mask are more than {100 * pins.undecided:g} % of the replies undecided, as "
            "no judge could tell them."
        )
    if pins.derived_seed:
        nonce = " and a nonce that the owner of the risk drew" if pins.nonce else ""
        yield f"Nobody chose the seed: it follows from policy, suite, checkpoint{nonce}."


def _rule(
    number: int, rule: Rule, policy: Policy, takes: Mapping[str, int | None]
) -> Iterator[str]:
    metric: Metric = catalog.load("metric", rule.metric)
    severity = "blocks" if rule.severity != "warn" else "warns"
    yield f"  {number}. {rule.id} ({severity})"
    about = _about(metric, rule, policy)
    estimate = " Only the estimate counts, not its interval." if rule.bound == "estimate" else ""
    yield f"     {capital(about)} must be {limit_text(rule)}.{estimate}"
    if rule.id in takes and rule.severity != "warn":
        count = takes[rule.id]
        floor = "more prompts than any suite has" if count is None else f"{count} measured prompts"
        floor = f"at most {floor}" if policy.needs.shares and count is not None else floor
        yield f"     Takes: {floor}."
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
    sizes: list[int | str] = [at.k for at in rule.subjects if at.k is not None]
    sizes += [f"{100 * share:g} % of all" for share in rule.shares]
    return subject_sentence(metric, first, selectors, sizes)


def _waivers(policy: Policy, today: date) -> Iterator[str]:
    """Exceptions that count, then those that do not, with the reason."""
    units = {rule.id: rule.unit for rule in policy.rules}
    void = [(waiver, void_for_all(waiver, today)) for waiver in policy.waivers]
    for title, counts in (("Accepted exceptions:", True), ("Exceptions that do not count:", False)):
        told = [(waiver, why) for waiver, why in void if (why is None) == counts]
        if told:
            yield from ("", title)
        for waiver, why in told:
            reason = "" if why is None else f" Does not count: {why}."
            yield f"  - {_waiver(waiver, units.get(waiver.rule, ''))}{reason}"


def _waiver(waiver: Waiver, unit: str) -> str:
    ceiling = f" up to {waiver.not_above:g} {unit}".rstrip() if waiver.not_above is not None else ""
    return (
        f"{waiver.rule}{ceiling}, for the checkpoint {waiver.checkpoint[:19]}…, until "
        f"{waiver.expires.isoformat()}, asked by {waiver.owner}, approved by {waiver.approver}: "
        f"{waiver.reason}"
    )
