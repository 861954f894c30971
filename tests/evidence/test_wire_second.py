from __future__ import annotations

import gzip
import json
from dataclasses import replace

import pytest

from gatekeeper.errors import EvidenceError
from gatekeeper.evidence.bundle import read_bundle, write_bundle
from gatekeeper.evidence.trials_io import trials_from_bytes, trials_to_bytes
from gatekeeper.records.evidence import SecondJudge
from tests.policy.twice import judged_twice
from tests.typed import some

from .whole import whole_evidence

TWICE = judged_twice(whole_evidence(), sample=50)


def test_round_trip(tmp_path) -> None:
    write_bundle(TWICE, tmp_path)
    read = read_bundle(tmp_path)
    assert read.trials == TWICE.trials
    assert read.settings.second == TWICE.settings.second
    assert read.settings.second == SecondJudge(
        judge="another-judge", version=1, settings={}, sample=50
    )


def test_a_bundle_without_one_has_nothing_of_it(tmp_path) -> None:
    write_bundle(whole_evidence(), tmp_path)
    assert "second" not in json.loads((tmp_path / "evidence.json").read_text())["settings"]
    assert b"second" not in gzip.decompress((tmp_path / "trials.jsonl.gz").read_bytes())


@pytest.mark.parametrize("second", ["maybe", "", None, 1, True, ["refuse"], {"refuse": 1}])
def test_what_no_judge_says_is_refused(second) -> None:
    row = json.loads(gzip.decompress(trials_to_bytes(TWICE.trials[:1])))
    data = gzip.compress((json.dumps({**row, "second": second}) + "\n").encode())
    with pytest.raises(EvidenceError, match=r"trials:1: not a known outcome"):
        trials_from_bytes(data, where="trials")


def test_outcomes_of_a_judge_that_there_was_not_are_refused(tmp_path) -> None:
    forged = replace(TWICE, settings=replace(TWICE.settings, second=None))
    write_bundle(forged, tmp_path)
    with pytest.raises(EvidenceError, match="judged twice, and there was no second judge"):
        read_bundle(tmp_path)


def test_outcomes_on_rows_that_there_are_not_are_refused(tmp_path) -> None:
    ghost = replace(TWICE.trials[0], prompt_id="nobody-asked", second="refuse")
    write_bundle(replace(TWICE, trials=(*TWICE.trials, ghost)), tmp_path)
    with pytest.raises(EvidenceError, match="a prompt or a mask that evidence"):
        read_bundle(tmp_path)


@pytest.mark.parametrize(
    "change", [{"sample": 0}, {"sample": -1}, {"sample": 2.5}, {"judge": 1}, {"judge_version": "1"}]
)
def test_settings_that_no_audit_has_are_refused(change, tmp_path) -> None:
    names = {"judge": "judge", "judge_version": "version", "sample": "sample"}
    ((name, value),) = change.items()
    second = replace(some(TWICE.settings.second), **{names[name]: value})
    with pytest.raises(EvidenceError, match="does not fit the schema"):
        write_bundle(replace(TWICE, settings=replace(TWICE.settings, second=second)), tmp_path)
