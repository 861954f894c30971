"""The check for GPUs, on the CPU with small sizes: it runs whole, and it can fail."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from gatekeeper.engine.model.expert_counts import Counter
from tools.gpu_check import demo_gate, families, kernels, large_model, syncs
from tools.gpu_check.__main__ import main

CPU = torch.device("cpu")


def names_not_held(part) -> list[str]:
    return [claim.name for claim in part.claims if not claim.held]


def test_one_device_is_as_the_other():
    part = families.check(CPU, ["deepseek_v3"])
    assert part.held and len(part.claims) == 8


def test_a_device_that_computes_otherwise_is_found(monkeypatch):
    usual = families.on
    calls = []

    def on(device, family):
        made = usual(device, family)
        calls.append(device)
        if len(calls) == 2:
            weights = made.model.state_dict()
            next(v for k, v in weights.items() if k.endswith("gate.weight"))[0] += 1.0
        return made

    monkeypatch.setattr(families, "on", on)
    found = names_not_held(families.check(CPU, ["mixtral"]))
    assert "mixtral: logits" in found and "mixtral: counts" in found
    assert "mixtral: masked experts" not in found


def test_masks_that_do_not_hold_are_found(monkeypatch):
    def without_masks(self, instrument, rows, mode):
        del self, instrument, rows, mode

    monkeypatch.setattr(families.OnDevice, "mask", without_masks)
    assert "mixtral: masked experts" in names_not_held(families.check(CPU, ["mixtral"]))


def test_a_family_that_fails_is_named_and_the_others_run():
    part = families.check(CPU, ["nobody", "mixtral"])
    assert names_not_held(part) == ["nobody: runs"] and len(part.claims) == 9


def test_kernels_give_what_the_eager_one_gives():
    part = kernels.check(CPU)
    assert part.held
    assert {figure.n for figure in part.figures} == {21}  # tokens of the three prompts


def test_a_hook_that_waits_in_every_layer_is_found(monkeypatch):
    assert syncs.check(CPU).held
    usual = Counter.add

    def add(self, index, chosen, weights):
        chosen.max().item()
        usual(self, index, chosen, weights)

    monkeypatch.setattr(Counter, "add", add)
    assert len(names_not_held(syncs.check(CPU))) == 3


def test_a_large_model_is_made_measured_and_removed(tmp_path: Path):
    size = replace(large_model.SMALL, scale=0.0625)
    part = large_model.check(CPU, tmp_path / "model", size)
    figures = {figure.name: figure for figure in part.figures}
    assert figures["layers of 48"].value == 2
    assert figures["peer over the sweep in one batch"].n == 5
    assert 0 < figures["reading: share of the ceiling"].value <= 100
    assert not list(tmp_path.iterdir())


def test_a_part_that_fails_is_told_and_the_file_says_so(tmp_path: Path, monkeypatch, capsys):
    def fails(device):
        raise RuntimeError("no such kernel\nand more")

    monkeypatch.setattr(kernels, "check", fails)
    out, page = tmp_path / "check.json", tmp_path / "gpu.md"
    told = ["--device", "cpu", "--json", str(out), "--page", str(page), "--parts", "kernels"]
    assert main(told) == 1
    run = json.loads(out.read_text())
    assert run["held"] is False
    assert run["parts"][0]["error"] == "RuntimeError: no such kernel"
    assert "Ended early: RuntimeError: no such kernel" in page.read_text()
    assert "No GPU has run it yet" in page.read_text()
    assert "no such kernel" in capsys.readouterr().err


@pytest.mark.slow
def test_the_gates_verdicts_are_those_of_the_cpu(tmp_path: Path):
    assert demo_gate.check(CPU, tmp_path, small=True).held
