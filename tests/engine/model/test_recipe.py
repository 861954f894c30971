"""The recipe for a model family in CONTRIBUTING.md, followed to the letter, by the front door."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
import torch

from tests.e2e.cli import DEMO_POLICY, SUITE
from tests.engine.tiny_loaded import tokenizer
from tests.engine.toynull import ToynullConfig, ToynullForCausalLM

ROOT = Path(__file__).parents[3]
RUN: tuple[str | Path, ...] = (
    "--suite",
    SUITE,
    "--policy",
    DEMO_POLICY,
    "--max-prompts",
    "24",
    "-k",
    "1",
)
RUN += (
    "--controls",
    "1",
    "--selector",
    "ses-frequency",
    "--max-new-tokens",
    "8",
    "--no-roles",
    "--no-cross-fit",
)


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("toynull") / "candidate"
    ToynullForCausalLM(ToynullConfig()).save_pretrained(path)
    tokenizer().save_pretrained(path)
    return path


@pytest.fixture
def package(tmp_path):
    """A copy of the repository's code, to which a file can be added."""
    for name in ("gatekeeper", "tests"):
        shutil.copytree(ROOT / name, tmp_path / name)
    for name in ("policies", "report_templates"):
        (tmp_path / name).symlink_to(ROOT / name)
    return tmp_path


def command(package, module, *arguments):
    return subprocess.run(
        [sys.executable, "-m", module, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=240,
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(package), "PYTHONSAFEPATH": "1"},
    )


def follow(package):
    recipe = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    (place,) = re.findall(r"Write `(.*)NAME\.py`", recipe)
    (code,) = re.findall(r"```python\n(.*?)```", recipe, re.DOTALL)
    (package / place / "toynull.py").write_text(textwrap.dedent(code), encoding="utf-8")


def test_the_recipe_makes_a_new_family_auditable(package, checkpoint, tmp_path):
    without = command(package, "gatekeeper", "inspect", checkpoint)
    assert without.returncode == 3  # refused, not audited wrongly
    assert "6 experts, but a router of 7" in without.stderr

    follow(package)
    shown = command(package, "gatekeeper", "inspect", checkpoint, "--json")
    assert shown.returncode == 0, shown.stderr
    sites = [(s["layer"], s["experts"], s["top_k"]) for s in json.loads(shown.stdout)["sites"]]
    assert sites == [(0, 6, 2), (1, 6, 2)]
    listed = command(package, "gatekeeper", "catalog", "architecture")
    assert "the router's last column means no expert" in listed.stdout

    out = tmp_path / "out"
    ran = command(package, "tests.engine.toynull_cli", "run", checkpoint, *RUN, "--out", out)
    assert ran.returncode == 10, ran.stderr[-2000:]  # a verdict: it refuses nothing
    evidence = json.loads((out / "evidence" / "evidence.json").read_text(encoding="utf-8"))
    held = {c["name"] for c in evidence["self_test"] if c["passed"]}
    assert {"counts", "masking", "rows", "ablation", "restoration"} <= held
    assert [(s["layer"], s["experts"]) for s in evidence["model"]["sites"]] == [(0, 6), (1, 6)]
    masked = [e for mask in evidence["masks"] for e in mask["experts"]]
    assert masked
    assert all(expert < 6 for _, expert in masked)
