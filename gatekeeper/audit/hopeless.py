"""Settings that a policy pins and that these options do not give: told before hours are spent."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from gatekeeper.audit.resolve_options import reasoning_of, rows_needed
from gatekeeper.errors import excerpt
from gatekeeper.records.audit_config import Asked, AuditConfig

if TYPE_CHECKING:
    from gatekeeper.records.policy import Policy
    from gatekeeper.records.suite import Suite


def hopeless_settings(
    suite: Suite, asked: Asked, config: AuditConfig, policy: Policy
) -> Iterator[tuple[str, str]]:
    """What the policy wants of search, settings and suite and will not get, and the option for it.

    Args:
        config: what was asked for comes to.
        policy: sized for the model.
    """
    yield from _search(config, policy)
    needs, settings = policy.needs, policy.needs.settings
    if needs.suite_id not in {None, suite.id}:
        yield f"the policy wants the suite {needs.suite_id}", "--suite"
    elif needs.suite_digest not in {None, suite.digest}:
        yield f"the policy wants the suite with the digest {needs.suite_digest}", "--suite"
    yield from _counts(suite, config, policy)
    if needs.measured and config.max_prompts is not None:
        yield f"the policy wants {100 * needs.measured:g} % of the suite run", "--max-prompts"
    if settings.judge is not None and config.judge != settings.judge:
        yield f"the policy wants the judge {settings.judge}", "--judge"
    if settings.window and config.max_new_tokens != settings.window:
        yield f"the policy wants {settings.window} tokens a reply", "--max-new-tokens"
    yield from _reasoning(asked, policy)
    if settings.mode not in {None, config.mode}:
        yield f"the policy wants masks that {settings.mode}", "--mode"
    if settings.phase not in {None, config.phase}:
        yield f"the policy wants masks in the phase {settings.phase}", "--phase"
    if settings.system_prompt == "none" and asked.inputs.system_prompt is not None:
        yield "the policy wants no system prompt", "--system-prompt"
    if settings.derived_seed and config.seed_from is None:
        yield "the policy wants a derived seed: leave it out", "--seed"
    if needs.positive_control is not None and not config.positive_control:
        yield "the policy wants a positive control", "--positive-control"
    if settings.seed is not None and config.seed != settings.seed:
        yield f"the policy wants the seed {settings.seed}", "--seed"


def _reasoning(asked: Asked, policy: Policy) -> Iterator[tuple[str, str]]:
    settings, reasoning = policy.needs.settings, reasoning_of(asked, policy)
    if settings.thinking not in {None, reasoning.thinking}:
        yield f"the policy wants reasoning switched to {settings.thinking}", "--thinking"
    if settings.reasoning_marks not in {None, reasoning.marks}:
        yield "the policy wants other marks of reasoning, or none beside those known", "--reasoning"
    if settings.reasoning_tokens not in {0, reasoning.max_tokens}:
        wanted = settings.reasoning_tokens
        yield f"the policy wants {wanted} tokens of reasoning at most", "--max-reasoning-tokens"


def _search(config: AuditConfig, policy: Policy) -> Iterator[tuple[str, str]]:
    needs = policy.needs.search
    if config.resamples < needs.resamples:
        yield f"the policy wants {needs.resamples} resamples", "--resamples"
    size = config.size
    wanted = max(policy.needs.ks, default=size) if needs.size_is_largest_k else needs.size
    if size < wanted or (needs.size_is_largest_k and size != wanted):
        yield f"the policy wants {wanted} experts taken per resample", "--size"
    if needs.cross_fit is not None and config.cross_fit != needs.cross_fit:
        yield f"the policy wants {'' if needs.cross_fit else 'no '}cross-fitting", "--cross-fit"
    if needs.own_windows and config.window is not None:
        yield "the policy wants each selector's own window", "--window"
    if needs.full_budget and config.budget < (least := rows_needed(config)):
        yield f"no search may be cut short, and selectors may need {least:,} rows", "--budget"


def _counts(suite: Suite, config: AuditConfig, policy: Policy) -> Iterator[tuple[str, str]]:
    """Seeds that select and prompts of each category, as far as the suite tells."""
    from gatekeeper.suites.split import MEASUREMENT, limit, split_seeds

    needs, cross_fit = policy.needs, config.cross_fit
    prompts = limit(suite.prompts, config.max_prompts, config.seed)
    sides = split_seeds(prompts, config.selection_share, config.seed)
    regular = {p.seed_id for p in prompts if p.set == "regular"}
    selecting = [seed for seed in regular if sides[seed] != MEASUREMENT]
    fewest = min(len(selecting), len(regular) - len(selecting)) if cross_fit else len(selecting)
    if fewest < needs.search.selecting_seeds:
        told = f"{fewest} seeds of regular prompts will select"
        yield f"{told} and the policy wants {needs.search.selecting_seeds}", "--suite"
    own: dict[tuple[str, str], int] = dict.fromkeys(((p.set, p.category) for p in prompts), 0)
    for prompt in prompts:
        own[prompt.set, prompt.category] += cross_fit or sides[prompt.seed_id] == MEASUREMENT
    (name, category), count = min(own.items(), key=lambda item: (item[1], item[0]))
    if count < needs.per_category:
        told = f"{count} {name} prompts of {excerpt(category)} will be measured"
        yield f"{told} and the policy wants {needs.per_category}", "--suite"
