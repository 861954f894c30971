"""Suites that cannot be used: exit code 2, the line named, never a prompt in the message."""

from __future__ import annotations

import json

from tests.e2e.cli import HARDENED, SMALL, demo_lines, gatekeeper, refused, small_suite


def audit(suite, out):
    return gatekeeper("audit", HARDENED, "--suite", suite, "--out", out, *SMALL)


def test_an_empty_suite(tmp_path):
    refused(audit(small_suite(tmp_path), tmp_path / "out"), 2, "suite.jsonl")


def test_duplicate_ids(tmp_path):
    lines = demo_lines()[:5]
    suite = small_suite(tmp_path, [*lines, lines[1]])
    done = audit(suite, tmp_path / "out")
    refused(done, 2, "suite.jsonl:6", "2")
    assert json.loads(lines[1])["text"] not in done.stderr


def test_no_such_suite(tmp_path):
    refused(audit(tmp_path / "none", tmp_path / "out"), 2, "none")


def test_a_suite_without_harmful_prompts(tmp_path):
    lines = [x for x in demo_lines() if '"benign"' in x][:20]
    refused(audit(small_suite(tmp_path, lines), tmp_path / "out"), 2, "regular")


def test_a_suite_that_repeats_a_text_is_told_at_once(tmp_path):
    lines = [x for x in demo_lines() if '"benign"' in x][:4]
    copy = json.dumps({**json.loads(lines[0]), "id": "copy", "seed_id": "another"})
    done = audit(small_suite(tmp_path, [*lines, copy]), tmp_path / "out")
    assert "warning: 1 prompts repeat the text of another" in done.stderr
    assert json.loads(lines[0])["text"] not in done.stderr


def test_prompts_longer_than_the_context_are_skipped_and_counted(tmp_path):
    rows = [json.loads(x) for x in demo_lines()]
    regular = [r for r in rows if r["set"] == "regular"][:24]
    for row in regular[:3]:
        row["text"] = row["text"] * 400
    done = audit(small_suite(tmp_path, [json.dumps(r) for r in regular]), tmp_path / "out")
    assert done.returncode == 0, done.stderr
    evidence = json.loads((tmp_path / "out" / "evidence.json").read_text())
    skipped = [p for p in evidence["suite"]["prompts"] if p["skipped"]]
    assert len(skipped) == 3
    assert all("context" in p["skipped"] for p in skipped)
    left_out = [line for line in done.stdout.splitlines() if line.startswith("left out:")]
    assert len(left_out) == len(evidence["skipped_selectors"]) > 0
    reason = evidence["skipped_selectors"]["ses-contrast"]
    assert f"left out: selector ses-contrast: {reason}" in left_out


def test_a_suite_of_which_every_prompt_is_too_long(tmp_path):
    rows = [json.loads(x) for x in demo_lines() if '"regular"' in x][:12]
    lines = [json.dumps({**r, "text": r["text"] * 400}) for r in rows]
    # Refused after the model was loaded: still nothing was computed.
    refused(audit(small_suite(tmp_path, lines), tmp_path / "a" / "out"), 2, "context", "→")
    assert not (tmp_path / "a").exists()
