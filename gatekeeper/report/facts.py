"""Model, policy, method and provenance in the words of a table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import PurePosixPath

from gatekeeper import catalog
from gatekeeper.records.environment import DIMENSIONS
from gatekeeper.records.evidence import AuditSettings, Evidence, PromptRef
from gatekeeper.records.finding import Finding, Missing
from gatekeeper.records.policy import Policy
from gatekeeper.records.suite import SETS
from gatekeeper.records.trials import cut
from gatekeeper.report.measured import Outcomes, find, share_refused
from gatekeeper.report.parts import (
    GroupRow,
    JudgeFacts,
    Method,
    ModelFacts,
    PolicyFacts,
    Provenance,
)
from gatekeeper.report.text import clean
from gatekeeper.report.wording import Wording


def model_facts(evidence: Evidence, words: Wording) -> ModelFacts:
    """The model and the checkpoint it was read from."""
    model, checkpoint = evidence.model, evidence.checkpoint
    shape = words("model.dense")
    if model.is_moe:
        experts = sorted({site.experts for site in model.sites})
        shape = words(
            "model.shape",
            layers=words.number(len(model.sites), 0),
            experts=words.enumerate([words.number(e, 0) for e in experts]),
            top_k=words.enumerate(
                [words.number(k, 0) for k in sorted({s.top_k for s in model.sites})]
            ),
        )
    rows = [
        ("architecture", clean(model.architecture, 80)),
        ("type", clean(model.model_type, 60)),
        ("routing", shape),
        ("routed", words.number(model.routed_experts, 0)),
        ("shared", words.number(sum(site.shared for site in model.sites), 0)),
        ("parameters", words.number(model.parameters, 0)),
        ("active", words.number(model.active_parameters, 0)),
        ("dtype", clean(model.dtype, 30)),
    ]
    if model.context_length:
        rows.append(("context", words.number(model.context_length, 0)))
    return ModelFacts(
        name=clean(checkpoint.source, 120),
        revision=clean(checkpoint.revision, 80) if checkpoint.revision else None,
        digest=checkpoint.digest,
        shape=shape,
        rows=tuple((words(f"model.{key}"), value) for key, value in rows),
    )


def policy_facts(policy: Policy) -> PolicyFacts:
    """The policy that was held against the evidence."""
    return PolicyFacts(
        id=clean(policy.id, 80),
        version=clean(policy.version, 40),
        title=clean(policy.title, 160),
        owner=clean(policy.owner, 100),
        review_by=policy.review_by,
        digest=policy.digest,
        tier=None if policy.tier is None else clean(policy.tier, 64),
        file=_policy_file(policy.source),
        own_lines=not policy.changes,
    )


def _policy_file(source: str) -> str:
    """The path of a policy as a repository has it; folders above it are nobody's business."""
    path = PurePosixPath(source.replace("\\", "/"))
    name = path.name if path.is_absolute() or ".." in path.parts or ":" in source else str(path)
    return clean(name, 300) or "policy.yaml"


def group_rows(
    outcomes: Outcomes,
    key: Callable[[PromptRef], str],
    unmasked: str,
    masked: str | None,
) -> tuple[GroupRow, ...]:
    """Refusal of the regular prompts, by category or language."""
    rows = []
    for name in sorted({key(p) for p in outcomes.prompts if p.set == "regular"}):

        def keep(prompt: PromptRef, name: str = name) -> bool:
            return prompt.set == "regular" and key(prompt) == name

        rows.append(
            GroupRow(
                name=clean(name, 60),
                unmasked=share_refused(outcomes, unmasked, keep),
                masked=share_refused(outcomes, masked, keep) if masked else None,
            )
        )
    return tuple(rows)


def build_method(evidence: Evidence, words: Wording) -> Method:
    """Judge, self-test, and everything that was left out, with the reason."""
    settings, skipped = evidence.settings, Counter[tuple[str, str]]()
    for prompt in evidence.suite.prompts:
        if prompt.skipped:
            skipped[words("method.prompts"), clean(words.told(prompt.skipped), 160)] += 1
    for name, reason in evidence.skipped_selectors.items():
        skipped[words("method.selector", name=clean(name, 60)), clean(words.told(reason), 160)] += 1
    for dimension in _untold_parts(evidence):
        what = words("method.environments", dimension=words(f"dimension.{dimension}"))
        skipped[what, words("method.few_seeds")] += 1
    missing = Counter(clean(f.reason, 160) for f in evidence.findings if isinstance(f, Missing))
    known = settings.judge in catalog.names("judge")
    judge = catalog.load("judge", settings.judge) if known else None
    return Method(
        judge=JudgeFacts(
            id=clean(settings.judge, 60),
            version=settings.judge_version,
            title=words.told(judge.title) if judge else clean(settings.judge, 60),
            languages=judge.languages if judge else (),
        ),
        self_test=evidence.self_test,
        skipped=tuple((what, why, n) for (what, why), n in sorted(skipped.items())),
        truncated=cut(evidence.trials),
        trials=len(evidence.trials),
        missing=tuple(sorted(missing.items())),
        second_judge=_second_judge(evidence, words),
    )


def _second_judge(evidence: Evidence, words: Wording) -> str:
    """Which second judge was asked and how far it agrees; nothing where there was none."""
    second = evidence.settings.second
    if second is None:
        return ""
    agreement = find(evidence, "judge-agreement", sets=(None,))
    whole = isinstance(agreement, Finding) and agreement.whole
    return words(
        "method.second_judge",
        asked=words("method.second_all" if whole else "method.second_some"),
        id=clean(second.judge, 60),
        version=second.version,
        agreement=words("number.none") if agreement is None else words.measured(agreement),
    )


def _untold_parts(evidence: Evidence) -> tuple[str, ...]:
    """Dimensions to part the suite by that have no finding; environments may be withheld here."""
    done = {f.subject.dimension for f in evidence.findings if f.metric == "environment-transfer"}
    return tuple(d for d in DIMENSIONS if evidence.settings.environments and d not in done)


def _chosen(settings: AuditSettings, words: Wording) -> list[tuple[str, str]]:
    chosen = [
        ("mode", f"{settings.mode}, {settings.phase}"),
        ("judge", f"{settings.judge} {settings.judge_version}"),
        *_second(settings, words),
        ("tokens", words.number(settings.max_new_tokens, 0)),
        *_reasoning(settings, words),
        ("rows", words.number(settings.batch_rows, 0)),
        ("dtype", settings.dtype),
        ("device", ", ".join(filter(None, (settings.device, settings.parallel)))),
        ("seed", str(settings.seed)),
        ("nonce", settings.nonce or words("number.none")),
        ("share", words.amount(settings.selection_share * 100, "%")),
        ("controls", words.number(settings.controls, 0)),
    ]
    if settings.cross_fit:
        chosen.append(("cross_fit", words("settings.yes")))
    if settings.sequential is not None:
        chosen.append(("sequential", settings.sequential))
    if settings.max_prompts is not None:
        chosen.append(("max_prompts", words.number(settings.max_prompts, 0)))
    return chosen


def _reasoning(settings: AuditSettings, words: Wording) -> list[tuple[str, str]]:
    """How reasoning was told from replies; nothing in evidence made before it was."""
    reasoning = settings.reasoning
    if reasoning is None:
        return []
    marks = [" ".join(reasoning.marks)] if reasoning.marks else []
    shown = (words.number(reasoning.max_tokens, 0), reasoning.thinking, *marks)
    return [("reasoning", words("number.semicolon").join(shown))]


def _second(settings: AuditSettings, words: Wording) -> list[tuple[str, str]]:
    second = settings.second
    if second is None:
        return []
    sample = words.number(second.sample, 0)
    return [("second", f"{second.judge} {second.version}; {sample}")]


def build_provenance(evidence: Evidence, words: Wording) -> Provenance:
    """Which bytes, which software, which settings."""
    settings, suite = evidence.settings, evidence.suite
    about = [
        ("id", suite.id),
        ("version", suite.version),
        ("title", suite.title),
        ("licence", suite.licence),
    ]
    files = evidence.checkpoint.files
    run = [p for p in suite.prompts if not p.skipped]
    return Provenance(
        files=tuple((clean(name, 120), files[name]) for name in sorted(files)),
        settings=tuple(
            (words(f"settings.{key}"), clean(value, 160)) for key, value in _chosen(settings, words)
        ),
        versions=tuple(
            (clean(name, 60), clean(version, 60))
            for name, version in sorted(settings.versions.items())
        ),
        suite_id=clean(suite.id, 64),
        suite_digest=suite.digest,
        suite_files=tuple((clean(name, 120), suite.files[name]) for name in sorted(suite.files)),
        metrics=tuple(
            clean(f"{name} {version}", 60) for name, version in sorted(settings.metrics.items())
        ),
        suite=tuple((words(f"suite.{key}"), clean(value, 160)) for key, value in about),
        prompts=tuple(
            (
                name,
                sum(p.set == name and p.selects for p in run),
                sum(p.set == name and p.measures for p in run),
            )
            for name in SETS
        ),
        audit=settings,
        times=evidence.times,
    )
