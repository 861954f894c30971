"""A comparison with the last release is kept, made again, and held against its baseline."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from gatekeeper.cli import run
from gatekeeper.evidence.manifest import sha256

from ..policy.builders import safe
from .test_verify_outputs import POLICY, report, restate, written

MARKDOWN = ("--format", "markdown")


@pytest.fixture(scope="module")
def baseline(tmp_path_factory) -> Path:
    return written(tmp_path_factory.mktemp("last"), safe)


@pytest.fixture(scope="module")
def made(tmp_path_factory, baseline) -> Path:
    folder = written(tmp_path_factory.mktemp("made"))
    assert report(folder, *MARKDOWN, "--baseline", str(baseline)) == 0
    return folder


@pytest.fixture
def out(made, tmp_path) -> Path:
    shutil.copytree(made, tmp_path / "out")
    return tmp_path / "out"


def test_it_is_made_again_without_its_baseline_and_told_as_believed(out, capsys) -> None:
    assert run(["verify", str(out)]) == 11
    told = capsys.readouterr().out
    assert "✓ summary.md: made again, byte for byte" in told
    assert "? comparison.json: not derived again without the evidence sha256:" in told


def test_with_its_baseline_it_is_derived_again(out, baseline, capsys) -> None:
    assert run(["verify", str(out), "--baseline", str(baseline)]) == 0
    assert "✓ comparison.json: derived again from both audits" in capsys.readouterr().out


def test_with_another_baseline_it_is_refused(out, capsys) -> None:
    assert run(["verify", str(out), "--baseline", str(out)]) == 12
    assert "not the baseline of the comparison" in capsys.readouterr().err


def test_one_that_was_altered_is_found(out, baseline, capsys) -> None:
    """With a statement that was mended to fit, too."""
    path = out / "comparison.json"
    told = json.loads(path.read_text())
    told["compared"]["rules"][0]["then"]["value"] += 1
    path.write_text(json.dumps(told))
    assert run(["verify", str(out)]) == 12
    digest = sha256(path.read_bytes())

    def mend(data) -> None:
        for subject in data["subject"]:
            if subject["name"] == path.name:
                subject["digest"]["sha256"] = digest
        data["predicate"]["reports"]["summary.md"]["compared"] = digest

    restate(out, mend)
    capsys.readouterr()
    assert run(["verify", str(out), "--baseline", str(baseline)]) == 12
    assert "not the comparison that both audits give" in capsys.readouterr().err


def test_one_that_is_gone_is_not_made_up(out, capsys) -> None:
    (out / "comparison.json").unlink()
    assert run(["verify", str(out)]) == 11
    assert "? summary.md: not made again: made under another" in capsys.readouterr().out


def test_a_baseline_with_a_verdict_of_other_evidence_is_compared_without(
    baseline, tmp_path, capsys
) -> None:
    last, out = tmp_path / "last", tmp_path / "out"
    shutil.copytree(baseline, last)
    told = json.loads((last / "verdict.json").read_text())
    told["evidence"]["digest"] = "sha256:" + "0" * 64
    (last / "verdict.json").write_text(json.dumps(told))
    written(out)
    assert report(out, *MARKDOWN, "--baseline", str(last)) == 0
    assert "left out of the comparison: of other evidence" in capsys.readouterr().err
    kept = json.loads((out / "comparison.json").read_text())["compared"]
    assert kept["headline"] is None and kept["policy"] is None
    assert POLICY.is_file()
