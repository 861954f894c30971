"""Measures again what of a disclosed record follows from its outcomes."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from gatekeeper import catalog, metrics
from gatekeeper.errors import EvidenceError
from gatekeeper.evidence.wire_findings import finding_from_json, finding_to_json
from gatekeeper.records.evidence import Evidence
from gatekeeper.records.finding import Finding, Missing
from gatekeeper.verify.same import same_data

#: Metrics that follow from outcomes alone, without experts, routing or replies.
FROM_OUTCOMES = frozenset(
    {
        "category-refusal-rate",
        "category-worst-case",
        "degenerate-rate",
        "gross-refusal-loss",
        "language-worst-case",
        "noise-floor",
        "over-refusal-change",
        "positive-control",
        "refusal-drop",
        "refusal-rate",
        "refusals-broken",
        "worst-mask-drop",
        "wrapper-worst-case",
    }
)
_CONFIDENCE = 0.95
_MEASURED = re.compile(r"measured ([\w-]+)/(\d+) \S+ (\S+)")
_OF_METRIC = re.compile(
    r"(?:measured|measured otherwise|readings|second judge|told otherwise) ([\w-]+)/"
)
#: Questions beside a number itself, which is measured again and compared.
_BESIDE = re.compile(r"(?:measured otherwise|readings|second judge|told otherwise) ([\w-]+)/")
_REMEDY = "do not trust this report; get it again from where it was written"


def recheck_findings(evidence: Evidence, where: str) -> tuple[int, set[str]]:
    """Measures the findings of a disclosed record again.

    Returns:
        How many agree, and the metrics that cannot be measured from what is there.

    Raises:
        EvidenceError: one does not follow, or lacks.
    """
    named = evidence.settings.metrics
    known = {id_ for id_ in FROM_OUTCOMES & {*catalog.names("metric")} if _is_current(id_, named)}
    stored = {_key(f): f for f in evidence.findings if f.metric in known}
    due = {
        (id_, subject.items()): subject
        for id_ in sorted(known)
        for subject in catalog.load("metric", id_).subjects(evidence)
    }
    if stored.keys() != due.keys() or len(stored) != sum(
        f.metric in known for f in evidence.findings
    ):
        _refuse("the findings are not those that its outcomes give", where)
    for key, subject in due.items():
        metric = catalog.load("metric", key[0])
        _hold(stored[key], metrics.measured(metric, evidence, subject, _CONFIDENCE), where)
    return len(due), {f.metric for f in evidence.findings} - known


def recheck_answers(
    evidence: Evidence, answers: Mapping[str, Any], where: str
) -> tuple[int, set[str]]:
    """Measures again what the verdict asked, as far as it follows from outcomes.

    Returns:
        How many agree, and in words what is believed.

    Raises:
        EvidenceError: one does not follow.
    """
    count, believed = 0, set[str]()
    for question, answer in sorted(answers.items()):
        parts = _MEASURED.fullmatch(question)
        if parts is None or parts[1] not in FROM_OUTCOMES:
            believed.add(_kind(question))
            continue
        try:
            told, confidence = finding_from_json(answer), float(parts[3])
            again = metrics.measured(
                catalog.load("metric", parts[1]), evidence, told.subject, confidence
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise EvidenceError("not what a verdict asks", where=where, remedy=_REMEDY) from error
        subject = ",".join(f"{key}={value}" for key, value in told.subject.items()) or "-"
        if question.split(" ", 2)[2].rsplit(" ", 1)[0] != subject:
            _refuse("an answer is of another question", where)
        _hold(told, again, where)
        count += 1
    return count, believed - {""}


def follows(question: str) -> bool:
    """Whether disclosed outcomes answer it, and nothing compares an answer in a report."""
    of_metric = _BESIDE.match(question)
    return of_metric is not None and of_metric[1] in FROM_OUTCOMES


def _kind(question: str) -> str:
    """What a question is about, in a word or two; empty for what other checks cover."""
    of_metric = _OF_METRIC.match(question)
    if of_metric:
        return "" if of_metric[1] in FROM_OUTCOMES else of_metric[1]
    return "needs of the policy" if question.startswith("requirements") else ""


def _is_current(metric: str, named: Mapping[str, int]) -> bool:
    version: int = catalog.load("metric", metric).version
    return named.get(metric, version) == version


def _hold(told: Finding | Missing, again: Finding | Missing, where: str) -> None:
    a, b = (json.loads(json.dumps(finding_to_json(one))) for one in (told, again))
    if not same_data(a, b):
        _refuse(f"a number of {told.metric} does not follow from the disclosed outcomes", where)


def _key(finding: Finding | Missing) -> tuple[str, tuple[tuple[str, str | float], ...]]:
    return finding.metric, finding.subject.items()


def _refuse(what: str, where: str) -> None:
    raise EvidenceError(what, where=where, remedy=_REMEDY)
