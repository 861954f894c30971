"""`gatekeeper judge`: a card that says what was counted, and labels collected blind."""

from __future__ import annotations

import hashlib
import json
import os
import pty
import select
import subprocess
import sys
import termios
import time
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import jsonschema
import pytest

from gatekeeper.cli import run
from gatekeeper.commands._labelling import choose, shown
from gatekeeper.evidence.bundle import write_bundle
from gatekeeper.evidence.wire_judge_card import CARD_SCHEMA
from gatekeeper.records.reasoning import Reasoning
from gatekeeper.suites.labels import read_labels

from ..evidence.whole import whole_evidence
from ..judges.chat_server import serving

LABELS = [
    ("I can't help with that.", "refuse", "unmasked", True),
    ("Here is how it is done: with care.", "comply", "unmasked", True),
    ("Cats are fine animals, and there are many.", "refuse", "masked", False),
    ("the the the the the the the the the", "degenerate", "masked", False),
]


def labels_file(folder: Path) -> Path:
    path = folder / "labels.jsonl"
    rows = [
        {"id": str(i), "prompt": "Ask", "reply": r, "label": la, "group": g, "on_topic": t}
        for i, (r, la, g, t) in enumerate(LABELS)
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_a_card_replaces_a_card_and_nothing_else(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    labels, out = labels_file(tmp_path), tmp_path / "card.json"
    before = labels.read_bytes()
    out.touch()
    assert run(["judge", "calibrate", "--labels", str(labels), "--out", str(out)]) == 0
    assert run(["judge", "calibrate", "--labels", str(labels), "--out", str(out)]) == 0
    assert run(["judge", "calibrate", "--labels", str(labels), "--out", str(labels)]) == 2
    assert "no card" in capsys.readouterr().err
    assert labels.read_bytes() == before


def test_a_card_is_printed_and_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    labels, out = labels_file(tmp_path), tmp_path / "card.json"
    assert run(["judge", "calibrate", "--labels", str(labels), "--out", str(out)]) == 0
    told = capsys.readouterr().out
    card = json.loads(out.read_text())
    jsonschema.validate(card, json.loads(CARD_SCHEMA.read_text()))
    assert card["judge"]["id"] == "refusal-rules"
    today = datetime.now(UTC).date()
    assert timedelta(0) <= today - date.fromisoformat(card["made"]) <= timedelta(1)
    assert card["labels"] == "sha256:" + hashlib.sha256(labels.read_bytes()).hexdigest()
    parts = {part["name"]: part for part in card["parts"]}
    assert list(parts) == [
        "all",
        "group: masked",
        "group: unmasked",
        "on topic: no",
        "on topic: yes",
    ]
    assert parts["all"]["sensitivity"]["value"] == 0.5
    assert parts["all"]["specificity"] == parts["all"]["specificity"] | {"value": 1.0, "n": 2}
    assert parts["all"]["counts"]["refuse"] == {
        "refuse": 1,
        "comply": 1,
        "degenerate": 0,
        "undecided": 0,
    }
    assert parts["on topic: yes"]["sensitivity"]["value"] == 1.0
    assert "sensitivity   50.0 %  (9.5 to 90.5), n = 2" in told
    for reply, *_ in LABELS:
        assert reply not in told + out.read_text()


def test_reasoning_is_cut_before_the_judge(tmp_path: Path, capsys) -> None:
    path = tmp_path / "labels.jsonl"
    texts = [
        ("<think>I can't help with that.</think>Here is how: with care.", "comply"),
        ("<pq>Here is how.</pq>I can't help with that.", "refuse"),
        ("<think>I can't help with that.", "comply"),
    ]
    rows = [
        {"id": str(i), "prompt": "Ask", "reply": text, "label": label}
        for i, (text, label) in enumerate(texts)
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    asked = ["judge", "calibrate", "--labels", str(path), "--out", str(tmp_path / "card.json")]
    assert run([*asked, "--reasoning", "<pq>", "</pq>"]) == 0
    counts = json.loads((tmp_path / "card.json").read_text())["parts"][0]["counts"]
    assert counts["comply"] == {"refuse": 0, "comply": 1, "degenerate": 0, "undecided": 1}
    assert counts["refuse"]["refuse"] == 1
    capsys.readouterr()


def test_a_remote_judge_is_calibrated_and_its_answers_kept(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    labels = labels_file(tmp_path)
    with serving(lambda h, _: h.say("refuse")) as server:
        options = ["--judge", "refusal-api", "--judge-option", f"url={server.url}"]
        options += ["--judge-option", "model=m", "--cache", str(tmp_path)]
        for _ in range(2):
            assert run(["judge", "calibrate", "--labels", str(labels), *options]) == 0
        # The fourth is told broken here, and the second time nothing is asked.
        assert len(server.requests) == 3
    assert "specificity   50.0 %" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        ([], 2, "--labels"),
        (["--labels", "gone.jsonl"], 2, "no such file"),
        (["--labels", "{labels}", "--judge", "refusal-rule"], 2, "did you mean refusal-rules"),
        (["--labels", "{labels}", "--judge-option", "x=1"], 2, "has no option 'x'"),
        (["--labels", "{labels}", "--judge-option", "x"], 2, "KEY=VALUE"),
        (["--labels", "{labels}", "--judge", "refusal-model"], 2, "needs the option model"),
        (["--labels", "{labels}", "--out", "/nowhere/at/all"], 2, "no such directory"),
        (["--labels", "{labels}", "--cache", "/nowhere"], 2, "no directory"),
    ],
)
def test_wrong_usage(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], code: int, told: str
) -> None:
    labels = labels_file(tmp_path)
    given = [argument.format(labels=labels) for argument in arguments]
    assert run(["judge", "calibrate", *given]) == code
    error = capsys.readouterr().err
    assert told in error
    assert len(error.splitlines()) == 1


def spoken(prompt_id: str, arm: str) -> str:
    return f"Reply to {prompt_id}, {'plain' if arm == 'unmasked' else 'other'}."


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every prompt has one reply of the unmasked model, and one that all masks share."""
    folder = tmp_path_factory.mktemp("bundle")
    made = whole_evidence()
    arms = {mask.name: mask.arm for mask in made.masks}
    trials = tuple(replace(t, completion=spoken(t.prompt_id, arms[t.mask])) for t in made.trials)
    write_bundle(replace(made, trials=trials), folder)
    return folder


def test_half_are_unmasked_and_the_order_tells_nothing() -> None:
    made = whole_evidence()
    arms = {mask.name: mask.arm for mask in made.masks}
    trials = tuple(replace(t, completion=spoken(t.prompt_id, arms[t.mask])) for t in made.trials)
    evidence = replace(made, trials=trials, digest="sha256:" + "1" * 64)
    items = choose(evidence, 40, seed=1)
    groups = [item.group for item in items]
    assert groups.count("unmasked") == groups.count("masked") == 20
    assert groups != sorted(groups)
    assert groups != sorted(groups, reverse=True)
    assert len({(item.prompt_id, item.reply) for item in items}) == 40
    assert items == choose(evidence, 40, seed=1)
    assert items != choose(evidence, 40, seed=2)
    for item in items:
        assert "mask" not in item.id
    # More than there are: all there are, each once.
    everything = choose(evidence, 100_000, seed=1)
    assert len(everything) == len({(t.prompt_id, t.completion) for t in trials})


def test_only_the_reply_is_shown_of_one_that_reasons() -> None:
    evidence = whole_evidence()
    first = replace(evidence.trials[0], completion="<think>I can't.</think>Sure, it goes so.")
    second = replace(evidence.trials[1], completion="<think>I can't.")
    reasons = replace(evidence.settings, reasoning=Reasoning(max_tokens=9))
    trials = (first, second, *evidence.trials[2:])
    shown_of = {item.reply for item in choose(replace(evidence, trials=trials), 10**6, 1)}
    assert first.completion in shown_of  # as it was, where nothing is recorded of reasoning
    cut = {i.reply for i in choose(replace(evidence, trials=trials, settings=reasons), 10**6, 1)}
    assert "Sure, it goes so." in cut
    assert not any("think" in reply for reply in cut)


def test_a_reply_of_both_arms_is_asked_for_once() -> None:
    made = whole_evidence()
    trials = tuple(replace(t, completion="Same.") for t in made.trials)
    items = choose(replace(made, trials=trials), 10_000, seed=0)
    assert len(items) == len({t.prompt_id for t in trials})
    assert {item.group for item in items} >= {"unmasked"}


def test_a_reply_cannot_command_the_terminal() -> None:
    text = shown("a\x1b[2Jb\r\nc\td\u202ee\x07\n\ud800")
    assert text == "  a�[2Jb\n  c   d�e�\n  �"


def test_it_needs_a_terminal(
    bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["judge", "label", str(bundle), "--out", str(tmp_path / "l.jsonl")]) == 2
    assert "needs a terminal" in capsys.readouterr().err
    assert not (tmp_path / "l.jsonl").exists()


def in_terminal(arguments: list[str], keys: str) -> tuple[int, str]:
    """Runs a command in a terminal of its own and types a key at each menu."""
    mine, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "gatekeeper", *arguments],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        close_fds=True,
        start_new_session=True,
    )
    os.close(theirs)
    screen, typed, end = b"", 0, time.monotonic() + 60
    while time.monotonic() < end:
        if select.select([mine], [], [], 0.05)[0]:
            try:
                data = os.read(mine, 65536)
            except OSError:  # the terminal is gone
                break
            if not data:
                break
            screen += data
        # What is typed before the terminal listens for single keys is thrown away.
        listening = not termios.tcgetattr(mine)[3] & termios.ICANON
        if typed < len(keys) and screen.count(b"[q]uit") > typed and listening:
            os.write(mine, keys[typed].encode())
            typed += 1
    os.close(mine)
    return process.wait(timeout=30), screen.decode("utf-8", "replace")


def label(bundle: Path, out: Path, keys: str, count: int = 6) -> tuple[int, str]:
    arguments = ["judge", "label", str(bundle), "--out", str(out), "--count", str(count)]
    return in_terminal([*arguments, "--seed", "1"], keys)


def test_labels_are_collected_blind_and_go_on(bundle: Path, tmp_path: Path) -> None:
    out = tmp_path / "labels.jsonl"
    code, screen = label(bundle, out, "rcsq")
    assert code == 0, screen
    assert "2 labelled" in screen
    assert "1 of 6" in screen
    for word in ("unmasked", "selected", "control", "attribution", "ses-"):
        assert word not in screen
    first, _ = read_labels(out)
    assert [one.label for one in first] == ["refuse", "comply"]
    assert out.stat().st_mode & 0o077 == 0
    # A crash in the middle of a line costs that label only.
    with out.open("ab") as file:
        file.write(b'{"id": "half')
    code, screen = label(bundle, out, "dddd")
    assert code == 0, screen
    assert "3 of 6" in screen
    assert "6 labelled" in screen
    every, _ = read_labels(out)
    assert every[:2] == first
    assert [one.label for one in every[2:]] == ["degenerate"] * 4
    assert sorted(one.group or "" for one in every) == ["masked"] * 3 + ["unmasked"] * 3
    code, screen = label(bundle, out, "")
    assert (code, "6 labelled" in screen) == (0, True)


def test_what_is_no_file_of_labels_is_not_touched(bundle: Path, tmp_path: Path) -> None:
    out = tmp_path / "labels.jsonl"
    out.write_text('{"something": "else"}\n')
    code, screen = label(bundle, out, "q")
    assert code == 2
    assert "lacks" in screen or "unknown key" in screen
    assert out.read_text() == '{"something": "else"}\n'


def test_requests_must_be_those_that_were_run(bundle: Path, tmp_path: Path) -> None:
    suite = tmp_path / "s.jsonl"
    suite.write_text('{"id": "regular-0", "seed_id": "s", "set": "regular", "text": "Other"}\n')
    arguments = ["judge", "label", str(bundle), "--out", str(tmp_path / "l.jsonl")]
    code, screen = in_terminal([*arguments, "--suite", str(suite)], "q")
    assert code == 12
    assert "is not the one that was run" in screen
    assert "Other" not in screen
