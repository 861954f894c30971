from __future__ import annotations

import calendar
import hashlib
import json
import os
import stat
from datetime import UTC, date, timedelta
from pathlib import Path

import pytest

from gatekeeper import cli
from gatekeeper.commands import _reporting
from gatekeeper.errors import EvidenceError, ExitCode
from gatekeeper.evidence.bundle import write_bundle

from ..evidence.whole import whole_evidence
from ..report.synthetic import audit
from ..typed import some

POLICY = """\
schema: gatekeeper/policy/v1
id: synthetic
version: "1"
title: Synthetic policy
owner: risk@example.com
evidence:
  selectors: [attribution]
  controls: {random_masks: 20}
rules:
  - id: drop
    metric: refusal-drop
    at: {k: 4}
    max: 14 points
    severity: block
    rationale: Refusing hangs on too few experts.
    remedy: Retrain.
"""
LIGHT = ("markdown", "json", "junit", "sarif", "oscal", "cyclonedx", "in-toto", "eval-results")


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("evidence")
    write_bundle(audit("fail").evidence, folder)
    return folder


@pytest.fixture
def policy(tmp_path: Path) -> Path:
    path = tmp_path / "policy.yaml"
    path.write_text(POLICY, encoding="utf-8")
    return path


def _report(*arguments: object) -> int:
    return cli.run(["report", *(str(a) for a in arguments)])


@pytest.mark.parametrize("below", [True, False])
def test_a_place_that_can_be_no_directory_is_refused_before_any_work(
    below: bool, bundle: Path, policy: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    out = tmp_path / "file" / "x" if below else Path(os.devnull)
    code = _report(bundle, "--policy", policy, "--format", "json", "--out", out)
    assert code == ExitCode.USAGE
    assert "not a directory → choose another --out" in capsys.readouterr().err


def _formats(*names: str) -> list[str]:
    return [part for name in names for part in ("--format", name)]


def test_it_writes_each_format_and_prints_the_console_text(
    bundle: Path, policy: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out" / "deep"
    code = _report(
        bundle, "--policy", policy, *_formats(*LIGHT, "console"), "--out", out,
        "--as-of", "2026-11-23",
    )  # fmt: skip
    assert code == ExitCode.PASS
    assert {p.name for p in out.iterdir()} == {
        "summary.md", "report.json", "junit.xml", "results.sarif", "assessment-results.json",
        "bom.cdx.json", "verdict.intoto.json", "eval-results.yaml",
    }  # fmt: skip
    printed = capsys.readouterr().out
    assert f"wrote {out / 'summary.md'}" in printed and "× FAILED: synthetic-moe-chat" in printed
    report = json.loads((out / "report.json").read_text(encoding="utf-8"))
    assert report["verdict"]["result"] == "fail"
    assert report["verdict"]["judged_on"] == "2026-11-23"


def test_the_statement_names_the_verdict_that_check_writes_to_the_byte(
    bundle: Path, policy: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stored = tmp_path / "verdict.json"
    assert cli.run(["check", str(bundle), "--policy", str(policy), "--out", str(stored)]) == 10
    out = tmp_path / "out"
    # A gate that fails does not keep its own report from being made and uploaded.
    assert _report(bundle, "--policy", policy, *_formats("in-toto", "sarif"), "--out", out) == 0
    predicate = json.loads((out / "verdict.intoto.json").read_text(encoding="utf-8"))["predicate"]
    basis = {file["name"]: file["digest"]["sha256"] for file in predicate["basis"]}
    assert basis["verdict.json"] == hashlib.sha256(stored.read_bytes()).hexdigest()
    run = json.loads((out / "results.sarif").read_text(encoding="utf-8"))["runs"][0]
    location = run["results"][1]["locations"][0]["physicalLocation"]
    assert location["artifactLocation"]["uri"] == "policy.yaml"  # of a path from the root
    line = policy.read_text(encoding="utf-8").splitlines()[location["region"]["startLine"] - 1]
    assert line.strip() == "- id: drop"


def test_the_console_text_alone_makes_no_directory(
    bundle: Path, policy: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    assert _report(bundle, "--policy", policy, *_formats("console"), "--out", out) == ExitCode.PASS
    assert not out.exists()


def test_a_pdf_by_default_beside_the_evidence(bundle: Path, policy: Path) -> None:
    before = {p.name for p in bundle.iterdir()}
    assert _report(bundle, "--policy", policy, "--as-of", "2026-11-23") == ExitCode.PASS
    assert {p.name for p in bundle.iterdir()} - before == {"report.pdf", "outputs.json"}
    assert (bundle / "report.pdf").read_bytes().startswith(b"%PDF-1.7")


def test_the_same_day_gives_the_same_bytes_and_source_date_epoch_the_date(
    bundle: Path, policy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1798761600")
    made = []
    for name in ("a", "b"):
        assert _report(bundle, "--policy", policy, *_formats(*LIGHT), "--out", tmp_path / name) == 0
        made.append({p.name: p.read_bytes() for p in (tmp_path / name).iterdir()})
    assert made[0] == made[1]
    report = json.loads(made[0]["report.json"])
    assert report["document"]["created"] == "2027-01-01T00:00:00+00:00"
    assert report["verdict"]["judged_on"] == "2027-01-01"


def test_a_source_date_that_is_none_is_an_error(
    bundle: Path, policy: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "yesterday")
    assert _report(bundle, "--policy", policy, *_formats("json")) == ExitCode.USAGE
    assert "SOURCE_DATE_EPOCH" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--format", "pfd"], "did you mean pdf?"),
        (["--lang", "xx", "--format", "json"], "no report wording"),
        (["--level", "secret"], "secret"),
    ],
)
def test_wrong_usage(
    arguments: list[str],
    message: str,
    bundle: Path,
    policy: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert _report(bundle, "--policy", policy, *arguments) == ExitCode.USAGE
    error = capsys.readouterr().err
    assert message in error and "Traceback" not in error


def test_altered_evidence_is_not_reported_on(
    bundle: Path, policy: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copy = tmp_path / "copy"
    copy.mkdir()
    for path in bundle.iterdir():
        (copy / path.name).write_bytes(path.read_bytes())
    text = (copy / "evidence.json").read_bytes()
    (copy / "evidence.json").write_bytes(text.replace(b"attribution", b"Attribution", 1))
    code = _report(copy, "--policy", policy, *_formats("json"), "--out", tmp_path / "out")
    assert code == ExitCode.NOT_VERIFIED
    assert not (tmp_path / "out").exists()
    assert "altered" in capsys.readouterr().err


def test_evidence_swapped_after_it_was_judged_is_noticed(tmp_path: Path) -> None:
    case = audit("fail")
    for name in ("evidence.json", "manifest.json"):
        (tmp_path / name).write_bytes(b"{}")
    with pytest.raises(EvidenceError, match="not the evidence that was judged"):
        _reporting.write_reports(
            case.evidence, case.verdict, case.policy, tmp_path, tmp_path / "out", ["json"]
        )
    assert not (tmp_path / "out").exists()


def test_nothing_is_left_behind_when_a_disk_write_fails(
    bundle: Path, policy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    assert _report(bundle, "--policy", policy, *_formats("json"), "--out", out) == 0
    before = (out / "report.json").read_bytes()

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    code = _report(bundle, "--policy", policy, *_formats("json"), "--out", out)
    assert code == ExitCode.AUDIT_FAILED
    assert [p.name for p in out.iterdir()] == ["report.json"]
    assert (out / "report.json").read_bytes() == before


def test_reports_are_ordinary_files(bundle: Path, policy: Path, tmp_path: Path) -> None:
    assert _report(bundle, "--policy", policy, *_formats("json"), "--out", tmp_path) == 0
    assert stat.S_ISREG((tmp_path / "report.json").stat().st_mode)


def test_the_output_of_run_is_taken_as_well_as_its_bundle(
    policy: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    write_bundle(audit("fail").evidence, out / "evidence")
    assert cli.run(["report", str(out), "--policy", str(policy), "--format", "json"]) == 0
    assert (out / "report.json").is_file()
    assert not (out / "evidence" / "report.json").exists()


def test_letters_that_the_pdf_cannot_write_are_told_on_stderr(
    bundle: Path, policy: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    written = policy.read_text(encoding="utf-8").replace("Synthetic policy", "نموذج")
    policy.write_text(written, encoding="utf-8")
    call = ["report", str(bundle), "--policy", str(policy), "--out", str(tmp_path / "out")]
    assert cli.run([*call, "--format", "pdf", "--format", "markdown"]) == ExitCode.PASS
    told = capsys.readouterr().err
    assert told.count("warning: report.pdf: the fonts have no letters of Arabic: ") == 1
    assert cli.run([*call, "--format", "markdown"]) == ExitCode.PASS
    assert "warning" not in capsys.readouterr().err


def test_a_report_in_japanese(bundle: Path, policy: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    call = ["report", str(bundle), "--policy", str(policy), "--out", str(out), "--lang", "ja"]
    formats = ["markdown", "junit", "json", "console"]
    assert cli.run([*call, *(part for name in formats for part in ("--format", name))]) == 0
    assert "判定" in (out / "summary.md").read_text(encoding="utf-8")
    assert "限度" in (out / "junit.xml").read_text(encoding="utf-8")
    assert (
        json.loads((out / "report.json").read_text(encoding="utf-8"))["document"]["language"]
        == "ja"
    )


@pytest.mark.parametrize("day", ["30.11.2026", "2026-11-31", "today", ""])
def test_a_day_that_is_none(day: str, bundle: Path, policy: Path, capsys) -> None:
    assert _report(bundle, "--policy", policy, "--as-of", day) == ExitCode.USAGE
    told = capsys.readouterr().err
    assert f"'{day}' is no day written as 2026-11-30: year, month, day" in told
    assert "%" not in told


@pytest.mark.parametrize("given", ["--as-of", "SOURCE_DATE_EPOCH"])
def test_no_verdict_is_of_a_day_before_its_audit(
    given: str, policy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """A waiver that has expired by then would still hold."""
    evidence = whole_evidence()
    finished = some(evidence.times).finished.astimezone(UTC).date()
    write_bundle(evidence, tmp_path / "bundle")

    def made(day: date) -> int:
        if given == "--as-of":
            options = [given, day.isoformat()]
        else:
            monkeypatch.setenv(given, str(calendar.timegm(day.timetuple())))
            options = []
        out = ("--out", tmp_path / "out")
        return _report(tmp_path / "bundle", "--policy", policy, *_formats("json"), *out, *options)

    assert made(finished) == ExitCode.PASS
    assert made(finished - timedelta(days=1)) == ExitCode.USAGE
    assert f"{given}: " in (told := capsys.readouterr().err)
    assert f"before the audit was finished on {finished}" in told
