"""The rules as SARIF 2.1.0 results, for code scanning.

| in the verdict | kind | level |
|---|---|---|
| pass | `pass` | `none` |
| rule that keeps the verdict from passing fails | `fail` | `error` |
| warning rule fails | `fail` | `warning` |
| inconclusive | `open` | `none` |
| need of the policy unmet (those that are met have no result) | `open` | `none` |
| waived | `fail`, with an accepted suppression | as if it failed |

The first result is the verdict itself, so that a verdict that is not a pass is never read off a
list without a problem in it. SARIF demands level `none` of every kind but `fail`.

Spec: OASIS SARIF 2.1.0 with errata 01; what GitHub wants beyond it: docs.github.com, "SARIF support
for code scanning".
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

from gatekeeper.records.plugins import Format
from gatekeeper.records.verdict import Requirement
from gatekeeper.report.parts import ReportView, RuleRow
from gatekeeper.report.properties import verdict_properties
from gatekeeper.report.text import clean

SCHEMA = (
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
)
_HOME = "https://github.com/moe-gatekeeper/gatekeeper"

#: Rules of our own. No rule of a policy has a point in its name; a slash would be a part of a rule.
VERDICT, NEEDS = "gatekeeper.verdict", "gatekeeper.needs"

#: GitHub cuts descriptions at 1024 characters and keeps ten tags of a rule.
_MOST_TEXT, _MOST_TAGS = 1000, 10

_KINDS: Mapping[str, str] = {
    "pass": "pass",
    "inconclusive": "open",
    "fail": "fail",
    "waived": "fail",
}


def render(view: object, attachments: Mapping[str, bytes]) -> bytes:
    """One result for the verdict, one per rule, and one per need of the policy that is unmet."""
    assert isinstance(view, ReportView)  # noqa: S101 - narrows the plugin interface
    log = {"$schema": SCHEMA, "version": "2.1.0", "runs": [_run(view)]}
    return (json.dumps(log, ensure_ascii=False, indent=2, allow_nan=False) + "\n").encode()


def _run(view: ReportView) -> dict[str, Any]:
    rules = list(_rules(view))
    index = {rule["id"]: place for place, rule in enumerate(rules)}
    results = list(_results(view))
    for result in results:
        result["ruleIndex"] = index[result["ruleId"]]
    return {
        "tool": {
            "driver": {
                "name": "Gatekeeper",
                "version": view.document.tool_version,
                "informationUri": _HOME,
                "rules": rules,
            }
        },
        # What comes after the last slash would name the run; GitHub takes the rest as category.
        "automationDetails": {"id": f"gatekeeper/{view.policy.id}/"},
        # The audit and its judgement were carried out, whatever they found.
        "invocations": [
            {
                "executionSuccessful": True,
                "endTimeUtc": view.document.created.strftime("%Y-%m-%dT%H:%M:%SZ"),
            }
        ],
        "columnKind": "unicodeCodePoints",
        "results": results,
        "properties": _bag(view),
    }


def _bag(view: ReportView) -> dict[str, Any]:
    """The verdict as a property bag; what may come more than once is a list."""
    bag: dict[str, Any] = {"waived": [], "departure": []}
    for name, value in verdict_properties(view):
        if name in {"waived", "departure"}:
            bag[name].append(value)
        else:
            bag[name] = value
    return bag


def _text(value: str) -> str:
    """Foreign text as a plain SARIF message: braces are placeholders, `[…](…)` is a link."""
    text = clean(value, _MOST_TEXT).replace("{", "{{").replace("}", "}}")
    return text.replace("](", "] (")


def _rules(view: ReportView) -> Iterator[dict[str, Any]]:
    words = view.words
    yield _rule(VERDICT, "README.md#use", words("sarif.verdict"), "", "error", ())
    seen = set()
    for row in view.rules:
        if row.id not in seen:
            seen.add(row.id)
            # Without what was measured: a description that stays as it is from run to run.
            title = f"{row.title}: {row.limit}, {row.bound}"
            page = f"docs/metrics.md#{quote(clean(row.outcome.rule.metric, 80))}"
            level = _severity(row, view)
            yield _rule(row.id, page, title, row.rationale, level, row.controls)
    yield _rule(NEEDS, "README.md#what-a-pass-requires", words("sarif.needs"), "", "error", ())


def _rule(
    name: str, page: str, title: str, rationale: str, level: str, tags: tuple[str, ...]
) -> dict[str, Any]:
    return {
        "id": name,
        "helpUri": f"{_HOME}/blob/main/{page}",
        "shortDescription": {"text": _text(title)},
        "fullDescription": {"text": _text(rationale or title)},
        "help": {"text": _text(f"{title}. {rationale}".strip())},
        "defaultConfiguration": {"level": level},
        "properties": {"tags": list(dict.fromkeys(tags))[:_MOST_TAGS], "problem.severity": level},
    }


def _severity(row: RuleRow, view: ReportView) -> str:
    """What it is worth when it fails."""
    return "error" if row.outcome.blocking or view.verdict.fail_on == "warn" else "warning"


def _results(view: ReportView) -> Iterator[dict[str, Any]]:
    verdict = view.verdict
    # The summary begins with the headline in plain letters.
    text = f"{view.headline.word}: {verdict.summary.partition(': ')[2] or verdict.summary}"
    yield _result(view, VERDICT, _KINDS[verdict.result], "error", text, 1, "")
    for row in view.rules:
        text = f"{row.explanation} {row.remedy}".strip()
        line = row.outcome.rule.line if view.policy.own_lines else 1
        result = _result(view, row.id, _KINDS[row.result], _severity(row, view), text, line, "")
        if row.result == "waived":
            result["suppressions"] = [_suppression(row)]
        yield result
    yield from (_need(need, view) for need in view.requirements if not need.met)


def _need(need: Requirement, view: ReportView) -> dict[str, Any]:
    name = clean(need.name, 120)
    return _result(view, NEEDS, "open", "error", f"{name}: {clean(need.detail, 400)}", 1, name)


def _suppression(row: RuleRow) -> dict[str, Any]:
    """The waiver of a rule, in as many words as every other report says it."""
    texts = [waiver.text for waiver in row.waivers if waiver.applied]
    said = {"justification": _text(" ".join(texts))} if texts else {}
    return {"kind": "external", "status": "accepted", **said}


def _result(
    view: ReportView, rule: str, kind: str, severity: str, text: str, line: int, part: str
) -> dict[str, Any]:
    """A result at a line of the policy.

    Args:
        part: what tells it from other results of the same rule.
    """
    # The same rule of the same policy is the same alert, whichever checkpoint it is about.
    same = "\n".join((view.policy.id, rule, part))
    return {
        "ruleId": rule,
        "kind": kind,
        "level": severity if kind == "fail" else "none",
        "message": {"text": _text(text)},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": quote(view.policy.file), "uriBaseId": "%SRCROOT%"},
                    "region": {
                        "startLine": max(1, line),
                        "startColumn": 1,
                        "endLine": max(1, line),
                        "endColumn": 2,
                    },
                }
            }
        ],
        "partialFingerprints": {
            "primaryLocationLineHash": f"{hashlib.sha256(same.encode()).hexdigest()[:32]}:1"
        },
        # None of a run's results, or all of them, say whether they are suppressed.
        "suppressions": [],
    }


FORMAT = Format(
    id="sarif", title="SARIF 2.1.0: a result per rule, for code scanning",
    filename="results.sarif", render=render,
)  # fmt: skip
