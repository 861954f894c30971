from __future__ import annotations

import json
from dataclasses import replace

import pytest

from gatekeeper.errors import EvidenceError
from gatekeeper.evidence.bundle import read_bundle, write_bundle

from .whole import whole_evidence


def test_the_clock_of_the_chat_template(tmp_path) -> None:
    evidence = whole_evidence()
    dated = replace(evidence, settings=replace(evidence.settings, clock="2026-01-01"))
    write_bundle(dated, tmp_path / "dated")
    assert read_bundle(tmp_path / "dated").settings == dated.settings


def test_a_bundle_without_a_clock_has_nothing_of_it(tmp_path) -> None:
    write_bundle(whole_evidence(), tmp_path)
    assert "clock" not in json.loads((tmp_path / "evidence.json").read_text())["settings"]
    assert read_bundle(tmp_path).settings.clock is None


@pytest.mark.parametrize("clock", ["today", "", None, 20260101, "2026-01-01\n", "٢٠٢٦-01-01"])
def test_a_clock_that_is_no_date_is_refused(tmp_path, clock) -> None:
    evidence = whole_evidence()
    with pytest.raises(EvidenceError):
        write_bundle(
            replace(evidence, settings=replace(evidence.settings, clock=clock or "x")), tmp_path
        )
        read_bundle(tmp_path)
