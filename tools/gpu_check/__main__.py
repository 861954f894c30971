"""Command line: `python -m tools.gpu_check`: all of it on one GPU, into one JSON and one page."""

from __future__ import annotations

import argparse
import json
import platform
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch
import transformers

from tests.engine import zoo
from tools.gpu_check import demo_gate, families, kernels, large_model, page, syncs
from tools.gpu_check.result import Part

_SCHEMA = "gatekeeper/gpu-check/v1"


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs every part; what is known is written after each, so that a kill loses one part."""
    parser = argparse.ArgumentParser(prog="python -m tools.gpu_check", description=__doc__)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--small", action="store_true", help="small sizes; always on a CPU")
    parser.add_argument("--json", type=Path, default=Path("gpu-check.json"))
    parser.add_argument("--page", type=Path, help="write docs/gpu.md to this file")
    parser.add_argument("--parts", nargs="*", help="names of parts, by their first word")
    options = parser.parse_args(arguments)
    device = torch.device(options.device)
    small = options.small or device.type == "cpu"
    # Comparisons with the CPU are of float32 as such.
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    begun = time.monotonic()
    done: list[Part] = []
    with tempfile.TemporaryDirectory() as folder:
        for name, check in _parts(device, Path(folder), small=small).items():
            if options.parts and name.split()[0] not in options.parts:
                continue
            done.append(_run(name, check))
            run = _told(device, done, seconds=time.monotonic() - begun, small=small)
            options.json.write_text(json.dumps(run, indent=2) + "\n", encoding="utf-8")
            if options.page is not None:
                options.page.write_text(page.page(run), encoding="utf-8")
    failed = [part.name for part in done if not part.held]
    print(f"{len(done) - len(failed)} of {len(done)} parts held; {options.json}", flush=True)
    return 1 if failed else 0


def _parts(device: torch.device, folder: Path, *, small: bool) -> dict[str, Callable[[], Part]]:
    few = ("mixtral", "deepseek_v3", "gpt_oss") if small else zoo.SCORING
    size = large_model.SMALL if small else large_model.WHOLE
    return {
        "families": lambda: families.check(device, few),
        "kernels": lambda: kernels.check(device),
        "waits": lambda: syncs.check(device),
        "model": lambda: large_model.check(device, folder / "model", size),
        "gate": lambda: demo_gate.check(device, folder / "gate", small=small),
    }


def _run(name: str, check: Callable[[], Part]) -> Part:
    begun = time.monotonic()
    print(f"{name} …", flush=True)
    try:
        part = check()
    except Exception as error:  # the other parts still tell something
        said = (str(error).splitlines() or [""])[0]
        part = Part(name=name, error=f"{type(error).__name__}: {said[:300]}")
    part.seconds = time.monotonic() - begun
    held = sum(claim.held for claim in part.claims)
    print(f"  {part.seconds:.0f} s, {held} of {len(part.claims)} claims held", flush=True)
    for text in [part.error, *(f"{c.name}: {c.detail}" for c in part.claims if not c.held)]:
        if text:
            print(f"  not held: {text}", file=sys.stderr, flush=True)
    return part


def _told(
    device: torch.device, parts: Sequence[Part], *, seconds: float, small: bool
) -> dict[str, Any]:
    cuda = device.type == "cuda"
    name = torch.cuda.get_device_name(device) if cuda else f"CPU ({platform.machine()})"
    return {
        "schema": _SCHEMA,
        "device": {"type": device.type, "name": name},
        "versions": f"torch {torch.__version__}, transformers {transformers.__version__}",
        "date": datetime.now(UTC).date().isoformat(),
        "small": small,
        "seconds": seconds,
        "held": all(part.held for part in parts),
        "parts": [part.to_json() for part in parts],
    }


if __name__ == "__main__":
    sys.exit(main())
