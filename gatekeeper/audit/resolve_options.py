"""What the options of an audit, and its policy, come to."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

from gatekeeper.errors import UsageError, excerpt
from gatekeeper.records.audit_options import AuditOptions
from gatekeeper.records.defaults import (
    BUDGET,
    CONTROLS,
    JUDGE,
    KS,
    MAX_NEW_TOKENS,
    RESAMPLES,
    SECOND_SAMPLE,
    SEED,
)
from gatekeeper.records.environment import VARIANTS
from gatekeeper.records.judge_options import SecondRequest, read_options, split_options
from gatekeeper.records.policy import SettingsNeeds
from gatekeeper.records.suite import HARMFUL_SETS
from gatekeeper.records.trial import split_working_mode

if TYPE_CHECKING:
    from gatekeeper.records.policy import Policy

_HALF = 0.5


def selectors_of(options: AuditOptions, policy: Policy | None) -> tuple[str, ...]:
    """Selectors asked for, else those that the policy needs, else all."""
    from gatekeeper import catalog

    wanted = policy.needs.selectors if policy else ()
    return tuple(dict.fromkeys(options.selectors or wanted or catalog.names("selector")))


def ks_of(options: AuditOptions, policy: Policy | None) -> tuple[int, ...]:
    """Mask sizes asked for, else those that the policy needs, else some small ones; ascending."""
    wanted = policy.needs.ks if policy else ()
    return tuple(sorted(set(options.ks or wanted or KS)))


def check_sizes(options: AuditOptions, experts: int) -> None:
    """Refuses sizes beyond all experts of the checkpoint: no mask would be made, without a word.

    Sizes that a policy needs are told by `hopeless_sizes`, and the defaults are cut: neither was
    typed.

    Args:
        experts: those that a mask can hold.

    Raises:
        UsageError: a mask, or a resample, is to take more.
    """
    sizes = [("-k", k) for k in options.ks]
    sizes += [("--size", options.size)] if options.size is not None else []
    for flag, size in sizes:
        if size > experts:
            raise UsageError(
                f"{flag} {size}: the checkpoint has {experts} routed experts that can be masked",
                remedy=f"give {flag} {experts} at most",
            )


def hopeless_sizes(options: AuditOptions, policy: Policy, experts: int) -> Iterator[str]:
    """Masks that the policy needs and no audit of so few experts can give."""
    sizes = [k for k in policy.needs.ks if k in ks_of(options, policy) and k > experts]
    if sizes:
        yield (
            f"the policy needs masks of {', '.join(map(str, sizes))} experts and the checkpoint "
            f"has {experts} that can be masked: the verdict cannot be a pass"
        )


def controls_of(options: AuditOptions, policy: Policy | None) -> int:
    """Random masks per selector and size, asked for or needed by the policy."""
    if options.controls is not None:
        return options.controls
    return policy.needs.random_masks if policy else CONTROLS


def judge_of(options: AuditOptions, policy: Policy | None) -> str:
    """The judge asked for, else the one that the policy pins, else the usual one."""
    return options.judge or (policy and policy.needs.settings.judge) or JUDGE


def window_of(options: AuditOptions, policy: Policy | None) -> int:
    """Tokens to generate: as asked for, else the least that the policy wants, else the usual."""
    return (
        options.max_new_tokens or (policy.needs.settings.window if policy else 0) or MAX_NEW_TOKENS
    )


def resamples_of(options: AuditOptions, policy: Policy | None) -> int:
    """Resamples asked for, else the usual number, or more if the policy wants them."""
    return options.resamples or max(RESAMPLES, policy.needs.search.resamples if policy else 0)


def size_of(options: AuditOptions, policy: Policy | None) -> int | None:
    """Experts to take per resample: as asked for, else as the policy wants it.

    None for the largest k of the audit.

    Args:
        policy: sized for the model.
    """
    if options.size is not None or policy is None:
        return options.size
    largest = max(ks_of(options, policy))
    search = policy.needs.search
    wanted = max(policy.needs.ks, default=0) if search.size_is_largest_k else search.size
    takes = wanted != largest if search.size_is_largest_k else wanted > largest
    return wanted if wanted and takes else None


def budget_of(options: AuditOptions, policy: Policy | None) -> int:
    """Rows that selectors may measure: as asked for, else as many as they can need."""
    if options.budget is not None:
        return options.budget
    return max(BUDGET, rows_needed(options, policy))


def rows_needed(options: AuditOptions, policy: Policy | None) -> int:
    """Rows that the selectors which measure can need for these sizes; 0 without such a selector."""
    from gatekeeper.analysis.selectors.greedy import most_masks
    from gatekeeper.estimate.workload import MEASURED, selector

    if not any(selector(name).measures for name in selectors_of(options, policy)):
        return 0
    size = size_of(options, policy) or max(ks_of(options, policy))
    return most_masks(size) * MEASURED * len(HARMFUL_SETS)


def cross_fit_of(options: AuditOptions, policy: Policy | None) -> bool:
    """Whether both halves measure: as asked for, else as the policy wants it."""
    if options.cross_fit is not None:
        return options.cross_fit
    return bool(policy and policy.needs.search.cross_fit)


def seed_of(options: AuditOptions, policy: Policy | None) -> tuple[int, str | None]:
    """The seed, and what it is to be derived from once the checkpoint's digest is known.

    Returns:
        A number and None; or, where the policy wants a derived seed and none was typed, 0 and the
        policy's `audit_digest`.

    Raises:
        UsageError: a nonce for a seed that does not follow from it, or none where one must be.
    """
    needs = policy.needs.settings if policy else SettingsNeeds()
    derive = policy.audit_digest if policy and needs.derived_seed and options.seed is None else None
    if options.nonce is not None and derive is None:
        raise UsageError(
            "--nonce goes into a derived seed, and this audit's seed is not derived",
            remedy="leave --seed out, and give a policy with evidence.settings.seed: derived",
        )
    if derive is not None and needs.nonce != (options.nonce is not None):
        given = options.nonce is not None
        raise UsageError(
            "the policy wants a seed without a nonce"
            if given
            else "the policy wants a nonce, and there is none",
            where=policy.source if policy else None,
            remedy="leave --nonce out; with it, whoever audits could draw until one suits"
            if given
            else "give --nonce with the word that the owner of the risk drew",
        )
    usual = needs.seed if needs.seed is not None else SEED
    return usual if options.seed is None else options.seed, derive


def environments_of(options: AuditOptions, policy: Policy | None) -> bool:
    """Asked for, or needed by a rule of the policy."""
    rules = policy.rules if policy else ()
    return options.environments or any(
        rule.metric == "environment-transfer"
        and any(at.dimension not in VARIANTS for at in rule.subjects)
        for rule in rules
    )


def doses_of(options: AuditOptions) -> tuple[str, ...]:
    """Modes of the dose–response.

    Raises:
        UsageError: one is no mode, does nothing, or is the audit's own.
    """
    for dose in options.doses:
        split_working_mode(dose)
        if dose == options.mode:
            raise UsageError(
                f"--dose {excerpt(dose)} is the mode of the audit itself",
                remedy="leave it out, or name another",
            )
    return tuple(dict.fromkeys(options.doses))


def parallel_of(options: AuditOptions) -> str | None:
    """How one replica lies over the processes of torchrun, such as `tensor 2`."""
    if options.parallel is None:
        return None
    return f"{options.parallel} {os.environ['WORLD_SIZE']}"


def second_of(options: AuditOptions) -> SecondRequest | None:
    """The second judge that is asked for.

    Raises:
        UsageError: there is no such judge, an option is wrong, or there are options of no judge.
    """
    from gatekeeper import catalog

    name, given = options.second_judge, split_options(options.second_judge_options)
    if name is None:
        if given or options.second_sample is not None:
            raise UsageError(
                "options of a second judge, and no second judge",
                remedy="add --second-judge NAME; see `gatekeeper catalog judge`",
            )
        return None
    judge = catalog.load("judge", name)
    read_options(judge.id, judge.options, given, flag="--second-judge-option")
    return SecondRequest(judge=name, options=given, sample=options.second_sample or SECOND_SAMPLE)


def check_cross_fit(options: AuditOptions, policy: Policy | None) -> None:
    """Refuses shares that are no halves.

    Raises:
        UsageError: folds of unlike size were asked for.
    """
    if cross_fit_of(options, policy) and options.selection_share != _HALF:
        wanted = "" if options.cross_fit else ", which the policy wants,"
        raise UsageError(
            f"--cross-fit{wanted} divides the seeds in halves, --selection-share is "
            f"{options.selection_share}",
            remedy="leave --selection-share out, or write --no-cross-fit",
        )


def check_sequential(options: AuditOptions, policy: Policy | None) -> None:
    """Refuses to stop early where nothing says when, or where two ways to measure collide.

    Raises:
        UsageError: there is no policy, or each half is to measure what the other selected.
    """
    if options.sequential and policy is None:
        raise UsageError(
            "--sequential stops masks at the limits of a policy, and there is none",
            remedy="add --policy, or leave --sequential out",
        )
    if options.sequential and cross_fit_of(options, policy):
        raise UsageError(
            "--sequential cannot stop masks whose halves are measured one after the other",
            remedy="leave out --sequential or --cross-fit; a policy that wants cross-fitting "
            "cannot be met by a sequential audit",
        )
