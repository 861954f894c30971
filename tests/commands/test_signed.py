"""Evidence that is signed, and a log of who gave which verdict: as the commands write and read."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from gatekeeper.cli import run
from gatekeeper.evidence.bundle import write_bundle
from gatekeeper.evidence.manifest import sha256
from gatekeeper.evidence.signing import read_public, signers

from ..policy.builders import concentrated, safe
from ..policy.profiled import profiled_evidence

POLICY = """\
schema: gatekeeper/policy/v1
id: synthetic
version: "1"
title: Synthetic policy
owner: risk@example.com
evidence: {selectors: [attribution], k: [4], prompts: {regular: 40}}
rules:
  - {id: drop, metric: refusal-drop, at: {k: 4}, max: 14 points}
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made")
    for name, outcome in (("blocked", concentrated), ("good", safe)):
        write_bundle(profiled_evidence(outcome), folder / name / "evidence")
    (folder / "policy.yaml").write_text(POLICY)
    assert run(["keys", "new", "--out", str(folder / "key.pem")]) == 0
    assert run(["keys", "new", "--out", str(folder / "other.pem")]) == 0
    return folder


@pytest.fixture
def place(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "place"))


def check(place: Path, name: str, *more: str) -> int:
    return run(["check", str(place / name), "--policy", str(place / "policy.yaml"), *more])


def sign(place: Path) -> None:
    assert check(place, "good", "--sign-key", str(place / "key.pem")) == 0


def test_signed_evidence_verifies_with_its_key_and_no_other(place: Path, capsys) -> None:
    sign(place)
    assert run(["verify", str(place / "good"), "--key", str(place / "key.pub.pem")]) == 0
    assert "✓ signature: manifest.json was signed with the key" in capsys.readouterr().out
    assert run(["verify", str(place / "good"), "--key", str(place / "other.pub.pem")]) == 12
    assert "not signed with the key" in capsys.readouterr().err
    assert run(["verify", str(place / "good")]) == 0
    assert "not checked: give its public part with --key" in capsys.readouterr().out


def test_outputs_are_signed_with_the_evidence(place: Path, capsys) -> None:
    out = ["--out", str(place / "good" / "verdict.json")]
    assert check(place, "good", *out, "--sign-key", str(place / "key.pem")) == 0
    (place / "good" / "policy.yaml").write_bytes((place / "policy.yaml").read_bytes())
    key = ["--key", str(place / "key.pub.pem")]
    assert run(["verify", str(place / "good"), *key]) == 0
    assert "✓ signature: outputs.json was signed" in capsys.readouterr().out
    # A report beside it is not what was signed, until it is signed again.
    line = [
        "report",
        str(place / "good"),
        "--policy",
        str(place / "policy.yaml"),
        "--format",
        "json",
    ]
    assert run(line) == 0
    assert run(["verify", str(place / "good"), *key]) == 12
    assert "outputs.json: not signed" in capsys.readouterr().err
    assert run([*line, "--sign-key", str(place / "key.pem")]) == 0
    assert run(["verify", str(place / "good"), *key]) == 0
    assert (
        run([*line, "--out", str(place / "elsewhere"), "--sign-key", str(place / "key.pem")]) == 2
    )
    assert "no evidence lies there" in capsys.readouterr().err


def test_nobody_signs_what_was_altered(place: Path, capsys) -> None:
    out = ["--out", str(place / "good" / "verdict.json")]
    assert check(place, "good", *out) == 0
    line = ["report", str(place / "good"), "--policy", str(place / "policy.yaml"), "--format"]
    assert run([*line, "json"]) == 0
    (place / "good" / "report.json").write_text("{}")
    assert run([*line, "markdown", "--sign-key", str(place / "key.pem")]) == 12
    assert "report.json: altered" in capsys.readouterr().err
    assert not (place / "good" / "outputs.dsse.json").exists()


@pytest.mark.parametrize("command", ["check", "report"])
def test_nobody_signs_a_report_that_the_evidence_does_not_give(command, place, capsys) -> None:
    """Not even where the statement was altered with it: it may come from a job trusted less."""
    good, policy = place / "good", ["--policy", str(place / "policy.yaml")]
    assert check(place, "good", "--out", str(good / "verdict.json")) == 0
    assert run(["report", str(good), *policy, "--format", "markdown"]) == 0
    before = (good / "summary.md").read_bytes()
    (good / "summary.md").write_bytes(before.replace(b"PASSED", b"CHEERED"))
    stated = (good / "outputs.json").read_text()
    after = sha256((good / "summary.md").read_bytes())
    assert sha256(before) in stated
    (good / "outputs.json").write_text(stated.replace(sha256(before), after))
    line = [str(good), *policy, "--sign-key", str(place / "key.pem")]
    more = ["--format", "json"] if command == "report" else []
    capsys.readouterr()
    assert run([command, *line, *more]) == 12
    assert "summary.md: not the report that this evidence gives" in capsys.readouterr().err
    assert not (good / "outputs.dsse.json").exists()
    (good / "summary.md").write_bytes(before)
    assert run(["report", str(good), *policy, "--format", "markdown", *line[3:]]) == 0
    assert (good / "outputs.dsse.json").exists()


def test_unsigned_evidence_does_not_verify_with_a_key(place: Path, capsys) -> None:
    assert run(["verify", str(place / "good"), "--key", str(place / "key.pub.pem")]) == 12
    assert "manifest.json: not signed → " in capsys.readouterr().err


def test_a_signature_of_other_evidence_is_none(place: Path, capsys) -> None:
    sign(place)
    shutil.copy(place / "good/evidence/manifest.dsse.json", place / "blocked/evidence")
    assert run(["verify", str(place / "blocked"), "--key", str(place / "key.pub.pem")]) == 12
    assert "a signature of something else" in capsys.readouterr().err


def test_evidence_altered_and_sealed_again_is_found(place: Path, capsys) -> None:
    """What no digest shows: the manifest was written anew, but nobody could sign it."""
    sign(place)
    shutil.rmtree(place / "good/evidence" / "gone", ignore_errors=True)
    signature = (place / "good/evidence/manifest.dsse.json").read_bytes()
    shutil.rmtree(place / "good")
    write_bundle(profiled_evidence(concentrated), place / "good/evidence")
    (place / "good/evidence/manifest.dsse.json").write_bytes(signature)
    assert run(["verify", str(place / "good")]) == 0
    assert run(["verify", str(place / "good"), "--key", str(place / "key.pub.pem")]) == 12


def test_keys_are_private_and_never_overwritten(place: Path, capsys) -> None:
    before = (place / "key.pem").read_bytes()
    assert (place / "key.pem").stat().st_mode & 0o077 == 0
    assert run(["keys", "new", "--out", str(place / "key.pem")]) == 2
    assert (place / "key.pem").read_bytes() == before
    assert before.splitlines()[1].decode() not in capsys.readouterr().out


def test_a_wrong_key_is_told_before_the_work(place: Path, capsys) -> None:
    assert check(place, "good", "--sign-key", str(place / "key.pub.pem")) == 2
    assert "not the private part of an Ed25519 key" in capsys.readouterr().err
    assert not (place / "good/evidence/manifest.dsse.json").exists()


def test_the_signature_goes_into_a_history_with_its_bundle(place: Path) -> None:
    sign(place)
    assert run(["history", "add", str(place / "good"), "--to", str(place / "audits")]) == 0
    (kept,) = (place / "audits").rglob("manifest.dsse.json")
    key = read_public(place / "key.pub.pem")
    assert signers(kept.read_bytes(), "kept") == (key.keyid,)


def test_each_verdict_is_a_line_of_the_log(place: Path, monkeypatch, capsys) -> None:
    log = place / "audit-log.jsonl"
    monkeypatch.setenv("GATEKEEPER_AUDIT_LOG", str(log))
    monkeypatch.setenv("GITHUB_ACTOR", "octo")
    assert check(place, "blocked") == 10
    assert check(place, "good") == 0
    capsys.readouterr()
    assert run(["log", "show", str(log), "--json"]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    told = [(one["seq"], one["command"], one["verdict"], one["exit_code"]) for one in lines]
    assert told == [(1, "check", "failed", 10), (2, "check", "passed", 0)]
    assert {one["who"]["user"] for one in lines} == {"octo"}
    assert run(["log", "verify", str(log), "--head", lines[-1]["digest"]]) == 0
    assert run(["log", "show", str(log), "--last", "1"]) == 0
    assert capsys.readouterr().out.splitlines()[-1].split()[-2:] == ["passed", "–"]


def test_a_log_that_was_changed_does_not_verify(place: Path, capsys) -> None:
    log = place / "audit-log.jsonl"
    for name in ("blocked", "good", "good"):
        check(place, name, "--audit-log", str(log))
    log.write_bytes(log.read_bytes().replace(b"failed", b"passed", 1))
    assert run(["log", "verify", str(log)]) == 12
    assert f"{log}:2: the line before it was changed" in capsys.readouterr().err
    assert run(["log", "show", str(log)]) == 12
    assert run(["log", "verify", str(log), "--head", "abc"]) == 2


def test_a_log_that_cannot_be_written_is_told_before_the_work(place: Path, capsys) -> None:
    (place / "notes").write_text("no log\n")
    assert check(place, "good", "--audit-log", str(place / "notes")) == 2
    said = capsys.readouterr()
    assert "ends in no line of an audit log" in said.err and not said.out


def test_a_waiver_is_a_line_of_the_log(place: Path, capsys) -> None:
    log = place / "audit-log.jsonl"
    out = place / "blocked" / "verdict.json"
    check(place, "blocked", "--out", str(out))
    line = ["waiver", "new", str(out), "--rule", "drop", "--expires-in", "30d"]
    line += ["--owner", "a@example.com", "--approver", "b@example.com", "--reason", "Known."]
    line += ["--out", str(place / "waivers.yaml"), "--audit-log", str(log)]
    assert run(line) == 0
    told = json.loads(log.read_text())
    assert (told["command"], told["waived"]) == ("waiver new", ["drop"])
    assert told["approver"] == "b@example.com"
