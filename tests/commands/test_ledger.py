"""How many audits of a checkpoint an output directory has seen."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from gatekeeper.commands._ledger import counted
from gatekeeper.errors import AuditError
from gatekeeper.policy.evaluate import evaluate
from gatekeeper.records.bundle_files import LEDGER
from gatekeeper.records.evidence import Evidence
from tests.evidence.whole import whole_evidence
from tests.policy.builders import TODAY, make_policy, make_rule

EVIDENCE = whole_evidence()


def seeded(seed: int) -> Evidence:
    return replace(EVIDENCE, settings=replace(EVIDENCE.settings, seed=seed))


def count(out: Path, evidence: Evidence) -> tuple[int, tuple[int, ...]]:
    times = counted(out, evidence).times
    assert times is not None
    return times.audits, times.seeds


def test_audits_are_counted_and_the_same_one_once(tmp_path: Path) -> None:
    assert count(tmp_path, seeded(0)) == (1, (0,))
    assert count(tmp_path, seeded(0)) == (1, (0,))
    assert count(tmp_path, seeded(7)) == (2, (0, 7))
    assert len((tmp_path / LEDGER).read_text().splitlines()) == 2


def test_other_checkpoints_are_not_counted(tmp_path: Path) -> None:
    count(tmp_path, seeded(0))
    other = replace(seeded(1), checkpoint=replace(EVIDENCE.checkpoint, files={"b": "1" * 64}))
    assert count(tmp_path, other) == (1, (1,))


@pytest.mark.parametrize(
    "line",
    ["not json", "[1]", "{}", '{"audit": 1, "checkpoint": "x", "seed": 0}', "[" * 100_000,
     *(json.dumps({"audit": "x", "checkpoint": EVIDENCE.checkpoint.digest, "seed": seed})
       for seed in (True, -1, 10**30, 1.0)),
     json.dumps({"audit": "x", "checkpoint": EVIDENCE.checkpoint.digest, "seed": 1})[:-1]
     + ', "seed": 2}'],
)  # fmt: skip
def test_a_line_that_is_no_entry_is_an_audit_and_left_where_it_is(
    tmp_path: Path, line: str
) -> None:
    (tmp_path / LEDGER).write_text(line + "\n")
    assert count(tmp_path, seeded(0)) == (2, (0,))
    assert count(tmp_path, seeded(0)) == (2, (0,))
    assert (tmp_path / LEDGER).read_text().startswith(line + "\n")


def test_an_audit_after_a_line_that_was_cut_off_is_not_lost(tmp_path: Path) -> None:
    for seed in (0, 7):
        count(tmp_path, seeded(seed))
    ledger = tmp_path / LEDGER
    ledger.write_bytes(ledger.read_bytes()[:-20])
    assert count(tmp_path, seeded(8)) == (3, (0, 8))
    assert count(tmp_path, seeded(9)) == (4, (0, 8, 9))
    assert len(ledger.read_text().splitlines()) == 4


def test_an_empty_line_is_no_audit(tmp_path: Path) -> None:
    (tmp_path / LEDGER).write_text("\n\n")
    assert count(tmp_path, seeded(0)) == (1, (0,))


def test_a_ledger_that_is_no_file_is_an_error(tmp_path: Path) -> None:
    (tmp_path / LEDGER).mkdir()
    with pytest.raises(AuditError, match="not a file"):
        counted(tmp_path, seeded(0))


def test_a_verdict_tells_that_there_were_others(tmp_path: Path) -> None:
    policy = make_policy(make_rule())
    first = evaluate(counted(tmp_path, seeded(0)), policy, TODAY)
    assert not any("audits of this checkpoint" in text for text in first.warnings)
    second = evaluate(counted(tmp_path, seeded(7)), policy, TODAY)
    assert any(
        text.startswith("2 audits of this checkpoint, under 2 seeds") for text in second.warnings
    )
