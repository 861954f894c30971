"""A replay says of each past audit what `check` says, and why that is not what was said then."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from datetime import date
from xml.etree import ElementTree

import pytest

from gatekeeper.evidence.bundle import read_bundle
from gatekeeper.history import past as pasts_of
from gatekeeper.history import spread as spreading
from gatekeeper.history.entry import brief_of
from gatekeeper.history.remember import code_digest
from gatekeeper.history.replay import replay
from gatekeeper.history.store import History
from gatekeeper.policy.evaluate import evaluate
from gatekeeper.policy.load import load_policy

from ..policy.builders import TODAY
from ..typed import some
from .made import OUTCOMES, POLICY, policy_with, told

CHANGES = {
    "as it was": (),
    "looser": (("max: 20 points", "max: 70 points"),),
    "tighter": (("max: 20 points", "max: 9 points"), ("min: 50 %", "min: 97 %")),
    "severities": (("severity: warn", "severity: block"),),
    "other needs": (("regular: 20}", "regular: 200}\n  power: 60 %"),),
    "other subjects": (("set: benign", "set: over_refusal"),),
}


@pytest.mark.parametrize("name", CHANGES)
def test_each_verdict_is_that_of_check(audits, name, tmp_path):
    policy = load_policy(policy_with(tmp_path, *CHANGES[name]))
    for again in (False, True):
        with History(audits) as kept:
            replayed = replay(kept, policy, day=TODAY)
            homes = [kept.home(one.entry) for one in replayed]
        for one, home in zip(replayed, homes, strict=True):
            brief = brief_of(evaluate(read_bundle(home / "evidence"), policy, TODAY))
            assert one.now is not None
            # But for what more prompts would tell, which decides nothing.
            assert replace(one.now, summary="") == replace(brief, summary=""), one.entry.model
            assert brief.summary.startswith(one.now.summary)
        if again:
            assert not any(one.was_read for one in replayed)


def test_changed_limits_are_answered_without_reading_a_bundle(audits, tmp_path, monkeypatch):
    def unreadable(_):
        raise AssertionError("a bundle was read")

    monkeypatch.setattr(pasts_of, "read_bundle", unreadable)
    for name in ("as it was", "looser", "tighter"):
        policy = load_policy(policy_with(tmp_path, *CHANGES[name]))
        with History(audits) as kept:
            assert len(replay(kept, policy)) == len(OUTCOMES)


def test_answers_of_other_code_are_not_believed(audits, tmp_path, monkeypatch):
    policy = load_policy(policy_with(tmp_path))
    for module in (spreading, pasts_of):
        monkeypatch.setattr(module, "code_digest", lambda: "of another version")
    with History(audits) as kept:
        assert all(one.was_read for one in replay(kept, policy))
        assert not any(one.was_read for one in replay(kept, policy))
        assert kept.answers(kept.entries()[0].digest, code_digest()) == {}  # and are dropped


def test_answers_that_are_none_are_not_believed(audits, tmp_path):
    policy, code = load_policy(policy_with(tmp_path)), code_digest()
    with History(audits, write=True) as kept:
        before = replay(kept, policy)
        for entry in kept.entries():
            known = kept.answers(entry.digest, code)
            kept.remember(code, [(entry.digest, {key: ["nonsense"] for key in known})])
        after = replay(kept, policy)
    assert [one.now for one in after] == [one.now for one in before]


def test_several_processes_say_the_same(audits, tmp_path, monkeypatch):
    policy = load_policy(policy_with(tmp_path))
    with History(audits) as kept:
        alone = replay(kept, policy, processes=1)
        monkeypatch.setattr(spreading, "_MANY", 2)
        monkeypatch.setattr(spreading, "_CHUNK", 1)
        assert replay(kept, policy, processes=2) == alone


def test_the_command_tells_what_flips_and_why(audits, tmp_path, capsys):
    loose = policy_with(tmp_path, ("max: 20 points", "max: 70 points"))
    same = policy_with(tmp_path, name="same.yaml")
    code, out, _ = told(capsys, "policy", "replay", same, "--history", audits, "--exit-code")
    assert (code, out.splitlines()[-1]) == (0, "4 audits: 4 as before")
    command = ("policy", "replay", loose, "--history", audits)
    code, out, _ = told(capsys, *command)
    assert code == 0
    flips = [line for line in out.splitlines() if "→" in line and not line.startswith(" ")]
    assert flips
    assert "points (95 % interval" in out
    assert "at most 70 points (then at most 20 points)" in out
    assert told(capsys, *command, "--exit-code")[0] == 10
    code, out, _ = told(
        capsys, "policy", "replay", loose, "--history", audits, "--against", loose, "--exit-code"
    )
    assert (code, out.splitlines()[-1]) == (0, "4 audits: 4 as before")


def test_each_view_tells_the_same_flips(audits, tmp_path, capsys):
    loose = policy_with(tmp_path, ("max: 20 points", "max: 70 points"))
    command = ("policy", "replay", loose, "--history", audits, "--format")
    data = json.loads(told(capsys, *command, "json")[1])
    flips = [audit for audit in data["audits"] if audit["flip"]]
    assert 0 < len(flips) < len(data["audits"]) == len(OUTCOMES)
    markdown = told(capsys, *command, "markdown")[1]
    assert sum(line.startswith("| ") for line in markdown.splitlines()) == 2 + len(flips)
    page = tmp_path / "page.html"
    told(capsys, *command, "html", "--out", page)
    root = ElementTree.fromstring(  # noqa: S314 - ours
        page.read_text(encoding="utf-8")
        .replace("<!doctype html>", "")
        .replace('<meta charset="utf-8"><meta name="viewport" content="width=device-width">', "")
    )
    assert len([*root.iter("tr")]) == 1 + len(flips)
    assert "http" not in page.read_text(encoding="utf-8")


def test_names_cannot_break_a_page(audits, tmp_path):
    from gatekeeper.history.replay_views import VIEWS

    with History(audits) as kept:
        (one, *_) = replay(kept, load_policy(policy_with(tmp_path)))
    assert one.now is not None
    evil = replace(one.entry, model="<script>|`x`\n::set-output")
    flipped = replace(one, entry=evil, then=replace(one.now, headline="passed"))
    assert flipped.flips
    for name, view in VIEWS.items():
        text = view([flipped], "t")
        assert "<script>|" not in text or name in {"table", "json"}
        assert "::set-output" not in text or name == "json"


def test_a_broken_bundle_is_named_and_the_others_are_judged(audits, tmp_path, capsys):
    with History(audits) as kept:
        home = kept.home(kept.entries()[0])
    (home / "evidence" / "run.json").unlink()
    code, out, err = told(capsys, "policy", "replay", policy_with(tmp_path), "--history", audits)
    assert code == 12
    assert out.splitlines()[-1] == "4 audits: 3 as before; 1 broken, not judged"
    assert err.startswith("not judged: ")
    assert "run.json" in err
    assert err.count("\n") == 1


def test_a_history_that_may_only_be_read_is_replayed(audits, monkeypatch, tmp_path):
    policy = load_policy(policy_with(tmp_path, *CHANGES["other subjects"]))
    monkeypatch.setattr(spreading, "writable", lambda _: False)
    with History(audits) as kept:
        first = [one.now for one in replay(kept, policy)]
        again = replay(kept, policy)
        assert [one.now for one in again] == first


def test_waivers_are_held_on_the_day_of_the_verdict_or_on_one_that_is_named(audits, tmp_path):
    with History(audits) as kept:
        failed = next(e for e in kept.entries() if e.model == "concentrated")
    waivers = "waivers:\n" + "".join(
        f"  - rule: {rule.id}\n    checkpoint: {failed.checkpoint}\n    reason: Known.\n"
        "    owner: a@example.com\n    approver: b@example.com\n    expires: 2027-12-01\n"
        for rule in some(failed.brief).rules
        if rule.result == "fail"
    )
    path = tmp_path / "waived.yaml"
    path.write_text(POLICY + waivers, encoding="utf-8")
    policy = load_policy(path)
    with History(audits) as kept:
        results = [
            {rule.result for one in replay(kept, policy, day=day, model="concentrated")
             for rule in some(one.now).rules}
            for day in (None, TODAY, date(2028, 1, 1))
        ]  # fmt: skip
    assert ["waived" in found for found in results] == [True, True, False]


@pytest.mark.parametrize("day", ["tomorrow", "2026-13-01"])
def test_a_day_that_is_none(audits, day, tmp_path, capsys):
    code, _, err = told(
        capsys, "policy", "replay", policy_with(tmp_path), "--history", audits, "--on", day
    )
    assert code == 2
    assert "--on" in err


def test_no_torch_is_imported(audits, tmp_path):
    policy = policy_with(tmp_path)
    program = (
        "import sys\n"
        "from gatekeeper.cli import run\n"
        f"assert run(['policy', 'replay', {str(policy)!r}, '--history', {str(audits)!r}]) == 0\n"
        f"assert run(['history', 'list', {str(audits)!r}]) == 0\n"
        "found = {'torch', 'transformers', 'sklearn', 'weasyprint'} & set(sys.modules)\n"
        "assert not found, found\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
