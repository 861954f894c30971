"""The numbers that rules are about, as the Hugging Face Hub's `.eval_results/*.yaml`.

An entry there is a value of a task of a dataset, and a note. It has no word for a limit or a
verdict, so each note begins with the verdict's headline and the rule's result, and a rule without
a number has no entry. Task ids are the policy's rule ids.

Format: huggingface.co/docs/hub/eval-results; the Hub publishes no schema of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import yaml

from gatekeeper.records.finding import Finding
from gatekeeper.records.plugins import Format
from gatekeeper.report.parts import ReportView, RuleRow
from gatekeeper.report.properties import verdict_properties
from gatekeeper.report.text import clean


def render(view: object, attachments: Mapping[str, bytes]) -> bytes:
    """The verdict as comments, then an entry per rule that has a number."""
    assert isinstance(view, ReportView)  # noqa: S101 - narrows the plugin interface
    head = [f"# Gatekeeper: {view.headline.line}", "#"]
    head += [f"# {name}: {value}" for name, value in verdict_properties(view)]
    for need in view.requirements:
        if not need.met:
            name, detail = clean(need.name, 120), clean(need.detail, 400)
            head.append("# " + view.words("console.unmet", name=name, detail=detail))
    head += [f"# {view.words('eval_results.dataset')}", ""]
    entries = list(_entries(view))
    body: str = yaml.safe_dump(entries, sort_keys=False, allow_unicode=True, width=100)
    return ("\n".join(head) + body).encode()


def _entries(view: ReportView) -> Iterator[dict[str, Any]]:
    for row in view.rules:
        finding = row.outcome.largest
        if finding is not None:
            yield {
                "dataset": {"id": view.provenance.suite_id, "task_id": row.id},
                "value": finding.value,
                "date": view.document.created.date().isoformat(),
                "notes": _notes(row, finding, view),
            }


def _notes(row: RuleRow, finding: Finding, view: ReportView) -> str:
    words = view.words
    parts = (
        f"{view.headline.word}; {row.id}: {words(f'result.{row.result}')}",
        f"{row.title} ({row.subject}): {words.estimate(finding)}",
        words("eval_results.limit", limit=row.limit),
        words("cover.policy_line", id=view.policy.id, version=view.policy.edition),
        view.model.digest,
    )
    return clean("; ".join(parts), 900)


FORMAT = Format(
    id="eval-results", title="Hugging Face .eval_results: the numbers behind the rules",
    filename="eval-results.yaml", render=render,
)  # fmt: skip
