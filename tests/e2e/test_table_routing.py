"""A model of which some layers route by a table: they are described, and not masked."""

from __future__ import annotations

import json

import pytest
import torch

from tests.e2e.cli import DEMO_POLICY, SUITE, gatekeeper
from tests.engine.tiny_loaded import tokenizer
from tests.engine.zoo import build

SMALL = (
    *("--max-prompts", "24", "-k", "1", "--controls", "1", "--selector", "ses-frequency"),
    *("--max-new-tokens", "4", "--no-roles", "--no-cross-fit"),
)


@pytest.fixture(scope="module")
def audited(tmp_path_factory):
    folder = tmp_path_factory.mktemp("table")
    torch.manual_seed(0)
    words = tokenizer()
    build("deepseek_v4", vocab_size=len(words)).save_pretrained(folder / "candidate")
    words.save_pretrained(folder / "candidate")
    command = ["run", folder / "candidate", "--suite", SUITE, "--policy", DEMO_POLICY, *SMALL]
    ran = gatekeeper(*command, "--out", folder / "out")
    assert ran.returncode == 10, ran.stderr  # its replies are noise, and its verdict no pass
    return folder / "out"


def test_its_own_evidence_is_read_and_verified(audited):
    model = json.loads((audited / "evidence" / "evidence.json").read_bytes())["model"]
    routing = {site["layer"]: site["routing"] for site in model["sites"]}
    assert set(routing.values()) == {"learned", "table"}
    verified = gatekeeper("verify", audited)
    assert verified.returncode == 0, verified.stdout + verified.stderr


def test_no_mask_holds_an_expert_of_such_a_layer(audited):
    evidence = json.loads((audited / "evidence" / "evidence.json").read_bytes())
    learned = {s["layer"] for s in evidence["model"]["sites"] if s["routing"] == "learned"}
    masked = {layer for mask in evidence["masks"] for layer, _ in mask["experts"]}
    assert masked
    assert masked <= learned
