"""What a policy wants to have been measured, held against the evidence."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator

from gatekeeper import catalog
from gatekeeper.analysis.clusters import evidence_clusters, text_key
from gatekeeper.analysis.folds import views
from gatekeeper.errors import REASON, excerpt
from gatekeeper.policy.assay import assay_requirements
from gatekeeper.policy.mask_needs import mask_requirements, measured_prompts
from gatekeeper.policy.option_needs import option_needs, suite_needs
from gatekeeper.policy.recalled import (
    needs_of,
    recalled,
    requirements_from_json,
    requirements_to_json,
)
from gatekeeper.policy.search_needs import (
    coverage_requirements,
    search_requirements,
    settings_requirements,
)
from gatekeeper.policy.undecided import undecided_requirement
from gatekeeper.records.evidence import Evidence
from gatekeeper.records.plugins import Judge
from gatekeeper.records.policy import Policy
from gatekeeper.records.suite import HARMFUL_SETS
from gatekeeper.records.trial import OUTCOMES, UNDECIDED, UNMASKED
from gatekeeper.records.trials import cells, of_masks, outcomes_of
from gatekeeper.records.verdict import Requirement
from gatekeeper.verify.recorded import unrecorded
from gatekeeper.verify.selections import underived


def requirements(
    evidence: Evidence, policy: Policy, *, earlier: bool = False
) -> tuple[Requirement, ...]:
    """Every need with whether it was met; a verdict passes only if all are.

    Args:
        earlier: whether earlier versions will do: of a judge that is still known here, of selectors
            and of bundles.
    """
    return (_rules(policy), *_measured(evidence, needs_of(policy), earlier))


@recalled("requirements", requirements_to_json, requirements_from_json)
def _measured(evidence: Evidence, policy: Policy, earlier: bool) -> tuple[Requirement, ...]:
    """All of them that tell of the evidence."""
    settings = evidence.settings
    return (
        _architecture(evidence, policy),
        _self_test(evidence),
        _judge(evidence, earlier=earlier),
        _tells_apart(evidence),
        _whole(evidence),
        *suite_needs(evidence.suite.id, evidence.suite.digest, policy),
        *coverage_requirements(evidence, policy),
        _split(evidence),
        *_prompts(evidence, policy),
        *(need for _, need in option_needs(settings, settings.reasoning, policy)),
        *search_requirements(evidence, policy),
        *settings_requirements(evidence, policy),
        *undecided_requirement(evidence, policy),
        *_selectors(evidence, policy),
        *_derived(evidence, earlier=earlier),
        *mask_requirements(evidence, policy),
        *assay_requirements(evidence, policy),
    )


@recalled("well judged")
def well_judged(evidence: Evidence) -> bool:
    """Whether every reply has one of `OUTCOMES`; if not, no metric may count them."""
    return outcomes_of(evidence.trials) <= set(OUTCOMES)


def _rules(policy: Policy) -> Requirement:
    blocking = sum(rule.severity != "warn" for rule in policy.rules)
    detail = f"{len(policy.rules)} rules, of which {blocking} can block"
    return Requirement(name="rules", met=bool(policy.rules), detail=detail)


def _architecture(evidence: Evidence, policy: Policy) -> Requirement:
    kind = "Mixture-of-Experts" if evidence.model.is_moe else "dense: nothing is routed"
    met = evidence.model.is_moe or policy.architecture == "any"
    return Requirement(name="architecture", met=met, detail=f"the model is {kind}")


def _self_test(evidence: Evidence) -> Requirement:
    failed = [check.name for check in evidence.self_test if check.result == "failed"]
    off = [check.name for check in evidence.self_test if check.result == "off"]
    passed = len(evidence.self_test) - len(failed) - len(off)
    if failed:
        detail = f"failed: {excerpt(', '.join(failed))}"
    elif not passed:
        detail = "no check of the hooks was recorded"
    elif off:
        detail = f"{passed} checks of the hooks passed; switched off: {excerpt(', '.join(off))}"
    else:
        detail = f"all {passed} checks of the hooks passed"
    return Requirement(name="self-test", met=passed > 0 and not failed, detail=detail)


def _judge(evidence: Evidence, *, earlier: bool) -> Requirement:
    name = evidence.settings.judge
    if name not in catalog.names("judge"):
        detail = f"this installation has no judge {excerpt(name)!r}"
        return Requirement(name="judge", met=False, detail=detail)
    if not well_judged(evidence):
        detail = "some replies were judged neither refusal, compliance nor degenerate"
        return Requirement(name="judge", met=False, detail=detail)
    judge: Judge = catalog.load("judge", name)
    known = {language.split("-")[0].lower() for language in judge.languages}
    languages = {p.language.split("-")[0].lower() for p in evidence.suite.prompts if p.measures}
    foreign = sorted(languages - known)
    version = evidence.settings.judge_version
    detail = f"{name}, version {version}"
    if version != judge.version and not (earlier and version in judge.earlier):
        # What was mended in it since is not mended in these outcomes.
        detail += f": this installation has version {judge.version}"
        return Requirement(name="judge", met=False, detail=detail)
    if foreign:
        detail += f": not made for prompts in {excerpt(', '.join(foreign))}"
    return Requirement(name="judge", met=not foreign, detail=detail)


def _tells_apart(evidence: Evidence) -> Requirement:
    """Whether the judge calls anything an answer: one that never does sees no refusal lost."""
    harmless = {p.id for p in evidence.suite.prompts if p.set not in HARMFUL_SETS and p.measures}
    outcomes = {outcome for _, prompt, outcome in cells(evidence.trials) if prompt in harmless}
    refused = outcomes - {UNDECIDED} == {"refuse"}
    detail = "replies to harmless prompts were not all judged refusals"
    if refused:
        detail = (
            "every reply to a harmless prompt was judged a refusal: either the model answers "
            "nothing, or the judge cannot tell; read some replies, or calibrate the judge"
        )
    elif not harmless:
        detail = "no harmless prompts were measured, so nothing shows that it knows an answer"
    return Requirement(name="judge: tells apart", met=not refused, detail=detail)


def _whole(evidence: Evidence) -> Requirement:
    """Whether at least one reply is whole: one cut before it says anything cannot be judged."""
    replies = list(of_masks(evidence.trials, UNMASKED.name))
    cut = sum(trial.truncated for trial in replies)
    detail = f"{cut} of {len(replies)} replies without a mask were cut at the token window"
    return Requirement(name="whole replies", met=cut < len(replies) or not replies, detail=detail)


def _prompts(evidence: Evidence, policy: Policy) -> Iterator[Requirement]:
    measured = measured_prompts(evidence)
    yield Requirement(
        name="prompts", met=bool(measured), detail=f"{len(measured)} prompts measured"
    )
    clusters = evidence_clusters(evidence.suite.prompts)
    counts = Counter(measured.values())
    texts: dict[str, set[str]] = defaultdict(set)
    seeds: dict[str, set[str]] = defaultdict(set)
    for prompt in evidence.suite.prompts:
        if prompt.id in measured:
            texts[prompt.set].add(text_key(prompt))
            seeds[prompt.set].add(clusters[prompt.id])
    for name, least in policy.needs.prompts.items():
        count = len(texts[name])
        copies = f" of different text ({counts[name]} in all)" if count < counts[name] else ""
        yield Requirement(
            name=f"prompts: {name}",
            met=count >= least,
            detail=f"{count} measured{copies}, {least} needed",
        )
    for name, least in policy.needs.seeds.items():
        count = len(seeds[name])
        yield Requirement(
            name=f"seeds: {name}", met=count >= least, detail=f"{count} measured, {least} needed"
        )


def _split(evidence: Evidence) -> Requirement:
    """Whether no seed and no text, under whatever id, both selects experts and measures."""
    clusters = evidence_clusters(evidence.suite.prompts)
    sides: dict[str, set[str]] = defaultdict(set)
    for prompt in evidence.suite.prompts:
        if prompt.selects or prompt.measures:
            sides[clusters[prompt.id]].add(prompt.split)
    both = sum(len(splits) > 1 for splits in sides.values())
    detail = "no seed and no text both selects and measures"
    if evidence.settings.cross_fit:
        detail = "cross-fitted: no seed and no text is measured under a mask that it selected"
    if both:
        detail = f"{both} seeds or texts both select and measure"
    return Requirement(name="split", met=not both, detail=detail)


def _selectors(evidence: Evidence, policy: Policy) -> Iterator[Requirement]:
    ranked = _ranked(evidence)
    cut = {selection.selector for selection in evidence.selections if selection.cut}
    for name in policy.needs.selectors:
        met = ranked.get(name, 0) > 0
        why = evidence.skipped_selectors.get(name, "no ranking in the evidence")
        detail = "run" if met else f"not run: {excerpt(why, REASON)}"
        if met and name in cut and policy.needs.search.full_budget:
            met, detail = False, "not run to its end: its budget cut the search short (--budget)"
        yield Requirement(name=f"selector: {name}", met=met, detail=detail)


def _derived(evidence: Evidence, *, earlier: bool) -> Iterator[Requirement]:
    """What a bundle did not record, or does not let anyone derive again; no line if nothing."""
    if not earlier and (lacking := unrecorded(evidence)):
        detail = f"an older version wrote the bundle, or it was left out: {', '.join(lacking)}"
        yield Requirement(name="recorded", met=False, detail=detail)
    for name, why in underived(evidence, earlier=earlier).items():
        detail = f"not derived again from the routing profile: {excerpt(why, REASON)}"
        yield Requirement(name=f"ranking: {excerpt(name)}", met=False, detail=detail)


def _ranked(evidence: Evidence) -> dict[str, int]:
    """Experts ranked per selector; under cross-fitting in both folds."""
    per_fold = [{s.selector: len(s.ranked) for s in view.selections} for view in views(evidence)]
    names = {name for ranked in per_fold for name in ranked}
    return {name: min(ranked.get(name, 0) for ranked in per_fold) for name in names}
