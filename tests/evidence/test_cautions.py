"""What other loaders would take otherwise: kept in evidence, and said with every verdict on it."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from gatekeeper.errors import EvidenceError
from gatekeeper.evidence.bundle import read_bundle, write_bundle
from gatekeeper.policy.evaluate import evaluate
from tests.policy.builders import make_policy, make_rule

from .whole import whole_evidence

TOLD = "not applied: repetition_penalty of generation_config.json (1.1)"
TODAY = date(2026, 11, 29)


def test_round_trip_and_verdict(tmp_path: Path) -> None:
    evidence = replace(whole_evidence(), cautions=(TOLD, "x" * 900))
    write_bundle(evidence, tmp_path)
    read = read_bundle(tmp_path)
    assert read.cautions == evidence.cautions
    said = evaluate(read, make_policy(make_rule()), TODAY).warnings
    assert said[-2] == TOLD
    assert said[-1].startswith("xxx")
    assert len(said[-1]) == 400


def test_none_recorded_is_not_none_found(tmp_path: Path) -> None:
    write_bundle(whole_evidence(), tmp_path / "old")
    assert "cautions" not in json.loads((tmp_path / "old" / "evidence.json").read_text())
    assert read_bundle(tmp_path / "old").cautions is None
    write_bundle(replace(whole_evidence(), cautions=()), tmp_path / "new")
    assert read_bundle(tmp_path / "new").cautions == ()


def test_a_caution_cannot_write_to_the_terminal(tmp_path: Path) -> None:
    with pytest.raises(EvidenceError):
        write_bundle(replace(whole_evidence(), cautions=("\x1b[2J",)), tmp_path)
