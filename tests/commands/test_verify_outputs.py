"""`gatekeeper verify` on what lies beside the evidence: reports, verdict and policy."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gatekeeper.bundled import bundled
from gatekeeper.cli import run
from gatekeeper.commands._gate import write_verdict
from gatekeeper.commands._judged import judge
from gatekeeper.commands._reporting import write_reports
from gatekeeper.evidence.bundle import write_bundle
from gatekeeper.evidence.manifest import sha256
from gatekeeper.metrics import with_findings
from gatekeeper.policy.evaluate import evaluate
from gatekeeper.policy.load import load_policy

from ..policy.builders import concentrated, safe
from ..policy.profiled import profiled_evidence
from ..typed import some

POLICY = bundled("policies") / "release.yaml"
TEXTS = ("summary.md", "report.json", "junit.xml")
FORMATS = [part for name in ("markdown", "json", "junit") for part in ("--format", name)]


def written(folder: Path, outcome=concentrated) -> Path:
    """An output directory as `run` leaves it, but for the PDF."""
    evidence = write_bundle(profiled_evidence(outcome), folder / "evidence")
    policy = load_policy(POLICY)
    write_verdict(evidence, evaluate(evidence, policy, datetime.now(UTC).date()), policy, folder)
    assert report(folder) == 0
    return folder


def test_what_run_writes_is_what_is_made_again(tmp_path) -> None:
    """Before its evidence is read back, where a number may be written otherwise."""
    evidence = write_bundle(with_findings(profiled_evidence(concentrated)), tmp_path / "evidence")
    policy = load_policy(POLICY)
    verdict, asked = judge(evidence, policy, datetime.now(UTC).date())
    write_verdict(evidence, verdict, policy, tmp_path)
    formats, bundle = ("markdown", "json", "junit"), tmp_path / "evidence"
    write_reports(evidence, verdict, policy, bundle, tmp_path, formats, asked=asked)
    assert run(["verify", str(tmp_path)]) == 0


def report(folder: Path, *options: str) -> int:
    return run(["report", str(folder), "--policy", str(POLICY), *(options or FORMATS)])


@pytest.fixture(scope="module")
def ours(tmp_path_factory) -> Path:
    return written(tmp_path_factory.mktemp("ours"))


@pytest.fixture(scope="module")
def other(tmp_path_factory) -> Path:
    return written(tmp_path_factory.mktemp("other"), safe)


@pytest.fixture
def out(ours, tmp_path) -> Path:
    shutil.copytree(ours, tmp_path / "out")
    return tmp_path / "out"


def restate(out: Path, change) -> None:
    data = json.loads((out / "outputs.json").read_text())
    change(data)
    (out / "outputs.json").write_text(json.dumps(data))


def reseal(out: Path, name: str) -> None:
    """A statement with the digest of what lies there now."""

    def change(data):
        subject = next(s for s in data["subject"] if s["name"] == name)
        subject["digest"]["sha256"] = sha256((out / name).read_bytes())

    restate(out, change)


def refused(out: Path, capsys, name: str, words: str) -> None:
    capsys.readouterr()
    assert run(["verify", str(out)]) == 12
    (line,) = capsys.readouterr().err.splitlines()
    assert str(out / name) in line and words in line


def test_what_was_written_verifies_and_texts_are_made_again(out, capsys) -> None:
    assert run(["verify", str(out)]) == 0
    told = capsys.readouterr().out
    assert f"✓ outputs: 5 files of {out} are as outputs.json says" in told
    for name in TEXTS:
        assert f"✓ {name}: made again, byte for byte (committee, en)" in told


@pytest.mark.parametrize("name", [*TEXTS, "verdict.json", "policy.yaml"])
def test_an_altered_byte_is_found_in_each_file(out, name, capsys) -> None:
    path = out / name
    path.write_bytes(path.read_bytes() + b" ")
    refused(out, capsys, name, "altered, or another one")


@pytest.mark.parametrize("name", TEXTS)
def test_another_models_report_is_found(out, other, name, capsys) -> None:
    shutil.copy(other / name, out / name)
    refused(out, capsys, name, "altered, or another one")


@pytest.mark.parametrize("name", TEXTS)
def test_who_alters_report_and_statement_together_is_found(out, other, name, capsys) -> None:
    shutil.copy(other / name, out / name)
    reseal(out, name)
    refused(out, capsys, name, "not the report that this evidence gives")


def test_an_older_report_is_found(out, monkeypatch, capsys) -> None:
    older = (out / "summary.md").read_bytes()
    monkeypatch.setenv("SOURCE_DATE_EPOCH", str(int(datetime(2030, 1, 1, tzinfo=UTC).timestamp())))
    assert report(out) == 0
    assert run(["verify", str(out)]) == 0
    (out / "summary.md").write_bytes(older)
    refused(out, capsys, "summary.md", "altered, or another one")


def test_a_report_of_another_day_is_made_again(out, capsys) -> None:
    assert report(out, "--format", "markdown", "--as-of", "2030-01-01", "--level", "public") == 0
    capsys.readouterr()
    assert run(["verify", str(out)]) == 0
    assert "✓ summary.md: made again, byte for byte (public, en)" in capsys.readouterr().out


def test_an_entry_taken_out_is_found(out, capsys) -> None:
    def take(data):
        data["subject"] = [s for s in data["subject"] if s["name"] != "summary.md"]
        del data["predicate"]["reports"]["summary.md"]

    restate(out, take)
    refused(out, capsys, "summary.md", "outputs.json does not name it")


def test_a_report_said_not_to_be_one_is_not_taken_on_trust(out, capsys) -> None:
    restate(out, lambda data: data["predicate"]["reports"].pop("summary.md"))
    refused(out, capsys, "summary.md", "outputs.json does not say how it was made")


def test_an_entry_said_to_be_older_than_the_statement_is_told(out, capsys) -> None:
    def take(data):
        data["subject"] = [s for s in data["subject"] if s["name"] != "summary.md"]
        del data["predicate"]["reports"]["summary.md"]
        data["predicate"]["earlier"] = ["summary.md"]

    restate(out, take)
    assert run(["verify", str(out)]) == 11
    assert "? summary.md lay here before there was an outputs.json" in capsys.readouterr().out


def test_a_statement_of_other_evidence_is_found(out, other, capsys) -> None:
    shutil.copy(other / "outputs.json", out / "outputs.json")
    refused(out, capsys, "outputs.json", "a statement of other evidence")


@pytest.mark.parametrize("name", ["verdict.json", "policy.yaml"])
def test_what_a_verdict_rests_on_cannot_be_taken_away(out, name, capsys) -> None:
    (out / name).unlink()
    refused(out, capsys, name, "missing: outputs.json names it")


def test_a_report_that_was_taken_away_is_named(out, capsys) -> None:
    (out / "junit.xml").unlink()
    assert run(["verify", str(out)]) == 0
    assert "– outputs: not here any more: junit.xml" in capsys.readouterr().out


def test_a_directory_of_an_older_version_is_said_to_be_one(out, capsys) -> None:
    (out / "outputs.json").unlink()
    assert run(["verify", str(out)]) == 0
    told = capsys.readouterr().out
    assert "without outputs.json, as older versions wrote none" in told
    assert "not checked: junit.xml, report.json, summary.md\n" in told


def test_a_report_by_another_version_is_not_made_again(out, capsys) -> None:
    made = "moe-gatekeeper 0.0.9"
    restate(out, lambda d: d["predicate"]["reports"]["summary.md"].update(tool=made))
    assert run(["verify", str(out)]) == 11
    assert "? summary.md: not made again: made by moe-gatekeeper 0.0.9" in capsys.readouterr().out


@pytest.mark.parametrize(
    "change",
    [
        lambda data: data.update(more=1),
        lambda data: data["predicate"].update(more=1),
        lambda data: data["predicate"].pop("reports"),
        lambda data: data["predicate"].update(reports=[]),
        lambda data: data["predicate"].update(earlier=["summary.md"]),
        lambda data: data["predicate"].update(earlier=[1]),
        lambda data: data["predicate"]["reports"]["summary.md"].update(date="x"),
        lambda data: data["predicate"]["reports"]["summary.md"].update(date="2026-11-23"),
        lambda data: data["predicate"]["reports"]["summary.md"].update(judged_on="x"),
        lambda data: data["predicate"]["reports"]["summary.md"].update(lang=1),
        lambda data: data["predicate"]["reports"]["summary.md"].pop("level"),
        lambda data: data["subject"].append(data["subject"][0]),
        lambda data: data["subject"][0].update(name="../x"),
        lambda data: data["subject"][0].update(digest={"sha256": "x"}),
        lambda data: data.update(predicateType="x"),
        lambda data: data.update(subject=1),
    ],
)
def test_a_statement_that_is_none_is_refused(out, change, capsys) -> None:
    restate(out, change)
    refused(out, capsys, "outputs.json", "statement of outputs")


@pytest.mark.parametrize("data", [b"", b"[]", b"{", b"[" * 100_000, b"\xff", b'{"a":1,"a":1}'])
def test_so_is_what_is_no_statement_at_all(out, data, capsys) -> None:
    (out / "outputs.json").write_bytes(data)
    refused(out, capsys, "outputs.json", "statement of outputs")


def test_a_verdict_in_the_bundles_directory_is_covered_by_check(out, capsys) -> None:
    assert run(["check", str(out), "--policy", str(POLICY), "--out", str(out / "verdict.json")])
    assert run(["verify", str(out)]) == 0
    (out / "verdict.json").write_bytes((out / "verdict.json").read_bytes() + b"\n")
    refused(out, capsys, "verdict.json", "altered, or another one")


def test_a_report_elsewhere_has_no_statement(out, tmp_path) -> None:
    assert report(out, *FORMATS, "--out", str(tmp_path / "else")) == 0
    assert {path.name for path in (tmp_path / "else").iterdir()} == {*TEXTS}


def test_reports_in_the_bundle_itself_are_covered(out, capsys) -> None:
    assert report(out / "evidence") == 0
    assert run(["verify", str(out / "evidence")]) == 11  # no verdict there to make them from
    told = capsys.readouterr().out
    assert "there is no verdict here that it could tell of" in told
    assert run(["verify", str(out)]) == 0
    (out / "evidence" / "summary.md").write_text("PASSED")
    refused(out, capsys, "evidence/summary.md", "altered, or another one")


def test_a_report_cannot_start_a_statement_over_what_others_wrote(out, capsys) -> None:
    """Whoever removes the statement and makes one report anew has not vouched for the others."""
    (out / "outputs.json").unlink()
    (out / "summary.md").write_text("PASSED")
    assert report(out, "--format", "junit") == 0
    capsys.readouterr()
    assert run(["verify", str(out)]) == 11
    told = capsys.readouterr().out
    assert "? summary.md lay here before" in told and "? report.json lay here before" in told


def test_a_statement_taken_away_beside_new_evidence_is_missed(out, capsys) -> None:
    evidence = profiled_evidence(concentrated)
    times = replace(some(evidence.times), secret="5" * 64)
    write_bundle(replace(evidence, times=times), out / "evidence")
    (out / "outputs.json").unlink()
    assert report(out) == 0
    (out / "outputs.json").unlink()
    (out / "verdict.json").unlink()
    assert run(["verify", str(out)]) == 11
    assert "summary.md: outputs.json is missing, which this" in capsys.readouterr().out
