from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import yaml

from gatekeeper.formats import eval_results
from gatekeeper.records.finding import Missing
from gatekeeper.report.view import build_view
from tests.typed import some

from ..report.synthetic import audit
from .rendered import rendered, view


def _entries(data: bytes) -> Any:
    return yaml.safe_load(data)


@pytest.mark.parametrize("kind", ["fail", "pass", "inconclusive"])
def test_the_hubs_own_library_reads_it(kind: str) -> None:
    hub = pytest.importorskip("huggingface_hub")
    data = _entries(rendered("eval-results", kind))
    entries = hub.parse_eval_result_entries(data)
    assert hub.eval_result_entries_to_yaml(entries) == data
    assert [entry.task_id for entry in entries] == [row.id for row in view(kind).rules]
    for entry, row in zip(entries, view(kind).rules, strict=True):
        assert entry.dataset_id == "synthetic-suite"
        assert entry.value == some(row.outcome.largest).value
        assert entry.date == "2026-11-22"


@pytest.mark.parametrize(
    ("kind", "word"),
    [("fail", "FAILED"), ("pass", "PASSED BY EXCEPTION"), ("inconclusive", "INCONCLUSIVE")],
)
def test_file_and_each_note_begin_with_the_headline(kind: str, word: str) -> None:
    data = rendered("eval-results", kind)
    assert data.decode().splitlines()[0].startswith(f"# Gatekeeper: {word}")
    for entry, row in zip(_entries(data), view(kind).rules, strict=True):
        said, result, _ = entry["notes"].split("; ", 2)
        assert (said, result) == (word, f"{row.id}: {view(kind).words(f'result.{row.result}')}")
        assert row.interval in entry["notes"] and row.limit in entry["notes"]


def test_a_rule_without_a_number_has_no_entry() -> None:
    case = audit("inconclusive")
    first, *others = case.verdict.outcomes
    lacking = Missing(
        metric=first.rule.metric, version=1, subject=first.decisive.subject, reason="none"
    )
    lost = replace(first, decisive=lacking, others=())
    verdict = replace(case.verdict, outcomes=(lost, *others))
    data = eval_results.render(build_view(case.evidence, verdict, case.policy), {})
    assert [e["dataset"]["task_id"] for e in _entries(data)] == [o.rule.id for o in others]
    verdict = replace(case.verdict, outcomes=())
    data = eval_results.render(build_view(case.evidence, verdict, case.policy), {})
    assert _entries(data) == []
    assert data.startswith(b"# Gatekeeper: INCONCLUSIVE")
