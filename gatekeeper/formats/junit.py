"""The rules as JUnit test cases, for the test views of CI systems.

| in the verdict | in JUnit |
|---|---|
| pass | passed |
| blocking rule fails | failure |
| blocking rule inconclusive, need of the policy unmet | error: it could not be decided |
| waived | skipped, with the waiver |
| warning rule that does not pass | skipped, with the warning: it must not turn a build red |
| the same under `--fail-on warn` | failure |

A verdict that is not a pass has at least one failure or error, and one that is has none, so that a
build that looks at this file alone answers as the exit code does.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from gatekeeper.records.plugins import Format
from gatekeeper.report.parts import ReportView, RuleRow
from gatekeeper.report.properties import verdict_properties
from gatekeeper.report.text import clean

if TYPE_CHECKING:
    from junitparser import TestCase
    from junitparser.junitparser import FinalResult


def render(view: object, attachments: Mapping[str, bytes]) -> bytes:
    """One test case per rule and per need of the policy."""
    from junitparser import JUnitXml, TestSuite

    assert isinstance(view, ReportView)  # noqa: S101 - narrows the plugin interface
    suite = TestSuite(f"gatekeeper.{view.policy.id}")
    suite.timestamp = view.document.created.strftime("%Y-%m-%dT%H:%M:%S")
    for name, value in verdict_properties(view):
        suite.add_property(name, value)
    suite.add_testcases(_cases(view))
    document = JUnitXml("gatekeeper")
    document.add_testsuite(suite)
    document.update_statistics()  # type: ignore[no-untyped-call]
    # Jenkins' schema has it on each suite only.
    del document._elem.attrib["skipped"]
    data: bytes = document.tostring()  # type: ignore[no-untyped-call]
    return data


def _cases(view: ReportView) -> list[TestCase]:
    from junitparser import Error, Failure, TestCase

    cases = []
    red = 0
    for row in view.rules:
        case = TestCase(row.id, f"gatekeeper.{view.policy.id}", 0.0)
        problem = _problem(row, view)
        if problem is not None:
            case.result = [problem]
            red += isinstance(problem, Error | Failure)
        cases.append(case)
    for need in view.requirements:
        case = TestCase(clean(need.name, 120), f"gatekeeper.{view.policy.id}.needs", 0.0)
        if not need.met:
            case.result = [_told(Error(clean(need.detail, 400), "unmet"))]
            red += 1
        cases.append(case)
    if view.verdict.result != "pass" and not red:
        case = TestCase("verdict", f"gatekeeper.{view.policy.id}", 0.0)
        case.result = [_told(Error(clean(view.verdict.summary, 800), view.verdict.result))]
        cases.append(case)
    return cases


def _problem(row: RuleRow, view: ReportView) -> FinalResult | None:
    from junitparser import Error, Failure, Skipped

    if row.result == "pass":
        return None
    if row.result == "waived":
        waivers = " ".join(waiver.text for waiver in row.waivers if waiver.applied)
        return _told(Skipped(f"{row.explanation} {waivers}".strip(), "waived"))
    if not view.verdict.blocks(row.outcome):
        return _told(Skipped(view.words("console.warning", text=row.explanation), "warning"))
    kind = Failure if row.result == "fail" or not row.outcome.blocking else Error
    return _told(kind(f"{row.explanation} {row.remedy}".strip(), row.result))


def _told(result: FinalResult) -> FinalResult:
    """The result with its message as text too: GitLab shows the text, Jenkins both."""
    result.text = result.message
    return result


FORMAT = Format(
    id="junit", title="JUnit XML: a test case per rule", filename="junit.xml", render=render
)
