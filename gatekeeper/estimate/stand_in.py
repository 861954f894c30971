"""The plan of an audit that has not run, with stand-ins for its masks: of random experts."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gatekeeper import catalog
from gatekeeper.analysis.planned_masks import planned_masks
from gatekeeper.errors import UsageError
from gatekeeper.estimate.workload import Plan
from gatekeeper.records.audit_config import AuditConfig
from gatekeeper.records.model import ExpertId, MoeSite
from gatekeeper.records.plugins import Selector
from gatekeeper.records.profile import ActivationProfile
from gatekeeper.records.role import ROLES
from gatekeeper.records.selection import RankedExpert, Selection
from gatekeeper.records.suite import Suite
from gatekeeper.records.trial import Mask

#: Tokens of the prompt that stands for all of a set.
_TOKENS = 1000


def stand_in_masks(config: AuditConfig, sites: Sequence[MoeSite]) -> tuple[Mask, ...]:
    """Masks as many and as large as an audit's, of experts drawn by its seed.

    Selectors are taken to rank unlike experts as far as the model has them, so that their masks are
    unlike too: an upper bound of what is run.

    Raises:
        UsageError: there is no such selector.
    """
    generator = np.random.default_rng(config.seed)
    experts = [ExpertId(site.layer, e) for site in sites for e in range(site.experts)]
    order = [experts[i] for i in generator.permutation(len(experts))]
    size = min(2 * max(config.ks), len(order))  # room for two groups of the largest k
    ranked = [
        _ranked(
            catalog.load("selector", name),
            [order[(i * size + n) % len(order)] for n in range(size)],
        )
        for i, name in enumerate(config.selectors)
    ]
    shape = (2, len(sites), max(site.experts for site in sites))
    profile = ActivationProfile(
        prompt_ids=("regular", "benign"),
        sites=tuple(sites),
        counts={"prompt": generator.integers(1, _TOKENS, shape, dtype=np.int32)},
        weights={},
        tokens={"prompt": np.full(2, _TOKENS, dtype=np.int32)},
        attribution=None,
        attribution_note="a stand-in",
    )
    return planned_masks(config, profile, np.array(profile.prompt_ids), ranked)


def _ranked(selector: Selector, order: Sequence[ExpertId]) -> Selection:
    """A ranking of these experts, in groups in turn where the selector tells groups apart."""
    groups = [role for role in ROLES if role != "unclear"] if selector.groups else []
    return Selection(
        selector=selector.id,
        version=selector.version,
        window="prompt",
        ranked=tuple(
            RankedExpert(
                expert=expert,
                score=0.0,
                probability=1.0,
                groups=(groups[place % len(groups)],) if groups else (),
                borderline=False,
            )
            for place, expert in enumerate(order)
        ),
        prompts={},
        resamples=0,
        size=len(order),
        threshold=0.0,
        seed=0,
        error_bound=None,
        notes=(),
    )


def planned(
    suite: Suite,
    config: AuditConfig,
    sites: Sequence[MoeSite],
    lengths: dict[str, int],
    batch_rows: int,
    thought: int,
) -> Plan:
    """The plan of all that the audit would run, with stand-ins for its masks.

    Raises:
        UsageError: no prompt selects, or no regular one measures: the audit would refuse it, and
            it cannot be calibrated.
    """
    plan = Plan(
        prompts=suite.prompts,
        lengths=lengths,
        config=config,
        masks=stand_in_masks(config, sites),
        batch_rows=batch_rows,
        thought=thought,
    )
    for selecting, measuring in plan.sides():
        if not selecting or not any(p.set == "regular" for p in measuring):
            raise UsageError(
                "nothing to measure: no prompt selects, or no regular one measures",
                where=suite.id,
                remedy="give regular prompts of more seeds, or another --selection-share",
            )
    return plan
