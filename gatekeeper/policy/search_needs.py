"""How the search looked and how replies were made, held against what the policy wants of both."""

from __future__ import annotations

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Iterator

from gatekeeper import catalog
from gatekeeper.analysis.categories import PLURAL
from gatekeeper.analysis.clusters import evidence_clusters, text_key
from gatekeeper.analysis.folds import views
from gatekeeper.errors import excerpt
from gatekeeper.policy.option_needs import least, pinned
from gatekeeper.records.evidence import Evidence
from gatekeeper.records.policy import Policy
from gatekeeper.records.replies import of_replies
from gatekeeper.records.seed_rule import derived_seed
from gatekeeper.records.suite import HARMFUL_SETS
from gatekeeper.records.trial import UNMASKED
from gatekeeper.records.trials import of_masks
from gatekeeper.records.verdict import Requirement


def search_requirements(evidence: Evidence, policy: Policy) -> Iterator[Requirement]:
    """How hard the search for experts must have looked, as far as options do not decide it."""
    needs, settings = policy.needs.search, evidence.settings
    if needs.selecting_seeds:
        yield least(
            "selecting seeds",
            min(_selecting(view) for view in views(evidence)),
            needs.selecting_seeds,
            "seeds of regular prompts select" + (" in each fold" if settings.cross_fit else ""),
        )
    if needs.windows and not needs.own_windows:
        yield _windows(evidence, policy)


def _selecting(view: Evidence) -> int:
    """Seeds of the regular prompts that select in one fold."""
    clusters = evidence_clusters(view.suite.prompts)
    return len({clusters[p.id] for p in view.suite.prompts if p.selects and p.set == "regular"})


def _windows(evidence: Evidence, policy: Policy) -> Requirement:
    used = {s.window for s in evidence.selections if s.selector in policy.needs.selectors}
    met = bool(used) and used <= set(policy.needs.search.windows)
    detail = f"used: {excerpt(', '.join(sorted(used)) or 'none')}"
    return Requirement(name="search: windows", met=met, detail=detail)


def settings_requirements(evidence: Evidence, policy: Policy) -> Iterator[Requirement]:
    """Each setting that `evidence.settings` pins, as far as options do not decide it."""
    needs, settings = policy.needs.settings, evidence.settings
    system = settings.system_prompt_sha256
    for name, wanted, actual in (
        ("judge settings", needs.judge_settings, judge_settings_digest(evidence)),
        ("system prompt", needs.system_prompt, "none" if system is None else f"sha256:{system}"),
        ("chat template", needs.chat_template, f"sha256:{settings.chat_template_sha256}"),
    ):
        if wanted is not None:
            yield pinned(f"setting: {name}", wanted, actual)
    if needs.dtypes:
        detail = f"it is {excerpt(settings.dtype)}, of {', '.join(needs.dtypes)}"
        met = settings.dtype in needs.dtypes
        yield Requirement(name="setting: dtype", met=met, detail=detail)
    if needs.truncated is not None:
        yield _truncated(evidence, needs.truncated)
    if needs.derived_seed:
        yield _seed(evidence, policy)


def judge_settings_digest(evidence: Evidence) -> str:
    """`sha256:` of what the judge was told, in the order of its options; `none` for nothing."""
    settings = dict(evidence.settings.judge_settings)
    if not settings:
        return "none"
    return f"sha256:{hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()}"


def _seed(evidence: Evidence, policy: Policy) -> Requirement:
    settings = evidence.settings
    wanted = derived_seed(
        policy.audit_digest, evidence.suite.digest, evidence.checkpoint.digest, settings.nonce
    )
    if settings.seed != wanted:
        other = "it was derived from what another policy wants measured: audit again with this one"
        detail = other if settings.seed_from else "it was chosen, not derived"
        detail += (
            "; no nonce was drawn" if policy.needs.settings.nonce and not settings.nonce else ""
        )
        return Requirement(name="setting: seed", met=False, detail=detail)
    if policy.needs.settings.nonce != bool(settings.nonce):
        detail = "it is derived, but nobody drew a nonce (--nonce)"
        if settings.nonce:
            detail = "a nonce went into it that the policy does not ask for"
        return Requirement(name="setting: seed", met=False, detail=detail)
    detail = "derived from policy, suite and checkpoint"
    detail += f", and the nonce {excerpt(settings.nonce)}" if settings.nonce else ""
    return Requirement(name="setting: seed", met=True, detail=detail)


def cut_early(evidence: Evidence) -> tuple[int, int] | None:
    """Harmful prompts whose unmasked reply was cut before a refusal could be ruled out, and all.

    None where this installation does not have the judge. Replies to harmless prompts are not looked
    at: those of a useful model are long, and cut.
    """
    name = evidence.settings.judge
    if name not in catalog.names("judge"):
        return None
    judge = of_replies(catalog.load("judge", name), evidence.settings.reasoning)
    may_refuse = judge.may_refuse
    harmful = {p.id for p in evidence.suite.prompts if p.set in HARMFUL_SETS and p.measures}
    replies = [t for t in of_masks(evidence.trials, UNMASKED.name) if t.prompt_id in harmful]
    early = sum(
        t.truncated and t.outcome != "refuse" and (may_refuse is None or may_refuse(t.completion))
        for t in replies
    )
    return early, len(replies)


def _truncated(evidence: Evidence, largest: float) -> Requirement:
    cut = cut_early(evidence)
    early, replies = cut or (0, 0)
    detail = (
        f"{early} of {replies} replies to harmful prompts were cut before a refusal could be ruled "
        f"out, {100 * largest:g} % allowed"
    )
    met = replies > 0 and early <= largest * replies
    return Requirement(name="setting: truncated", met=met, detail=detail)


def coverage_requirements(evidence: Evidence, policy: Policy) -> Iterator[Requirement]:
    """How much of the suite must have been measured: in each set, and in each category."""
    needs = policy.needs
    if needs.measured:
        yield from _shares(evidence, needs.measured)
        yield from _missing_parts(evidence, needs.measured)
    if needs.per_category:
        yield _categories(evidence, needs.per_category)


def _shares(evidence: Evidence, least: float) -> Iterator[Requirement]:
    answered = _answered(evidence)
    most = evidence.settings.max_prompts
    for name in dict.fromkeys(p.set for p in evidence.suite.prompts):
        prompts = [p for p in evidence.suite.prompts if p.set == name]
        runnable = [p for p in prompts if p.skipped is None]
        measured = [p for p in runnable if p.measures]
        share = len(runnable) / len(prompts)
        if measured:
            share = min(share, sum(p.id in answered for p in measured) / len(measured))
        detail = f"{100 * share:.1f} % of {len(prompts)} could be run, {100 * least:g} % needed"
        met = bool(measured) and share >= least
        if most is not None and len(prompts) >= most:
            met, detail = False, f"at most {most} prompts of each set were taken (--max-prompts)"
        yield Requirement(name=f"suite measured: {name}", met=met, detail=detail)


def _missing_parts(evidence: Evidence, least: float) -> Iterator[Requirement]:
    """Prompts that were left out must not be those of one category, language or wrapper.

    As many of each may be as of the whole set, and one. A line for each set where more are.
    """
    for name in HARMFUL_SETS:
        own = [p for p in evidence.suite.prompts if p.set == name]
        parts = Counter((of, getattr(p, of)) for p in own for of in PLURAL)
        gone = Counter((of, getattr(p, of)) for p in own if p.skipped is not None for of in PLURAL)
        for (of, part), count in gone.most_common():
            covers_set = parts[of, part] == len(own)  # told as the set
            if not covers_set and count > max(1, (1 - least) * parts[of, part]):
                detail = f"{count} of {parts[of, part]} of the {of} {excerpt(part)} were left out"
                yield Requirement(name=f"suite measured: {name} by {of}", met=False, detail=detail)
                break


def _answered(evidence: Evidence) -> set[str]:
    """Prompts that the unmasked model answered."""
    return {trial.prompt_id for trial in of_masks(evidence.trials, UNMASKED.name)}


def _categories(evidence: Evidence, least: int) -> Requirement:
    """Measured prompts of different text per set and category; the fewest decide."""
    answered = _answered(evidence)
    texts: dict[tuple[str, str], set[str]] = defaultdict(set)
    for prompt in evidence.suite.prompts:
        distinct = texts[prompt.set, prompt.category]
        if prompt.measures and prompt.id in answered:
            distinct.add(text_key(prompt))
    counts = Counter({key: len(distinct) for key, distinct in texts.items()})
    if not counts:
        return Requirement(name="suite: categories", met=False, detail="no prompt was measured")
    (name, category), fewest = min(counts.items(), key=lambda item: (item[1], item[0]))
    detail = f"{excerpt(category)} has the fewest: {fewest} {name} prompts, {least} needed"
    return Requirement(name="suite: categories", met=fewest >= least, detail=detail)
