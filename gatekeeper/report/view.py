"""Evidence, verdict and policy to a ReportView: pure, and the only maker of one."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, time

from gatekeeper.records.compared import Compared
from gatekeeper.records.evidence import Evidence
from gatekeeper.records.policy import Policy
from gatekeeper.records.suite import SETS
from gatekeeper.records.verdict import Verdict
from gatekeeper.report.annex import build_annex
from gatekeeper.report.certainty import build_certainty, build_conditions
from gatekeeper.report.compared import build_compared, loosened_text
from gatekeeper.report.corrected import build_corrected
from gatekeeper.report.corrected_parts import GivenCard
from gatekeeper.report.curve import build_curve
from gatekeeper.report.curve_parts import Curve
from gatekeeper.report.disclosure import Disclosed, Disclosure, disclose
from gatekeeper.report.doses import build_doses
from gatekeeper.report.executive_summary import build_summary
from gatekeeper.report.facts import (
    build_method,
    build_provenance,
    group_rows,
    model_facts,
    policy_facts,
)
from gatekeeper.report.frames import build_frames
from gatekeeper.report.headline import build_headline
from gatekeeper.report.measured import Outcomes, mask_name, masked_rate, rate, unmasked_name
from gatekeeper.report.noted import noted, on_page_two
from gatekeeper.report.parts import DEFAULT_LAYOUT, DocumentFacts, Layout, ReportView, SetRates
from gatekeeper.report.positive import positive_text
from gatekeeper.report.retold import retold, retold_findings
from gatekeeper.report.rules import build_rules, set_title, warning_texts
from gatekeeper.report.test_plan import build_test_plan
from gatekeeper.report.text import clean
from gatekeeper.report.wording import Wording, load_wording


def build_view(
    evidence: Evidence,
    verdict: Verdict,
    policy: Policy,
    level: Disclosure = Disclosure.COMMITTEE,
    lang: str = "en",
    created: datetime | None = None,
    card: GivenCard | None = None,
    layout: Layout = DEFAULT_LAYOUT,
    compared: Compared | None = None,
) -> ReportView:
    """Everything a report of `level` may show.

    Args:
        created: date of the document; by default when the audit finished, and failing that the
            day the verdict was made for. Never the time of the call.
        card: of the judge of the evidence; rates are then shown corrected too.
        layout: template and paper; those of the user are read when the report is rendered.
        compared: this audit beside that of the last release.

    Raises:
        UsageError: there is no wording for `lang`.
    """
    disclosed = disclose(evidence, level)
    return view_of(disclosed, verdict, policy, lang, created, card, layout, compared)


def view_of(
    disclosed: Disclosed,
    verdict: Verdict,
    policy: Policy,
    lang: str = "en",
    created: datetime | None = None,
    card: GivenCard | None = None,
    layout: Layout = DEFAULT_LAYOUT,
    compared: Compared | None = None,
) -> ReportView:
    """A view of disclosed evidence, as `build_view`; what its level withholds never comes here."""
    words, level = load_wording(lang), disclosed.level
    warnings, said = verdict.warnings, noted(verdict.warnings)
    evidence, verdict = retold_findings(disclosed.evidence, words), retold(verdict, words)
    outcomes = Outcomes.of(evidence)
    curve = build_curve(evidence, verdict, outcomes)
    rules = build_rules(verdict, policy, words)
    unmasked = unmasked_name(evidence)
    masked = mask_name(evidence, curve.worst, curve.k) if curve else None
    facts, method = policy_facts(policy), build_method(evidence, words)
    return ReportView(
        level=level,
        words=words,
        layout=layout,
        document=_document(evidence, verdict, level, words, created, card, layout, compared),
        verdict=verdict,
        headline=build_headline(verdict, words),
        model=model_facts(evidence, words),
        policy=facts,
        summary=build_summary(
            evidence,
            verdict,
            rules,
            curve,
            words,
            (
                *build_certainty(
                    curve, method, card, evidence.settings.max_new_tokens, verdict, said, words
                ),
                *_since(compared, words),
            ),
            build_conditions(verdict, facts, clean(evidence.settings.dtype, 30), words),
            said.uneven,
        ),
        curve=curve,
        doses=build_doses(evidence, curve.worst if curve else None),
        sets=_sets(evidence, curve, words),
        selectors=disclosed.selectors,
        roles=disclosed.roles,
        environments=disclosed.environments,
        rules=rules,
        warnings=warning_texts(rules, verdict, words),
        summed_up=frozenset(words.told(w) for w in warnings if on_page_two(w)),
        requirements=verdict.requirements,
        categories=group_rows(outcomes, lambda p: p.category, unmasked, masked),
        languages=group_rows(outcomes, lambda p: p.language, unmasked, masked),
        method=method,
        provenance=build_provenance(evidence, words),
        findings=evidence.findings,
        annex=build_annex(disclosed, unmasked, masked),
        matches=disclosed.matches,
        corrected=build_corrected(evidence, verdict, curve, card, words),
        positive=positive_text(evidence, words),
        plan=build_test_plan(evidence, policy, disclosed.selectors, words),
        compared=build_compared(
            compared, verdict.headline, [(row.outcome.rule.id, row.title) for row in rules], words
        ),
        frames=build_frames([(row.id, row.result, row.controls) for row in rules], words),
    )


def _since(compared: Compared | None, words: Wording) -> tuple[str, ...]:
    """What page two says of the last release: that there is none, or that the policy is looser."""
    if compared is None:
        return (words("compared.none_short"),)
    loosened = loosened_text(compared, words)
    return (loosened,) if loosened else ()


def _document(
    evidence: Evidence,
    verdict: Verdict,
    level: Disclosure,
    words: Wording,
    created: datetime | None,
    card: GivenCard | None,
    layout: Layout,
    compared: Compared | None,
) -> DocumentFacts:
    parts = [verdict.evidence_digest, verdict.policy_digest, str(verdict.judged_on), level]
    parts += [words.lang, *([] if card is None else [card.digest])]
    parts += [] if verdict.fail_on == "block" else [verdict.fail_on]
    parts += [] if verdict.waivers_digest is None else [verdict.waivers_digest]
    parts += [] if layout == DEFAULT_LAYOUT else [layout.template, layout.paper]
    if compared is not None:
        policy = "" if compared.policy is None else compared.policy.digest
        parts += [compared.evidence, policy]
    digest = hashlib.sha256("\n".join(parts).encode()).hexdigest().upper()
    if created is None:
        created = (
            evidence.times.finished
            if evidence.times
            else datetime.combine(verdict.judged_on, time(), UTC)
        )
    name = clean(evidence.checkpoint.source, 80)
    return DocumentFacts(
        id=f"GK-{digest[:4]}-{digest[4:8]}-{digest[8:12]}",
        title=words("document.title", model=name),
        created=created.astimezone(UTC),
        tool_version=clean(evidence.tool_version, 40),
    )


def _sets(evidence: Evidence, curve: Curve | None, words: Wording) -> tuple[SetRates, ...]:
    rows = []
    for name in SETS:
        at = (name, curve.worst, curve.k) if curve else None
        row = SetRates(
            set=name,
            title=set_title(name, words),
            unmasked=rate(evidence, name),
            masked=masked_rate(evidence, *at) if at else None,
            degenerate_unmasked=rate(evidence, name, metric="degenerate-rate"),
            degenerate_masked=(
                masked_rate(evidence, *at, metric="degenerate-rate") if at else None
            ),
        )
        if row.unmasked or row.masked:
            rows.append(row)
    return tuple(rows)
