"""`gatekeeper disclose`, and `verify --opened`: one trial, proved to be of an audit."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from gatekeeper.cli import run
from gatekeeper.evidence.bundle import write_bundle
from gatekeeper.evidence.opening import open_trial, read_opening
from gatekeeper.report.disclosure import Disclosure, disclose
from gatekeeper.verify.opened import recheck_opening

from ..policy.builders import concentrated, safe
from ..policy.profiled import profiled_evidence
from ..typed import some


def bundle_in(folder: Path, outcome=concentrated, secret: str | None = "5" * 64):
    evidence = profiled_evidence(outcome)
    times = replace(some(evidence.times), secret=secret)
    return write_bundle(replace(evidence, times=times), folder)


@pytest.fixture(scope="module")
def ours(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("ours")
    bundle_in(folder)
    return folder


@pytest.fixture(scope="module")
def trial(ours) -> str:
    """One of the measured trials."""
    import gzip

    row = json.loads(gzip.decompress((ours / "trials.jsonl.gz").read_bytes()).splitlines()[-3])
    return f"{row['mask']}/{row['prompt_id']}"


@pytest.fixture
def opened(ours, trial, tmp_path) -> Path:
    path = tmp_path / "opened.json"
    assert run(["disclose", str(ours), "--trial", trial, "--out", str(path)]) == 0
    return path


def refused(ours: Path, opened: Path, capsys, words: str) -> None:
    capsys.readouterr()
    assert run(["verify", str(ours), "--opened", str(opened)]) == 12
    (line,) = capsys.readouterr().err.splitlines()
    assert str(opened) in line and words in line


def test_a_trial_is_one_of_its_audit(ours, opened, trial, capsys) -> None:
    assert opened.stat().st_mode & 0o077 == 0
    assert run(["verify", str(ours), "--opened", str(opened)]) == 0
    told = capsys.readouterr().out
    assert f"✓ opened: {trial}: " in told and "its reply judged again" in told
    reply = json.loads(json.loads(opened.read_text())["row"])["completion"]
    assert reply and reply not in told


def test_every_changed_byte_is_found(ours, opened, capsys) -> None:
    """In the row, its salt, its place and the path to the root."""
    told = json.loads(opened.read_text())
    digit = {"0": "1"}
    changes = [
        {"row": told["row"].replace('"completion": "', '"completion": "x')},
        {"row": told["row"] + " "},
        {"salt": digit.get(told["salt"][0], "0") + told["salt"][1:]},
        {"index": told["index"] - 1},
        {"path": told["path"][1:]},
        {"path": [told["path"][0], *told["path"]]},
        {"path": ["0" * 64, *told["path"][1:]]},
        {"root": "0" * 64},
    ]
    for change in changes:
        opened.write_text(json.dumps({**told, **change}))
        refused(ours, opened, capsys, "altered: the trial is not among those")
    for change in ({"leaves": told["index"]}, {"salt": "x"}, {"path": 3}, {"index": True}):
        opened.write_text(json.dumps({**told, **change}))
        refused(ours, opened, capsys, "not a file that opens a trial")
    for change in ({"schema": "x"}, {"more": 1}):
        opened.write_text(json.dumps({**told, **change}))
        refused(ours, opened, capsys, "not an opening that this version reads")
    opened.write_text("{")
    refused(ours, opened, capsys, "not a file that opens a trial")


def test_a_trial_of_another_audit_is_found(ours, trial, tmp_path, capsys) -> None:
    """Of another model, and of the same one under another secret."""
    for name, outcome, secret in (("a", safe, "5" * 64), ("b", concentrated, "6" * 64)):
        evidence = bundle_in(tmp_path / name, outcome, secret)
        path = tmp_path / f"{name}.json"
        path.write_bytes(open_trial(tmp_path / name, evidence, trial))
        refused(ours, path, capsys, "a trial of another audit")
    told = json.loads(path.read_text())
    told["evidence"] = json.loads(open_trial(ours, bundle_in(tmp_path / "c"), trial))["evidence"]
    path.write_text(json.dumps(told))
    refused(ours, path, capsys, "a trial of another audit")


def test_a_report_that_tells_otherwise_is_found(opened) -> None:
    """Against what a committee's report discloses: the outcome it gives for that trial."""
    from gatekeeper.errors import EvidenceError

    opening = read_opening(opened.read_bytes(), "x")
    whole = replace(profiled_evidence(concentrated), digest=opening.evidence)
    shown = disclose(whole, Disclosure.COMMITTEE).evidence
    told = recheck_opening(opening, opening.evidence, opening.commitment, shown, "x")
    assert "judged again" in told
    turned = {"refuse": "comply", "comply": "refuse"}
    trials = tuple(
        replace(t, outcome=turned.get(t.outcome, "refuse"))
        if (t.mask, t.prompt_id) == (opening.trial.mask, opening.trial.prompt_id)
        else t
        for t in shown.trials
    )
    with pytest.raises(EvidenceError, match="the report says otherwise"):
        recheck_opening(
            opening, opening.evidence, opening.commitment, replace(shown, trials=trials), "x"
        )


def test_one_opening_tells_nothing_of_others(ours, opened) -> None:
    text = opened.read_text()
    assert "5" * 64 not in text and text.count("completion") == 1


def test_an_older_bundle_cannot_be_opened(tmp_path, trial, opened, capsys) -> None:
    bundle_in(tmp_path / "old", secret=None)
    out = tmp_path / "x.json"
    assert run(["disclose", str(tmp_path / "old"), "--trial", trial, "--out", str(out)]) == 2
    assert "trials cannot be opened one by one" in capsys.readouterr().err
    assert not out.exists()
    refused(tmp_path / "old", opened, capsys, "the manifest commits to no trials")


@pytest.mark.parametrize("name", ["nothing", "unmasked/nothing", "x/y", ""])
def test_a_trial_that_is_none_is_a_slip(ours, name, tmp_path, capsys) -> None:
    out = str(tmp_path / "x.json")
    assert run(["disclose", str(ours), "--trial", name, "--out", out]) == 2
    assert "give MASK/PROMPT, such as unmasked/" in capsys.readouterr().err


def test_a_place_that_cannot_be_written_is_told_first(ours, trial, tmp_path) -> None:
    out = str(tmp_path / "no" / "x.json")
    assert run(["disclose", str(ours), "--trial", trial, "--out", out]) == 2
    assert run(["verify", str(ours), "--opened", out]) == 2
    shutil.rmtree(tmp_path / "no", ignore_errors=True)
