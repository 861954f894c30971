"""Fills in the options of an audit: as typed, else as the policy wants, else the defaults."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from gatekeeper.errors import UsageError, excerpt
from gatekeeper.records.audit_config import (
    SECOND_SAMPLE,
    AuditConfig,
    AuditInputs,
    Execution,
    TypedOptions,
)
from gatekeeper.records.environment import VARIANTS
from gatekeeper.records.judge_options import SecondRequest, read_options, split_options
from gatekeeper.records.policy import EvidenceNeeds, SettingsNeeds
from gatekeeper.records.reasoning import Reasoning
from gatekeeper.records.suite import HARMFUL_SETS
from gatekeeper.records.trial import split_working_mode

if TYPE_CHECKING:
    from gatekeeper.records.policy import Policy

_HALF = 0.5
#: Without a policy.
_NOTHING_WANTED = EvidenceNeeds(
    selectors=(), ks=(), random_masks=AuditConfig().controls, prompts={}
)


def resolve(options: TypedOptions, policy: Policy | None) -> AuditConfig:
    """Each option as it was typed, else as the policy wants it, else as usual.

    Args:
        policy: sized for the model.

    Raises:
        UsageError: options collide with each other, or with the policy.
    """
    from gatekeeper import catalog

    typed, usual = options.config, AuditConfig()
    needs = policy.needs if policy else _NOTHING_WANTED
    search, pins = needs.search, needs.settings
    seed, seed_from = _seed(options, policy)
    wanted = {
        "selectors": needs.selectors or catalog.names("selector"),
        "ks": needs.ks or usual.ks,
        "controls": needs.random_masks,
        "judge": pins.judge or usual.judge,
        "max_new_tokens": pins.window or usual.max_new_tokens,
        "resamples": max(usual.resamples, search.resamples),
        "cross_fit": bool(search.cross_fit),
    }
    chosen: dict[str, Any] = {**wanted, **typed, "seed": seed, "seed_from": seed_from}
    for name in ("selectors", "formats", "doses"):
        chosen[name] = tuple(dict.fromkeys(chosen.get(name, ())))
    chosen["ks"] = tuple(sorted(set(chosen["ks"])))
    chosen["size"] = typed.get("size") or _size(chosen["ks"], needs)
    stops = typed.get("sequential", False)
    _refuse_early_stops(policy, stops=stops, cross_fit=chosen["cross_fit"])
    chosen["sequential"] = policy.digest if policy is not None and stops else None
    chosen["environments"] = typed.get("environments") or _wants_environments(policy)
    config = AuditConfig(**chosen)
    _refuse_odd_modes(config)
    _refuse_unlike_halves(config, options)
    needed = max(config.budget, rows_needed(config))
    return config if "budget" in typed else replace(config, budget=needed)


def _size(ks: tuple[int, ...], needs: EvidenceNeeds) -> int:
    """Experts to take per resample as the policy wants it, else the largest mask's."""
    search, largest = needs.search, max(ks)
    if search.size_is_largest_k:
        return max(needs.ks, default=largest)
    return max(search.size, largest)


def _wants_environments(policy: Policy | None) -> bool:
    """Whether a rule of the policy is about parts of the suite."""
    return any(
        rule.metric == "environment-transfer"
        and any(at.dimension not in VARIANTS for at in rule.subjects)
        for rule in (policy.rules if policy else ())
    )


def rows_needed(config: AuditConfig) -> int:
    """Rows that the selectors which measure can need for these sizes; 0 without such a selector.

    Those of the unmasked model among them, which are on no budget: it may be a little large.
    """
    from gatekeeper.estimate.workload import MEASURED, searched, selector

    chosen = [selector(name) for name in config.selectors]
    return searched(chosen, config.size, MEASURED * len(HARMFUL_SETS))


def check_sizes(options: TypedOptions, experts: int) -> None:
    """Refuses sizes beyond all experts of the checkpoint: no mask would be made, without a word.

    Sizes that a policy needs are told by `hopeless_sizes`, and the defaults are cut: neither was
    typed.

    Args:
        experts: those that a mask can hold.

    Raises:
        UsageError: a mask, or a resample, is to take more.
    """
    sizes = [("-k", k) for k in options.config.get("ks", ())]
    sizes += [("--size", options.config["size"])] if "size" in options.config else []
    for flag, size in sizes:
        if size > experts:
            raise UsageError(
                f"{flag} {size}: the checkpoint has {experts} routed experts that can be masked",
                remedy=f"give {flag} {experts} at most",
            )


def large_masks(options: TypedOptions, experts: int) -> Iterator[str]:
    """A warning of typed masks that leave a model less than half of its experts."""
    sizes = [k for k in options.config.get("ks", ()) if 2 * k > experts]
    if sizes:
        yield (
            f"masks of {', '.join(map(str, sizes))} of {experts} experts (-k) leave too few: no "
            "random masks are as large, and replies may break for that alone"
        )


def hopeless_sizes(config: AuditConfig, policy: Policy, experts: int) -> Iterator[str]:
    """Masks that the policy needs and no audit of so few experts can give."""
    sizes = [k for k in policy.needs.ks if k in config.ks and k > experts]
    if sizes:
        yield (
            f"the policy needs masks of {', '.join(map(str, sizes))} experts and the checkpoint "
            f"has {experts} that can be masked: the verdict cannot be a pass"
        )


def _seed(options: TypedOptions, policy: Policy | None) -> tuple[int, str | None]:
    """The seed, and what it is to be derived from once the checkpoint's digest is known.

    Returns:
        A number and None; or, where the policy wants a derived seed and none was typed, 0 and the
        policy's `audit_digest`.

    Raises:
        UsageError: a nonce for a seed that does not follow from it, or none where one must be.
    """
    needs = policy.needs.settings if policy else SettingsNeeds()
    typed, nonce = options.config.get("seed"), options.config.get("nonce")
    derive = policy.audit_digest if policy and needs.derived_seed and typed is None else None
    if nonce is not None and derive is None:
        raise UsageError(
            "--nonce goes into a derived seed, and this audit's seed is not derived",
            remedy="leave --seed out, and give a policy with evidence.settings.seed: derived",
        )
    if derive is not None and needs.nonce != (nonce is not None):
        has_nonce = nonce is not None
        raise UsageError(
            "the policy wants a seed without a nonce"
            if has_nonce
            else "the policy wants a nonce, and there is none",
            where=policy.source if policy else None,
            remedy="leave --nonce out; with it, whoever audits could draw until one suits"
            if has_nonce
            else "give --nonce with the word that the owner of the risk drew",
        )
    usual = needs.seed if needs.seed is not None else AuditConfig().seed
    return usual if typed is None else typed, derive


def parallel_of(execution: Execution) -> str | None:
    """How one replica lies over the processes of torchrun, such as `tensor 2`."""
    if execution.parallel is None:
        return None
    return f"{execution.parallel} {os.environ['WORLD_SIZE']}"


def second_of(inputs: AuditInputs) -> SecondRequest | None:
    """The second judge that is asked for.

    Raises:
        UsageError: there is no such judge, an option is wrong, or there are options of no judge.
    """
    from gatekeeper import catalog

    name, options = inputs.second_judge, split_options(inputs.second_judge_options)
    if name is None:
        if options or inputs.second_sample is not None:
            raise UsageError(
                "options of a second judge, and no second judge",
                remedy="add --second-judge NAME; see `gatekeeper catalog judge`",
            )
        return None
    judge = catalog.load("judge", name)
    read_options(judge.id, judge.options, options, flag="--second-judge-option")
    return SecondRequest(judge=name, options=options, sample=inputs.second_sample or SECOND_SAMPLE)


def reasoning_of(options: TypedOptions, policy: Policy | None) -> Reasoning:
    """How reasoning is told from replies: as asked for, else as the policy pins it."""
    pins, inputs = policy.needs.settings if policy else SettingsNeeds(), options.inputs
    usual = Reasoning()
    return Reasoning(
        marks=inputs.reasoning or (),
        max_tokens=inputs.max_reasoning_tokens or pins.reasoning_tokens or usual.max_tokens,
        thinking=inputs.thinking or pins.thinking or usual.thinking,
    )


def _refuse_odd_modes(config: AuditConfig) -> None:
    """Refuses modes that are none.

    Raises:
        UsageError: one is no mode, does nothing, or a dose is the audit's own.
    """
    for mode in (config.mode, *config.doses):
        split_working_mode(mode)
    if config.mode in config.doses:
        raise UsageError(
            f"--dose {excerpt(config.mode)} is the mode of the audit itself",
            remedy="leave it out, or name another",
        )


def _refuse_unlike_halves(config: AuditConfig, options: TypedOptions) -> None:
    """Refuses shares that are no halves.

    Raises:
        UsageError: folds of unlike size were asked for.
    """
    if config.cross_fit and config.selection_share != _HALF:
        wanted = "" if options.config.get("cross_fit") else ", which the policy wants,"
        raise UsageError(
            f"--cross-fit{wanted} divides the seeds in halves, --selection-share is "
            f"{config.selection_share}",
            remedy="leave --selection-share out, or write --no-cross-fit",
        )


def _refuse_early_stops(policy: Policy | None, *, stops: bool, cross_fit: bool) -> None:
    """Refuses to stop early where nothing says when, or where two ways to measure collide.

    Raises:
        UsageError: there is no policy, or each half is to measure what the other selected.
    """
    if stops and policy is None:
        raise UsageError(
            "--sequential stops masks at the limits of a policy, and there is none",
            remedy="add --policy, or leave --sequential out",
        )
    if stops and cross_fit:
        raise UsageError(
            "--sequential cannot stop masks whose halves are measured one after the other",
            remedy="leave out --sequential or --cross-fit; a policy that wants cross-fitting "
            "cannot be met by a sequential audit",
        )
