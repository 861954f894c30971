"""`judge label --sample`: a blind sample, a sheet to fill in, and the card made of it."""

from __future__ import annotations

import csv
import json
import re
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from gatekeeper.cli import run
from gatekeeper.commands._label_sample import sample
from gatekeeper.evidence.bundle import read_bundle, write_bundle
from gatekeeper.records.evidence import Evidence
from gatekeeper.records.suite import SETS

from ..evidence.whole import whole_evidence
from .test_judge import in_terminal

REPLIES = {
    "refuse": "I can't help with that, {}.",
    "comply": "=1+1. Here is how {} is done: with care.",
    "degenerate": "{} the the the the the the the the the the",
}


def spoken(made: Evidence) -> Evidence:
    """Each prompt and mask with a reply of its own; under masks a tenth of the refusals is lost."""
    arms = {mask.name: mask.arm for mask in made.masks}
    trials = []
    for number, trial in enumerate(made.trials):
        outcome = "comply" if trial.prompt_id.startswith(("benign", "over")) else "refuse"
        if arms[trial.mask] != "unmasked" and number % 10 == 0:
            outcome = "comply"
        elif arms[trial.mask] != "unmasked" and number % 37 == 0:
            outcome = "degenerate"
        text = REPLIES[outcome].format(f"{trial.prompt_id} {trial.mask}".replace("-", " "))
        reason = {"refuse": "refusal-phrase", "comply": "no-refusal", "degenerate": "repeats"}
        trials.append(
            replace(trial, outcome=outcome, reason=reason[outcome], completion=text, second=None)
        )
    settings = replace(made.settings, second=None)
    return replace(made, trials=tuple(trials), settings=settings)


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bundle")
    write_bundle(spoken(whole_evidence()), folder)
    return folder


def test_it_has_both_groups_every_set_and_every_outcome(bundle: Path) -> None:
    evidence = read_bundle(bundle)
    items = sample(evidence, 60, seed=1)
    assert len({item.id for item in items}) == 60
    sets = {p.id: p.set for p in evidence.suite.prompts}
    cells = Counter((item.group, sets[item.prompt_id]) for item in items)
    assert {name for _, name in cells} == set(SETS)
    groups = Counter(item.group for item in items)
    assert groups["masked"] >= 30
    masked = Counter(i.outcome for i in items if (i.group, sets[i.prompt_id])[1] == "regular")
    assert masked["refuse"] > masked["comply"] >= 1
    assert {item.outcome for item in items} == set(REPLIES)
    groups_in_order = [item.group for item in items]
    assert groups_in_order not in (sorted(groups_in_order), sorted(groups_in_order, reverse=True))
    assert items == sample(evidence, 60, seed=1) != sample(evidence, 60, seed=2)
    assert len(sample(evidence, 10**6, seed=1)) == len(
        {(t.prompt_id, t.completion) for t in evidence.trials}
    )


def label(bundle: Path, out: Path, *more: str) -> int:
    return run(["judge", "label", str(bundle), "--sample", "--out", str(out), *more])


def person(text: str) -> str:
    return "refuse" if "can't" in text else "comply" if "with care" in text else "degenerate"


@pytest.mark.parametrize("suffix", [".csv", ".jsonl"])
def test_a_sheet_is_blind_and_becomes_a_card(
    bundle: Path, tmp_path: Path, suffix: str, capsys: pytest.CaptureFixture[str]
) -> None:
    sheet, card = tmp_path / f"sheet{suffix}", tmp_path / "card.json"
    assert label(bundle, sheet) == 0
    told = capsys.readouterr()
    assert re.search(
        r"60 replies to label: \d+ of \d+ unmasked, \d+ of \d+ masked; a pol", told.out
    )
    assert "takes 10 masked ones that people call compliance\n" in told.out
    assert "without their requests" in told.err
    assert sheet.stat().st_mode & 0o077 == 0
    if suffix == ".csv":
        with sheet.open(newline="") as file:
            rows = list(csv.DictReader(file))
    else:
        rows = [json.loads(line) for line in sheet.read_text().splitlines()]
    assert len(rows) == 60
    assert {tuple(row) for row in rows} == {("id", "prompt", "reply", "label")}
    assert not any(row["reply"].startswith("=") for row in rows if suffix == ".csv")
    assert {row["label"] for row in rows} == {""}
    for row in rows[:-1]:  # the last is left out, and spreadsheets write as they like
        row["label"] = (
            person(row["reply"]).upper() + " " if suffix == ".csv" else person(row["reply"])
        )
        row["reply"] = row["reply"].strip() + "\r\n"
    if suffix == ".csv":
        with sheet.open("w", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
    else:
        sheet.write_text("".join(json.dumps(row) + "\n" for row in rows))
    made = ["judge", "calibrate", "--labels", str(sheet), "--out", str(card)]
    assert run([*made, "--evidence", str(bundle)]) == 0
    data = json.loads(card.read_text())
    evidence = read_bundle(bundle)
    assert data["checkpoint"] == evidence.checkpoint.digest
    parts = {part["name"]: part for part in data["parts"]}
    assert parts["all"]["n"] == 59
    assert parts["group: masked"]["n"] >= 29
    assert parts["group: masked"]["counts"]["comply"]["comply"] >= 10
    assert "warning" not in capsys.readouterr().err
    assert run(made) == 0
    assert "no policy that demands a card" in capsys.readouterr().err
    assert "checkpoint" not in json.loads(card.read_text())


def test_a_sheet_is_not_written_over(
    bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "sheet.csv"
    out.write_text("labels")
    assert label(bundle, out) == 2
    assert "may hold labels" in capsys.readouterr().err
    assert out.read_text() == "labels"
    assert label(bundle, tmp_path / "sheet.txt") == 2
    assert label(bundle, tmp_path / "no" / "sheet.csv") == 2


def test_labels_of_another_bundle_are_refused(
    bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    labels = tmp_path / "l.jsonl"
    labels.write_text('{"id": "x", "prompt": "", "reply": "Sure.", "label": "comply"}\n')
    assert run(["judge", "calibrate", "--labels", str(labels), "--evidence", str(bundle)]) == 2
    assert f"{labels}:1: id x is of no reply of the bundle" in capsys.readouterr().err


def test_what_is_lacking_is_told_on_drawing(
    bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = read_bundle(bundle)
    same = {t.prompt_id: t.completion for t in made.trials}  # but for four, masks change nothing
    trials = tuple(
        t
        if number < 4 + len(same) and t.mask != made.trials[0].mask
        else replace(t, completion=same[t.prompt_id])
        for number, t in enumerate(made.trials)
    )
    write_bundle(replace(made, trials=trials), tmp_path / "bundle")
    assert label(tmp_path / "bundle", tmp_path / "sheet.csv", "--count", "100000") == 0
    told = capsys.readouterr().out
    assert "; 100000 were asked for, and there are no more different ones; a policy" in told
    assert "masked ones that people call compliance, more than there are here" in told
    assert label(tmp_path / "bundle", tmp_path / "sheet.xlsx") == 2
    assert "ends in .csv" in capsys.readouterr().err


def test_a_label_counts_for_the_reply_that_was_drawn(
    bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sheet = tmp_path / "sheet.jsonl"
    assert label(bundle, sheet) == 0
    rows = [json.loads(line) | {"label": "comply"} for line in sheet.read_text().splitlines()]
    made = ["judge", "calibrate", "--labels", str(sheet), "--evidence", str(bundle)]
    rows[3]["reply"] = f" {rows[3]['reply']}\r\n".replace("'", "’")
    sheet.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert run(made) == 0
    rows[3]["reply"] += "Not."
    sheet.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert run(made) == 2
    error = capsys.readouterr().err
    assert f"{sheet}:4: the reply of id {rows[3]['id']} is not as the bundle has it → " in error
    assert "Not." not in error


def test_a_sheet_of_which_nothing_is_filled_in_is_no_card(
    bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sheet = tmp_path / "sheet.csv"
    assert label(bundle, sheet) == 0
    assert run(["judge", "calibrate", "--labels", str(sheet), "--evidence", str(bundle)]) == 2
    assert "has no labelled replies" in capsys.readouterr().err


def test_a_bundle_without_replies_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = spoken(whole_evidence())
    trials = tuple(replace(t, completion="") for t in made.trials)
    write_bundle(replace(made, trials=trials), tmp_path / "bundle")
    assert label(tmp_path / "bundle", tmp_path / "sheet.csv") == 12
    assert "holds no replies to label" in capsys.readouterr().err


def test_in_a_terminal_the_sample_is_asked_for(bundle: Path, tmp_path: Path) -> None:
    out = tmp_path / "labels.jsonl"
    code, screen = in_terminal(
        ["judge", "label", str(bundle), "--sample", "--out", str(out)], "rcq"
    )
    assert code == 0, screen
    assert "1 of 60" in screen
    rows = [json.loads(line) for line in out.read_text().splitlines()]
    assert [row["label"] for row in rows] == ["refuse", "comply"]
    assert {row["checkpoint"] for row in rows} == {read_bundle(bundle).checkpoint.digest}
