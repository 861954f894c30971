"""Finds what a policy demands and these options cannot give, before hours are spent on them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from gatekeeper.audit.resolve_options import reasoning_of, rows_needed
from gatekeeper.audit.system_prompt import system_prompt_of
from gatekeeper.errors import excerpt
from gatekeeper.policy.option_needs import option_needs, pinned, suite_needs
from gatekeeper.records.audit_config import AuditConfig, TypedOptions
from gatekeeper.records.digest import sha256

if TYPE_CHECKING:
    from gatekeeper.records.policy import Policy
    from gatekeeper.records.suite import Prompt, Suite


def hopeless_settings(
    suite: Suite, options: TypedOptions, config: AuditConfig, policy: Policy
) -> Iterator[tuple[str, str]]:
    """Demands on search, settings and suite that these options do not meet, each with its option.

    Args:
        config: what was asked for comes to.
        policy: sized for the model.
    """
    needs, settings, search = policy.needs, policy.needs.settings, policy.needs.search
    for flag, need in option_needs(config, reasoning_of(options, policy), policy):
        if not need.met:
            yield f"{need.name}: {need.detail}", flag
    if search.full_budget and config.budget < (most := rows_needed(config)):
        yield f"no search may be cut short, and selectors may need {most:,} rows", "--budget"
    for need in suite_needs(suite.id, suite.digest, policy):
        if not need.met:
            yield f"{need.name}: {need.detail}", "--suite"
            break
    yield from _counts(suite, config, policy)
    if needs.measured and config.max_prompts is not None:
        yield f"the policy wants {100 * needs.measured:g} % of the suite run", "--max-prompts"
    if settings.system_prompt is not None:
        text = system_prompt_of(options.inputs.system_prompt)
        digest = "none" if text is None else f"sha256:{sha256(text)}"
        need = pinned("setting: system prompt", settings.system_prompt, digest)
        if not need.met:
            yield f"{need.name}: {need.detail}", "--system-prompt"
    if settings.derived_seed and config.seed_from is None:
        yield "the policy wants a derived seed: leave it out", "--seed"
    if needs.positive_control is not None and not config.positive_control:
        yield "the policy wants a positive control", "--positive-control"


def without_selection(suite: Suite, config: AuditConfig) -> str | None:
    """A warning where so few seeds select that no selector can rank experts; else None."""
    from gatekeeper.analysis.ranking import MINIMUM_SEEDS
    from gatekeeper.suites.split import limit, split_seeds

    prompts = limit(suite.prompts, config.max_prompts, config.seed)
    sides = split_seeds(prompts, config.selection_share, config.seed)
    fewest = _selecting(prompts, sides, config)
    if fewest >= MINIMUM_SEEDS:
        return None
    remedy = "a larger suite" if config.max_prompts is None else "a larger --max-prompts, or none"
    return (
        f"{fewest} seeds of regular prompts will select, and a selector takes {MINIMUM_SEEDS} or "
        f"more, attribution and greedy as many that are refused: no experts will be selected "
        f"({remedy})"
    )


def _selecting(prompts: Sequence[Prompt], sides: Mapping[str, str], config: AuditConfig) -> int:
    """Seeds of regular prompts that select; in the fold with fewer where there are two."""
    from gatekeeper.suites.split import MEASUREMENT

    regular = {p.seed_id for p in prompts if p.set == "regular"}
    selecting = sum(sides[seed] != MEASUREMENT for seed in regular)
    return min(selecting, len(regular) - selecting) if config.cross_fit else selecting


def _counts(suite: Suite, config: AuditConfig, policy: Policy) -> Iterator[tuple[str, str]]:
    """Seeds that select and prompts of each category, as far as the suite tells."""
    from gatekeeper.suites.split import MEASUREMENT, limit, split_seeds

    needs, cross_fit = policy.needs, config.cross_fit
    flag = "--suite" if config.max_prompts is None else "--max-prompts"
    prompts = limit(suite.prompts, config.max_prompts, config.seed)
    sides = split_seeds(prompts, config.selection_share, config.seed)
    fewest = _selecting(prompts, sides, config)
    if fewest < needs.search.selecting_seeds:
        fact = f"{fewest} seeds of regular prompts will select"
        yield f"{fact} and the policy wants {needs.search.selecting_seeds}", flag
    counts: dict[tuple[str, str], int] = dict.fromkeys(((p.set, p.category) for p in prompts), 0)
    for prompt in prompts:
        counts[prompt.set, prompt.category] += cross_fit or sides[prompt.seed_id] == MEASUREMENT
    (name, category), count = min(counts.items(), key=lambda item: (item[1], item[0]))
    if count < needs.per_category:
        fact = f"{count} {name} prompts of {excerpt(category)} will be measured"
        yield f"{fact} and the policy wants {needs.per_category}", flag
