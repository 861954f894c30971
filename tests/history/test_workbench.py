"""The workbench page: what is written, what it shows, and what a person does with it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from gatekeeper.errors import ExitCode
from gatekeeper.history import past
from gatekeeper.history.store import History
from gatekeeper.history.workbench import slid
from gatekeeper.policy.load import load_policy

from ..policy.builders import REPLIES
from .made import OUTCOMES, policy_with, told


def data_of(path: Path) -> Any:
    text = path.read_text(encoding="utf-8")
    return json.loads(re.findall(r'id="data">(.*?)</script>', text, re.DOTALL)[0])


def test_the_command_writes_one_page_that_loads_nothing_and_tells_no_reply(
    audits, tmp_path, capsys
):
    policy, out = policy_with(tmp_path), tmp_path / "page.html"
    code, said, err = told(capsys, "policy", "workbench", policy, "--history", audits, "--out", out)
    assert (code, err) == (0, "")
    assert said == f"4 audits: {out}\n"
    text = out.read_text(encoding="utf-8")
    assert "default-src 'none'" in text
    assert not re.search(r"https?:|//[a-z]|@import|url\(|<link|\bfetch\(|XMLHttp", text)
    for reply, _ in REPLIES.values():
        assert not reply or reply not in text
    data = data_of(out)
    assert {audit["model"] for audit in data["audits"]} == set(OUTCOMES)
    keys = {"id", "date", "model", "label", "then", "now", "failOn", "unmet", "rules", "waived"}
    assert set(data["audits"][0]) == {*keys, "fixed"}
    assert all(set(at) <= set("k4,1 selector regular benign none mask set - ses attribution "
                              "frequency contrast") for at in data["at"])  # fmt: skip


@pytest.mark.parametrize(
    ("change", "word"),
    [
        (("{policy}", "{gone}"), "cannot be read"),
        (("{audits}", "{gone}"), "no history"),
        (("{out}", "{gone}/page.html"), "no such directory"),
        (("{out}", "{audits}"), "is a directory"),
        (("--lang en", "--lang xx"), "known: en, ja"),
        (("2026-11-30", "soon"), "is no day"),
    ],
)
def test_bad_input_is_told_in_a_line_and_nothing_is_written(change, word, audits, tmp_path, capsys):
    places = {"policy": policy_with(tmp_path), "audits": audits, "out": tmp_path / "page.html",
              "gone": tmp_path / "gone"}  # fmt: skip
    line = "policy workbench {policy} --history {audits} --out {out} --lang en --on 2026-11-30"
    arguments = [part.format(**places) for part in line.replace(*change).split()]
    code, said, err = told(capsys, *arguments)
    assert (code, said) == (ExitCode.USAGE, "")
    assert word in err
    assert err.count("\n") == 1
    assert not (tmp_path / "page.html").exists()


def test_a_broken_bundle_is_named_and_all_others_are_shown(audits, tmp_path, capsys):
    with History(audits) as kept:
        first, *others = kept.entries()
        (kept.home(first) / "evidence" / "evidence.json").write_text("{}")
    out = tmp_path / "page.html"
    code, said, err = told(
        capsys, "policy", "workbench", policy_with(tmp_path), "--history", audits, "--out", out
    )
    assert code == ExitCode.NOT_VERIFIED
    assert first.short in err
    assert "1 broken" in said
    data = data_of(out)
    assert [one.split()[0] for one in data["broken"]] == [first.short]
    assert {audit["id"] for audit in data["audits"]} == {entry.short for entry in others}


def test_without_a_policy_that_of_the_latest_verdict_is_taken(audits, tmp_path, capsys):
    out = tmp_path / "page.html"
    line = ("policy", "workbench", "--history", audits, "--out", out)
    assert told(capsys, *line)[0] == 0
    assert "Limits of small 1" in out.read_text(encoding="utf-8")
    with History(tmp_path / "none", write=True):
        pass
    code, _, err = told(capsys, *line[:3], tmp_path / "none", "--out", tmp_path / "b.html")
    assert (code, err.count("\n")) == (ExitCode.USAGE, 1)
    assert not (tmp_path / "b.html").exists()


def test_an_empty_history_makes_a_page_too(tmp_path, capsys):
    with History(tmp_path / "audits", write=True):
        pass
    out = tmp_path / "page.html"
    line = ("--history", tmp_path / "audits", "--out", out)
    assert told(capsys, "policy", "workbench", policy_with(tmp_path), *line)[0] == 0
    assert data_of(out)["audits"] == []


def test_the_first_page_asks_all_that_pages_show_whatever_the_limits(audits, tmp_path, monkeypatch):
    def read(_: Path) -> None:
        raise AssertionError("a bundle was read")

    policy = load_policy(policy_with(tmp_path))
    looser = load_policy(policy_with(tmp_path, ("max: 20 points", "max: 70 points")))
    with History(audits) as kept:
        first = slid(kept, policy)
    monkeypatch.setattr(past, "read_bundle", read)
    with History(audits) as kept:
        assert slid(kept, looser).texts == first.texts
