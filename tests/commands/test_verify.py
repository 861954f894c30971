"""`gatekeeper verify` on an output directory: what is an alteration, and what is not."""

from __future__ import annotations

import json
import os
import re
import shutil
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gatekeeper import catalog
from gatekeeper.bundled import bundled
from gatekeeper.cli import run
from gatekeeper.commands._verdicts import verdict_bytes
from gatekeeper.evidence.bundle import read_bundle, write_bundle
from gatekeeper.policy.evaluate import evaluate
from gatekeeper.policy.load import load_policy

from ..evidence.whole import whole_evidence
from ..policy.builders import HARMFUL, TODAY, concentrated, reply
from ..policy.profiled import profiled_evidence, with_selections
from ..report.cards import judge_card
from ..typed import some

#: Of labelled refusals and of other replies, how many the judge called right, of how many.
ERRORS = (40, 50, 45, 50)


@pytest.fixture
def out(tmp_path: Path) -> Path:
    policy = bundled("policies") / "release.yaml"
    evidence = write_bundle(profiled_evidence(concentrated), tmp_path / "evidence")
    verdict = evaluate(evidence, load_policy(policy), TODAY)
    (tmp_path / "verdict.json").write_bytes(verdict_bytes(verdict))
    shutil.copy(policy, tmp_path / "policy.yaml")
    return tmp_path


def edit(out: Path, change) -> None:
    data = json.loads((out / "verdict.json").read_text())
    change(next(o for o in data["outcomes"] if "value" in o["decisive"])["decisive"])
    (out / "verdict.json").write_text(json.dumps(data))


def test_an_untouched_output_verifies(out, capsys) -> None:
    assert run(["verify", str(out)]) == 0
    text = capsys.readouterr().out
    assert "✓ verdict: failed, derived again" in text
    assert "not compared" not in text
    assert "replies judged again, all agree" in text and "follow from the rankings" in text


def test_a_verdict_without_end_is_refused(out, capsys) -> None:
    with (out / "verdict.json").open("wb") as file:
        file.truncate(1 << 40)
    assert run(["verify", str(out)]) == 12
    (line,) = capsys.readouterr().err.splitlines()
    assert "verdict.json: larger than 50 MB →" in line


@pytest.mark.timeout(60)
def test_a_pipe_is_no_missing_verdict(out, capsys) -> None:
    (out / "verdict.json").unlink()
    os.mkfifo(out / "verdict.json")
    assert run(["verify", str(out)]) == 12
    assert "verdict.json: is a pipe, not a file" in capsys.readouterr().err


def test_the_evidence_alone_has_no_verdict(out, capsys) -> None:
    assert run(["verify", str(out / "evidence")]) == 0
    assert "no verdict.json here" in capsys.readouterr().out


def test_last_bits_of_another_machine_are_no_alteration(out) -> None:
    edit(out, lambda found: found.update(value=found["value"] + 1e-11))
    assert run(["verify", str(out)]) == 0


def test_an_altered_number_is_found(out, capsys) -> None:
    edit(out, lambda found: found.update(value=found["value"] + 0.1))
    assert run(["verify", str(out)]) == 12
    error = capsys.readouterr().err
    assert "does not follow" in error
    assert "the same result with other details" in error


def test_no_verdict_is_older_than_its_audit(out, capsys) -> None:
    """On an earlier day a waiver that has run out still held."""
    policy, evidence = load_policy(out / "policy.yaml"), read_bundle(out / "evidence")
    for back, code in ((0, 0), (1, 12), (300, 12)):
        verdict = evaluate(evidence, policy, TODAY - timedelta(days=back))
        (out / "verdict.json").write_bytes(verdict_bytes(verdict))
        assert run(["verify", str(out)]) == code
    assert "before the audit was finished on 2026-11-23" in capsys.readouterr().err
    tomorrow = datetime.now(UTC) + timedelta(hours=23, minutes=59)
    late = replace(evidence, times=replace(some(evidence.times), finished=tomorrow))
    write_bundle(late, out / "late")
    told = run(["check", str(out / "late"), "--policy", str(out / "policy.yaml")])
    assert told == (12 if tomorrow.date() > datetime.now(UTC).date() else 10)


@pytest.mark.parametrize(
    ("put", "words"),
    [
        (Path.mkdir, "is a directory, not a file"),
        (os.mkfifo, "is a pipe, not a file"),
        (lambda path: path.symlink_to(path.name), "not a readable verdict"),
        (lambda path: path.symlink_to("nowhere"), "not a readable verdict"),
    ],
)
def test_a_verdict_that_is_no_file_is_not_passed_over(out, put, words, capsys) -> None:
    (out / "verdict.json").unlink()
    put(out / "verdict.json")
    assert run(["verify", str(out)]) == 12
    assert words in capsys.readouterr().err


def test_a_card_in_a_verdict_is_believed_and_that_is_said(out, capsys) -> None:
    assert run(["verify", str(out)]) == 0
    assert "believed" not in capsys.readouterr().out
    needs = "\n  judge_card: {compliance_sensitivity: 80 %}"
    text = (out / "policy.yaml").read_text(encoding="utf-8")
    (out / "policy.yaml").write_text(text.replace("\nevidence:", f"\nevidence:{needs}", 1))
    policy = load_policy(out / "policy.yaml")
    assert policy.needs.judge_card
    verdict = evaluate(read_bundle(out / "evidence"), policy, TODAY, card=judge_card(masked=ERRORS))
    (out / "verdict.json").write_bytes(verdict_bytes(verdict))
    assert run(["verify", str(out)]) == 0
    assert "the judge's card in it is believed" in capsys.readouterr().out
    data = json.loads((out / "verdict.json").read_text())
    data["judge_card"]["parts"][0]["kappa"]["value"] = 0.999
    (out / "verdict.json").write_text(json.dumps(data))
    assert run(["verify", str(out)]) == 12
    assert "the kappa of all is not that of its counts" in capsys.readouterr().err


def test_what_else_is_there_is_named(out, capsys) -> None:
    """Beside a verdict or where one was removed, the list of audits and odd things too."""
    for name in ("report.json", "audits.jsonl"):
        (out / name).write_text("anything")
    (out / "folder").mkdir()
    for _ in range(2):
        assert run(["verify", str(out)]) == 0
        assert "not checked: audits.jsonl, folder, report.json\n" in capsys.readouterr().out
        (out / "verdict.json").unlink(missing_ok=True)


def test_a_verdict_or_policy_that_was_changed_is_named_with_what_to_do(out, capsys) -> None:
    path, policy = out / "verdict.json", out / "policy.yaml"
    data = json.loads(path.read_text())
    path.write_text(json.dumps(data | {"headline": "splendid"}))
    assert run(["verify", str(out)]) == 12
    told = capsys.readouterr().err
    assert f"error: {path}: not a verdict of schema" in told
    assert "see $.headline → make it again with gatekeeper check" in told
    path.write_text("no JSON")
    assert run(["verify", str(out)]) == 12
    assert f"{path}: not a readable verdict → make it again" in capsys.readouterr().err
    path.write_text(json.dumps(data))
    policy.write_text(policy.read_text() + "# a comment\n")
    assert run(["verify", str(out)]) == 12
    told = capsys.readouterr().err
    assert f"{policy}: the policy is not the one of the verdict → name the one that was" in told


def test_a_verdict_by_other_definitions_is_called_that(out, capsys) -> None:
    edit(out, lambda found: found.update(version=1))
    assert run(["verify", str(out)]) == 12
    error = capsys.readouterr().err
    assert re.search(r"version 1, this Gatekeeper has version \d", error)
    assert "does not follow" not in error


def is_lost(trial) -> bool:
    """Whether a mask loses this refusal."""
    return trial.mask == "attribution-k4" and trial.prompt_id.startswith(HARMFUL)


def forge(out: Path, trials, findings) -> None:
    """A bundle with other outcomes and findings, and a manifest that fits."""
    evidence = read_bundle(out / "evidence")
    changed = tuple(map(trials, evidence.trials))
    forged = replace(evidence, trials=changed, findings=findings(evidence.findings))
    write_bundle(forged, out / "evidence")


@pytest.mark.parametrize(
    "findings",
    [lambda _: (), lambda all_: tuple(replace(f, version=99) for f in all_), lambda all_: all_],
    ids=["empty", "version 99", "as they were"],
)
@pytest.mark.parametrize("command", ["verify", "check", "report"])
def test_a_forgery_with_fitting_digests_is_found(out, command, findings, capsys) -> None:
    """Every command that reads a bundle: lost refusals told as refusals."""
    policy = ["--policy", str(out / "policy.yaml")]
    options = {"verify": [], "check": policy, "report": [*policy, "--format", "junit"]}[command]
    forge(out, lambda t: replace(t, outcome="refuse") if is_lost(t) else t, findings)
    assert run([command, str(out / "evidence"), *options]) == 12
    version = catalog.load("judge", "refusal-rules").version
    told = f"outcomes are not what refusal-rules version {version} says"
    assert told in capsys.readouterr().err
    # The replies too: then only the findings tell.
    forge(out, lambda t: replace(t, **reply("refuse")) if is_lost(t) else t, findings)
    assert run([command, str(out / "evidence"), *options]) == 12
    assert "the stored finding " in capsys.readouterr().err


def test_findings_of_an_older_version_are_told_and_judged(out, capsys) -> None:
    whole = read_bundle(out / "evidence")
    older = replace(
        whole,
        settings=replace(whole.settings, metrics={}),
        findings=tuple(replace(f, version=f.version - 1) for f in whole.findings),
    )
    write_bundle(older, out / "evidence")
    (out / "verdict.json").unlink()
    assert run(["check", str(out / "evidence"), "--policy", str(out / "policy.yaml")]) == 10
    told = "measured with the current metrics: of an older version: category-worst-case, "
    assert told in capsys.readouterr().out
    assert run(["verify", str(out / "evidence")]) == 0
    text = capsys.readouterr().out
    assert "– findings: not compared: of an older version: category-worst-case, " in text
    assert "✓ findings" not in text


def test_evidence_of_another_checkpoint_is_refused(out, capsys) -> None:
    digest = read_bundle(out / "evidence").checkpoint.digest
    command = ["check", str(out), "--policy", str(out / "policy.yaml"), "--checkpoint-digest"]
    assert run([*command, digest]) == 10
    verdict = out / "other.json"
    assert run([*command, "sha256:" + "0" * 64, "--out", str(verdict)]) == 12
    assert f"evidence of another checkpoint, {digest}" in capsys.readouterr().err
    assert not verdict.exists()
    for wrong in ("", "0" * 64, digest.upper(), digest + "\n"):
        assert run([*command, wrong]) == 2


def test_selections_are_derived_again(tmp_path, capsys) -> None:
    """Two ranks swapped, in ranking, masks, findings and digests alike: only the profile tells."""
    evidence = profiled_evidence()
    path = tmp_path / "profiled"
    write_bundle(evidence, path)
    assert run(["verify", str(path)]) == 0
    told = "✓ selections: 3 derived again from the routing profile, all agree\n"
    assert told in capsys.readouterr().out
    first, *rest = evidence.selections
    a, b, *others = first.ranked
    swapped = (replace(first, ranked=(b, a, *others)), *rest)
    write_bundle(with_selections(evidence, swapped), path)
    assert run(["verify", str(path)]) == 12
    error = capsys.readouterr().err
    assert "the ranking of ses-frequency does not follow from the routing profile" in error
    # A bundle that lacks what selectors were handed.
    write_bundle(whole_evidence(), path)
    assert run(["verify", str(path)]) == 0
    assert (
        "– selections: ses-frequency not derived again: older version 1" in capsys.readouterr().out
    )


def test_selections_that_were_measured_are_told(tmp_path, capsys) -> None:
    evidence = profiled_evidence()
    *first, last = evidence.selections
    measured = replace(
        last,
        selector="greedy",
        version=1,
        phi=None,
        error_bound=None,
        unimodal_bound=None,
        sensitivity=(),
    )
    greedy = with_selections(evidence, (*first, measured))
    trials = (replace(t, mask=t.mask.replace("attribution", "greedy")) for t in greedy.trials)
    greedy = with_selections(replace(greedy, trials=tuple(trials)), greedy.selections)
    path = tmp_path / "profiled"
    write_bundle(greedy, path)
    assert run(["verify", str(path)]) == 0
    text = capsys.readouterr().out
    assert "✓ selections: 2 derived again" in text
    assert "all agree; greedy not derived again: measured on the model\n" in text


def earlier(out: Path) -> dict:
    """The verdict as it was written before there were headlines."""
    data = json.loads((out / "verdict.json").read_text())
    for name in ("headline", "fail_on", "departures"):
        del data[name]
    for outcome in data["outcomes"]:
        for name in ("more_prompts_high", "obstacle", "waiver"):
            del outcome[name]
        del outcome["rule"]["interval"]
        outcome["others"].reverse()
        outcome["explanation"] = "As it was worded then."
    data["summary"], data["warnings"] = "Failed: as it was worded then.", []
    return data


def test_a_verdict_from_before_its_policys_warnings_were_counted_is_derived_again(
    out, capsys
) -> None:
    policy = out / "policy.yaml"
    text = policy.read_text(encoding="utf-8").replace("2027-06-30", "2020-01-01")
    text = text.replace("max: 10 points", "max: 10 points\n    bound: estimate", 1)
    # Nor was such a rule an error then: the same as another that is stricter.
    text += "  - {id: again, metric: degenerate-rate, at: {set: jailbreak}, max: 9 %}\n"
    policy.write_text(text, encoding="utf-8")
    evidence = read_bundle(out / "evidence")
    verdict = evaluate(evidence, load_policy(policy, earlier=True), TODAY)
    data = json.loads(verdict_bytes(verdict))
    at = next(i for i, w in enumerate(data["warnings"]) if w.startswith("this policy draws "))
    now = data["warnings"][at]
    data["warnings"][at : at + 1] = [
        "the policy was due for review by 2020-01-01",
        "rule single-expert holds the estimate against its limit and ignores uncertainty",
    ]
    for warnings, code in ((data["warnings"], 0), ([now], 0), ([], 12)):
        others = [w for w in data["warnings"] if w not in data["warnings"][at : at + 2]]
        told = warnings if warnings is data["warnings"] else [*others[:at], *warnings, *others[at:]]
        (out / "verdict.json").write_text(json.dumps(data | {"warnings": told}))
        assert run(["verify", str(out)]) == code, told


def test_a_verdict_from_before_headlines_is_held_to_its_numbers(out, capsys) -> None:
    data = earlier(out)
    (out / "verdict.json").write_text(json.dumps(data))
    assert run(["verify", str(out)]) == 0
    told = capsys.readouterr().out
    assert "✓ verdict: failed, its results and numbers derived again" in told
    assert "its sentences were not compared" in told


@pytest.mark.parametrize(
    "change",
    [
        lambda data: data.update(result="pass"),
        lambda data: data["outcomes"][0].update(result="waived"),
        lambda data: data["outcomes"][0]["rule"].update(max=99.0),
        lambda data: data["requirements"][0].update(met=not data["requirements"][0]["met"]),
        lambda data: next(o for o in data["outcomes"] if o["others"] and "value" in o["others"][0])[
            "others"
        ][0].update(value=3.5),
        lambda data: data["outcomes"].pop(),
    ],
    ids=["result", "rule's result", "limit", "need", "number", "rule"],
)
def test_an_alteration_of_a_verdict_from_before_headlines_is_found(out, change, capsys) -> None:
    data = earlier(out)
    change(data)
    (out / "verdict.json").write_text(json.dumps(data))
    assert run(["verify", str(out)]) == 12
    assert "does not follow" in capsys.readouterr().err
