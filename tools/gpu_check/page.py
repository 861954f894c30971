"""docs/gpu.md, made from what a run wrote."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

_HEAD = """# On a GPU

Made by `make gpu-check`, never by hand: one command of at most eight minutes on one GPU, without a
network, on whatever torch the machine has. It runs whole on a CPU too, with small sizes, and then
shows only that it runs: no figure of it is told. `make gpu-check GPU_CHECK="--json FILE"` names the
file that keeps all of it; `GPU_PYTHON` the interpreter, if it is not the machine's `python3`.

"""
_NONE = """**No GPU has run it yet.** CUDA paths are tested by this check alone, and what
docs/benchmarks.md says of GPUs is calculated. Whoever has a GPU: type `make gpu-check`, and send
the JSON.

"""


def page(run: Mapping[str, Any]) -> str:
    """The whole page; a run on a CPU is told as such."""
    cuda = run["device"]["type"] == "cuda"
    text = _HEAD if cuda else _HEAD + _NONE
    lines = [
        f"{run['device']['name']}, {run['versions']}; {run['date']}; {run['seconds']:.0f} s in all"
        f"{', small sizes' if run['small'] else ''}.",
        "",
    ]
    for part in run["parts"]:
        lines += [f"## {part['name'][0].upper()}{part['name'][1:]} ({part['seconds']:.0f} s)", ""]
        if part["error"] is not None:
            lines += [f"Ended early: {part['error']}", ""]
        lines += _claims(part["claims"])
        lines += _figures(part["figures"]) if cuda else []
    return text + "\n".join(lines).rstrip() + "\n"


def _claims(claims: Sequence[Mapping[str, Any]]) -> list[str]:
    if not claims:
        return []
    failed = [claim for claim in claims if not claim["held"]]
    lines = [f"{len(claims) - len(failed)} of {len(claims)} claims held.", ""]
    lines += [f"- **not held**: {claim['name']}: {claim['detail']}" for claim in failed]
    return [*lines, ""] if failed else lines


def _figures(figures: Sequence[Mapping[str, Any]]) -> list[str]:
    if not figures:
        return []
    lines = ["| figure | median (lowest to highest) | n |", "| --- | --- | --- |"]
    for one in figures:
        spread = f"{one['value']:,.3g}"
        if one["low"] != one["high"]:
            spread += f" ({one['low']:,.3g} to {one['high']:,.3g})"
        unit = f" {one['unit']}" if one["unit"] else ""
        lines.append(f"| {one['name']} | {spread}{unit} | {one['n']} |")
    return [*lines, ""]
