"""Which masks a policy wants to have been run, held against the evidence."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from gatekeeper.analysis.folds import views
from gatekeeper.analysis.order import run_of, stop_under
from gatekeeper.analysis.outcomes import control_masks, outcome_table
from gatekeeper.records.evidence import Evidence
from gatekeeper.records.policy import Policy
from gatekeeper.records.trials import cells, of_masks
from gatekeeper.records.verdict import Requirement
from gatekeeper.verify.masks import lacks_causes, left_out


def mask_requirements(evidence: Evidence, policy: Policy) -> Iterator[Requirement]:
    """A line for each selector's masks and random masks, and one if every mask must be there."""
    yield from _every_mask(evidence, policy)
    yield from _masks(evidence, policy)


def measured_prompts(evidence: Evidence) -> dict[str, str]:
    """Prompt id -> set, of the measurement prompts that the unmasked model answered."""
    unmasked = {mask.name for mask in evidence.masks if mask.arm == "unmasked"}
    answered = {trial.prompt_id for trial in of_masks(evidence.trials, *unmasked)}
    return {p.id: p.set for p in evidence.suite.prompts if p.measures and p.id in answered}


def _every_mask(evidence: Evidence, policy: Policy) -> Iterator[Requirement]:
    """A rule about every mask that was run needs to know that none was left out of the bundle."""
    if not any(rule.metric == "worst-mask-drop" for rule in policy.rules):
        return
    why = next((why for view in views(evidence) if (why := left_out(view))), None)
    if why is None and lacks_causes(evidence):
        why = "the masks of experts by the cause of their role are missing"
    if why is not None:
        yield Requirement(name="every mask", met=False, detail=why)


def _masks(evidence: Evidence, policy: Policy) -> Iterator[Requirement]:
    """Selected masks and different random controls, per selector, over all k of the policy."""
    per_fold = [_run(view) for view in views(evidence)]
    # Under cross-fitting what was run in one fold only counts for nothing.
    selected = {key: min(fold[key] for fold in per_fold) for key in per_fold[0]}
    controls = {
        (name, k): _controls(evidence, name, k)
        for name in policy.needs.selectors
        for k in policy.needs.ks
    }
    for name in policy.needs.selectors:
        absent = [k for k in policy.needs.ks if not selected.get((name, k))]
        if policy.needs.ks:
            sizes = ", ".join(map(str, absent or policy.needs.ks))
            detail = f"k {sizes} not run" if absent else f"k {sizes} run"
            yield Requirement(name=f"masks: {name}", met=not absent, detail=detail)
        if policy.needs.ks and policy.needs.random_masks:
            k = min(policy.needs.ks, key=lambda size: controls[name, size])
            fewest, needed = controls[name, k], policy.needs.random_masks
            yield Requirement(
                name=f"controls: {name}",
                met=fewest >= needed,
                detail=f"{fewest} different random masks at k {k}, {needed} needed",
            )


def _run(evidence: Evidence) -> Counter[tuple[str | None, int]]:
    """Selected masks that have trials, per selector and size."""
    prompts = measured_prompts(evidence)
    run = {mask for mask, prompt, _ in cells(evidence.trials) if prompt in prompts}
    return Counter(
        (m.selector, m.k) for m in evidence.masks if m.arm == "selected" and m.name in run
    )


def _controls(evidence: Evidence, selector: str, k: int) -> int:
    """Different random masks as the metrics count them, with trials of all regular prompts.

    Of those prompts that were to be run, where the selected mask may have stopped early. One that
    holds a selected expert is no control: its loss is the selected mask's own.
    """
    regular = {i for i, name in measured_prompts(evidence).items() if name == "regular"}
    stop = stop_under(evidence, f"{selector}-k{k}", "regular")
    regular = regular if stop is None else set(run_of(evidence, stop))
    table = outcome_table(evidence)
    columns = [i for i, prompt in enumerate(table.prompts) if prompt in regular]
    chosen = {
        m.fold: set(m.experts)
        for m in evidence.masks
        if m.arm == "selected" and (m.selector, m.k) == (selector, k)
    }
    overlapping = {
        m.label
        for m in evidence.masks
        if m.arm == "control"
        and (m.selector, m.k) == (selector, k)
        and chosen.get(m.fold, set()) & {*m.experts}
    }
    return sum(
        bool((table.outcomes[table.masks[mask.label], columns] >= 0).all())
        for mask in control_masks(evidence, selector, k)
        if mask.label not in overlapping
    )
