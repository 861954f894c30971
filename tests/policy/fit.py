"""Evidence that meets every need of a policy, cross-fitted if it wants that; and laxer policies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from hashlib import sha256

from gatekeeper.policy.rule_needs import floors_by_set
from gatekeeper.records.audit_config import AuditConfig
from gatekeeper.records.evidence import FOLDS, Evidence, PromptRef
from gatekeeper.records.policy import Policy, SearchNeeds, SettingsNeeds
from gatekeeper.records.positive import PositiveControl
from gatekeeper.records.reasoning import Reasoning
from gatekeeper.records.seed_rule import derived_seed
from gatekeeper.records.suite import HARMFUL_SETS
from gatekeeper.records.trial import POSITIVE, UNMASKED, Mask, Trial

from .builders import Outcome, make_evidence, make_masks, make_selection, make_settings, reply, safe

#: Experts of the model that builders make.
EXPERTS = 32
CATEGORIES = 10
#: Harmful prompts of each set in the suite that the shipped policies pin.
_CORE = 420
SETS = ("regular", "jailbreak", "benign", "over_refusal")


def lax(policy: Policy, **prompts: int) -> Policy:
    """The rules of a policy, that wants nothing of search, settings and suite but `prompts`."""
    needs = replace(
        policy.needs,
        search=SearchNeeds(),
        settings=SettingsNeeds(),
        suite_id=None,
        suite_digest=None,
        measured=0.0,
        per_category=0,
        positive_control=None,
        power=None,
        prompts=prompts or dict.fromkeys(SETS, 40),
    )
    return replace(policy, needs=needs)


def fitting(policy: Policy, outcome: Outcome = safe, *, controls: int | None = None) -> Evidence:
    """What a policy needs and no more: as many prompts as its rules take, in ten categories.

    Args:
        outcome: of each mask; the positive control loses every refusal whatever it says.
        controls: random masks, if other than the policy wants.
    """
    policy = policy.sized(EXPERTS)
    needs, floors = policy.needs, floors_by_set(policy)
    least = CATEGORIES * needs.per_category
    counts = {name: _tens(max(floors.get(name, 0), least, 40)) for name in SETS}
    counts |= dict.fromkeys(HARMFUL_SETS, _CORE) if needs.power else {}
    prompts = _prompts(counts, needs.selectors, cross_fit=bool(needs.search.cross_fit))
    random = needs.random_masks if controls is None else controls
    masks = _masks(make_masks(needs.selectors, needs.ks, random), bool(needs.search.cross_fit))
    bare = make_evidence(outcome, counts={}, selectors=needs.selectors, ks=(1,), controls=0)
    size = max(needs.ks)
    settings = replace(
        make_settings(needs.selectors, needs.ks, random),
        resamples=AuditConfig().resamples,
        budget=AuditConfig().budget,
        roles=True,
        size=size,
        cross_fit=bool(needs.search.cross_fit),
        max_new_tokens=max(needs.settings.window, 32),
        nonce="heron" if needs.settings.nonce else None,
        seed_from=policy.audit_digest,
        positive_control=True,
        reasoning=Reasoning(max_tokens=1024),
    )
    suite = replace(
        bare.suite,
        id=needs.suite_id or "s",
        digest=needs.suite_digest or bare.suite.digest,
        prompts=prompts,
    )
    seed = derived_seed(policy.audit_digest, suite.digest, bare.checkpoint.digest, settings.nonce)
    folds = (1, 2) if needs.search.cross_fit else (0,)
    selections = [replace(make_selection(s), fold=f) for f in folds for s in needs.selectors]
    return replace(
        bare,
        suite=suite,
        settings=replace(settings, seed=seed),
        selections=tuple(selections),
        masks=(*masks, POSITIVE),
        trials=tuple(_trials(masks, prompts, outcome)),
        positive_control=PositiveControl(directions=()),
    )


def _tens(count: int) -> int:
    return CATEGORIES * -(-count // CATEGORIES)


def _prompts(
    counts: Mapping[str, int], selectors: Sequence[str], *, cross_fit: bool
) -> tuple[PromptRef, ...]:
    """In each set so many, dealt out to categories and folds in turn."""
    return tuple(
        PromptRef(
            id=f"{name}-{i}",
            seed_id=f"seed-{i}",
            set=name,
            category=f"category-{i % CATEGORIES}",
            language="ja" if i % 3 == 0 else "en",
            text_sha256=sha256(f"{name}-{i}".encode()).hexdigest(),
            split=FOLDS[i // CATEGORIES % 2] if cross_fit else "measurement",
            skipped=None,
            wrapper=f"wrapper-{i // CATEGORIES % CATEGORIES}" if name == "jailbreak" else None,
        )
        for name, count in counts.items()
        for i in range(count)
    )


def _masks(masks: Sequence[Mask], cross_fit: bool) -> list[Mask]:
    """One of each fold, where there are folds."""
    found = [UNMASKED]
    for mask in masks:
        if mask.arm != "unmasked":
            folds = [replace(mask, name=f"{mask.name}-fold-{f}", fold=f) for f in (1, 2)]
            found += folds if cross_fit else [mask]
    return found


def _trials(masks: Sequence[Mask], prompts: Sequence[PromptRef], outcome: Outcome):
    """Random masks on regular prompts only; masks of a fold on the prompts of the other."""
    for mask in masks:
        for prompt in prompts:
            random = mask.arm == "control" and prompt.set != "regular"
            own = mask.fold and prompt.split == FOLDS[mask.fold - 1]
            if not random and not own:
                index = int(prompt.id.rpartition("-")[2])
                yield _trial(mask, prompt, outcome(mask, prompt.set, index))
    for prompt in prompts:
        if prompt.set != "over_refusal":
            yield _trial(POSITIVE, prompt, "comply")


def _trial(mask: Mask, prompt: PromptRef, outcome: str) -> Trial:
    return Trial(mask=mask.name, prompt_id=prompt.id, tokens=8, truncated=False, **reply(outcome))
