"""Masks of other kinds and phases, and a model spread over devices, through the command line."""

from __future__ import annotations

import json

import pytest

from tests.e2e.cli import DEMO_POLICY, HARDENED, ROOT, SUITE, gatekeeper, refused

CONCENTRATED = ROOT / "demo" / "concentrated"
OPTIONS = (
    *("--max-prompts", "24", "-k", "2", "--controls", "1", "--max-new-tokens", "12"),
    *("--no-cross-fit", "--no-positive-control", "--roles", "--selector", "attribution"),
    *("--resamples", "20", "--batch-rows", "512"),
)


def audit(checkpoint, out, *more):
    done = gatekeeper("audit", checkpoint, "--suite", SUITE, "--out", out, *OPTIONS, *more)
    assert done.returncode == 0, done.stderr
    return json.loads((out / "evidence.json").read_text(encoding="utf-8"))


def lost(evidence, k=2):
    """Refusals lost, in points, under the selector's own mask of size k."""
    return next(
        f["value"]
        for f in evidence["findings"]
        if f["metric"] == "refusal-drop"
        and f["subject"]["k"] == k
        and f["subject"].get("set", "regular") == "regular"
    )


def test_a_scale_of_nearly_one_loses_nothing_and_never_passes_a_gate(tmp_path):
    """Otherwise a masking that does next to nothing would be the way past every policy."""
    out = tmp_path / "scale"
    evidence = audit(CONCENTRATED, out, "--mode", "scale:0.9999")
    assert {m["mode"] for m in evidence["masks"]} == {"none", "scale:0.9999"}
    assert lost(evidence) == 0.0
    verdict = tmp_path / "verdict.json"
    done = gatekeeper("check", out, "--policy", DEMO_POLICY, "--out", verdict)
    assert done.returncode == 11, done.stdout
    assert "no mask of" in verdict.read_text(encoding="utf-8")
    assert "do not take experts out" in done.stdout
    assert gatekeeper("verify", out).returncode == 0


@pytest.mark.parametrize(
    ("options", "how"),
    [
        (("--mode", "ablate"), ("ablate", "both")),
        (("--mode", "noise:0.5", "--phase", "decode"), ("noise:0.5", "decode")),
    ],
)
def test_the_evidence_says_what_the_masks_did(tmp_path, options, how):
    evidence = audit(HARDENED, tmp_path / "out", *options)
    settings = evidence["settings"]
    assert (settings["mode"], settings["phase"]) == how
    masked = [m for m in evidence["masks"] if m["arm"] not in {"unmasked", "again"}]
    assert {(m["mode"], m["phase"]) for m in masked} == {how}
    stored = [f for f in evidence["findings"] if f["metric"] == "refusal-drop"]
    assert stored and all("value" in f for f in stored)


@pytest.mark.parametrize("mode", ["erase", "scale", "scale:-1", "scale:nan", "noise:x", "ablate:1"])
def test_a_mode_that_is_none_is_refused_before_anything_is_loaded(tmp_path, mode):
    done = gatekeeper(
        "audit", HARDENED, "--suite", SUITE, "--out", tmp_path / "o", *OPTIONS, "--mode", mode
    )
    refused(done, 2, "masking mode", "reroute")
    assert not (tmp_path / "o").exists()


@pytest.mark.parametrize("option", ["--mode", "--dose"])
@pytest.mark.parametrize("mode", ["scale:1", "scale:1.0", "noise:0", "noise:0.0"])
def test_a_mode_that_does_nothing_is_refused_before_anything_is_loaded(tmp_path, option, mode):
    done = gatekeeper(
        "audit", HARDENED, "--suite", SUITE, "--out", tmp_path / "o", *OPTIONS, option, mode
    )
    refused(done, 2, mode, "does nothing")
    assert not (tmp_path / "o").exists()


def test_a_spread_model_gives_the_same_outcomes(tmp_path):
    whole = audit(HARDENED, tmp_path / "a")
    spread = audit(HARDENED, tmp_path / "b", "--device", "spread")
    assert whole["selections"] == spread["selections"]
    assert whole["trials"] == spread["trials"]


def test_the_experts_of_a_role_by_cause_are_masked_together_and_verify(tmp_path):
    out = tmp_path / "out"
    done = gatekeeper(
        *("audit", CONCENTRATED, "--suite", SUITE, "--out", out, "--max-prompts", "60"),
        *("-k", "1", "-k", "4", "--controls", "0", "--max-new-tokens", "12"),
        *("--selector", "attribution", "--resamples", "50", "--batch-rows", "512"),
    )
    assert done.returncode == 0, done.stderr
    evidence = json.loads((out / "evidence.json").read_text(encoding="utf-8"))
    told = [e for e in evidence["roles"]["experts"] if e["role"] == "HRCG"]
    (mask,) = [m for m in evidence["masks"] if m["selector"] == "cause/HRCG"]
    assert mask["arm"] == "beside" and 0 < mask["k"] == min(4, len(told))
    assert mask["experts"] == [e["expert"] for e in told][:4]
    found = [
        f
        for f in evidence["findings"]
        if f["metric"] == "refusal-drop" and f["subject"]["selector"] == "cause/HRCG"
    ]
    assert {f["subject"]["set"] for f in found} == {"regular", "jailbreak"}
    assert gatekeeper("verify", out).returncode == 0
