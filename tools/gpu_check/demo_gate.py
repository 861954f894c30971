"""The demo's two checkpoints through the gate on the device: the verdicts are those of the CPU."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import torch

from tools.gpu_check.result import Part

_DEMO = Path(__file__).resolve().parents[2] / "demo"
#: Exit codes that the CPU gives; with few prompts nobody can tell that `hardened` is sound.
_WHOLE = {"concentrated": 10, "hardened": 0}
_SMALL = {"concentrated": 10, "hardened": 11}
_FEW = (
    *("--max-prompts", "40", "--controls", "1", "--selector", "attribution", "-k", "4"),
    *("--resamples", "20", "--no-roles", "--no-cross-fit", "--selection-share", "0.5"),
)


def check(device: torch.device, out: Path, *, small: bool) -> Part:
    """Runs both gates, one after the other.

    Args:
        out: a folder that is not there yet.
        small: few prompts and masks: minutes on a CPU.
    """
    part = Part(name="the demo's gate")
    for name, wanted in (_SMALL if small else _WHOLE).items():
        begun = time.perf_counter()
        command = [sys.executable, "-m", "gatekeeper", "run", str(_DEMO / name)]
        command += ["--suite", str(_DEMO / "suite"), "--policy", str(_DEMO / "policy.yaml")]
        command += ["--out", str(out / name), "--device", device.type, "--format", "json"]
        command += [*_FEW] if small else ["--batch-rows", "1024"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        said = (done.stderr.strip().splitlines() or [""])[-1]
        detail = f"exit code {done.returncode}, {wanted} wanted"
        held = done.returncode == wanted
        part.claim(f"{name}: verdict", held, detail if held else f"{detail}: {said}")
        part.figure(f"{name}: whole gate", [time.perf_counter() - begun], "s")
        if held:
            part.claim(f"{name}: ran on it", *_where(out / name, device))
    return part


def _where(out: Path, device: torch.device) -> tuple[bool, str]:
    evidence = json.loads((out / "evidence" / "evidence.json").read_text(encoding="utf-8"))
    used, dtype = evidence["settings"]["device"], evidence["settings"]["dtype"]
    return used.startswith(device.type), f"{used}, {dtype}"
