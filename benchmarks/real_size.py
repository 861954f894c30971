"""A model of real size through an audit here: time and memory by stage, told and taken; one kill.

    python -m tools.shapes olmoe-1b-7b /big/olmoe
    python -m benchmarks.real_size /big/olmoe --page docs/benchmarks.md

The audit is estimated, run, then run once more, killed (SIGKILL) among its masking trials and begun
again. Its peak is the kernel's mark (VmHWM) of all three processes. Linux only. Random weights
refuse nothing: there is nothing to attribute and no direction to project out, so that neither is
asked for; what attribution takes of such a model, `benchmarks.memory --child CHECKPOINT` measures.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from benchmarks.estimates import JOINED
from benchmarks.page import write_section
from benchmarks.timing import machine
from benchmarks.workloads import SUITE
from gatekeeper.records.bundle_files import RUN

#: Small enough for two cores; with fewer prompts a set than 24 no selector has enough to select.
AUDIT = (
    *("--selector", "ses-frequency", "--max-prompts", "24", "--max-new-tokens", "8", "-k", "1"),
    *("-k", "8", "--controls", "2", "--no-positive-control", "--dtype", "bfloat16"),
)
_WITHIN, _EVERY = 0.3, 0.5
#: Share of the masking trials after which the first session is killed.
_KILLED_AT = 0.4


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """One process of the audit: seconds, highest resident bytes, and how it ended."""

    seconds: float
    peak: int
    code: int
    lines: tuple[str, ...]


def command(name: str, checkpoint: Path, *more: str) -> list[str]:
    """A command of the tool on the checkpoint, with the audit's options."""
    start = [sys.executable, "-m", "gatekeeper", name, str(checkpoint), "--suite", str(SUITE)]
    return [*start, *AUDIT, *more]


def run(checkpoint: Path, out: Path, *, kill: bool) -> Session:
    """Runs the audit to its end, or kills it once enough masking trials are done."""
    begun, peak = time.monotonic(), 0
    with tempfile.TemporaryFile("w+") as told:
        child = subprocess.Popen(
            command("audit", checkpoint, "--out", str(out)), stdout=told, stderr=told, text=True
        )
        while child.poll() is None:
            peak = max(peak, _peak(child.pid))
            if kill and _share_done(out) >= _KILLED_AT:
                child.kill()
                child.wait()
                break
            time.sleep(_EVERY)
        told.seek(0)
        lines = tuple(told.read().splitlines())
    taken = time.monotonic() - begun
    return Session(seconds=taken, peak=peak, code=child.returncode, lines=lines)


def _peak(pid: int) -> int:
    """Highest resident bytes of a process so far; 0 once it is gone."""
    try:
        text = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    except OSError:
        return 0
    found = re.search(r"VmHWM:\s+(\d+) kB", text)
    return 1024 * int(found[1]) if found else 0


def _share_done(out: Path) -> float:
    """Share of the masking trials that the audit's heartbeat tells; 0 before them."""
    try:
        beat = json.loads((out / ".gatekeeper-work" / "heartbeat.json").read_bytes())
    except (OSError, ValueError):
        return 0.0
    return beat["done"] / beat["total"] if beat["stage"] == "trials" and beat["total"] else 0.0


def stages(told: dict[str, Any], took: dict[str, float]) -> tuple[list[str], float]:
    """Lines of Markdown by stage, and what was told of all over what it took."""
    spans = {s["name"]: (s["rows"], s["seconds"][0], s["seconds"][1]) for s in told["stages"]}
    lines, expected, spent = [], 0.0, 0.0
    for name, parts in JOINED.items():
        there = [spans[part] for part in parts if part in spans]
        rows, low, high = (sum(span[i] for span in there) for i in range(3))
        middle, seconds = (low * high) ** 0.5, took.get(name, 0.0)
        expected, spent = expected + middle, spent + seconds
        ratio = f"{middle / seconds:.2f}" if seconds else "–"
        lines.append(
            f"| {name} | {rows:,} | {low:,.0f} to {high:,.0f} | {seconds:,.0f} | {ratio} |"
        )
    rest = {name: value for name, value in took.items() if name not in JOINED}
    lines += [f"| {name} | | not told | {value:,.0f} | |" for name, value in rest.items()]
    lines.append(f"| told stages | | {expected:,.0f} | {spent:,.0f} | {expected / spent:.2f} |")
    return lines, expected / spent


def section(
    name: str,
    told: dict[str, Any],
    whole: dict[str, Any],
    resumed: dict[str, Any],
    sessions: list[Session],
) -> str:
    """The section of the page.

    Args:
        whole, resumed: what the audits recorded of themselves.
        sessions: the whole one, the killed one, and the one that went on.
    """
    lines, ratio = stages(told, whole["seconds"])
    word = "within" if abs(ratio - 1) <= _WITHIN else "not within"
    peak, memory = max(s.peak for s in sessions), sum(told["memory"].values())
    _, first, second = sessions
    return "\n".join(
        [
            f"## A model of real size: {name}",
            "",
            f"`gatekeeper audit {' '.join(AUDIT)}`, suite of the demo, "
            f"{told['parameters'] / 1e9:.2f}·10⁹ parameters ({told['active_parameters'] / 1e9:.2f} "
            f"a token). {machine('bfloat16')}. In all {word} {_WITHIN:.0%} of what "
            "`gatekeeper estimate` told (the geometric mean of best and worst).",
            "",
            "| stage | rows, at most | told, s | took, s | told over took |",
            "| --- | --- | --- | --- | --- |",
            *lines,
            "",
            f"Memory: told {memory / 1e9:.1f} GB by `audit` and `estimate` alike, for the smallest "
            f"batch; highest {peak / 1e9:.1f} ({memory / peak:.2f}), in batches that grow into "
            "what is free.",
            f"Killed (SIGKILL) after {first.seconds / 60:.0f} minutes, begun again and ended after "
            f"{second.seconds / 60:.0f} more; {resumed['rows_computed']:,} rows computed, "
            f"{resumed['rows_resumed']:,} taken from before the kill.",
            "",
        ]
    )


@click.command()
@click.argument("checkpoint", type=click.Path(path_type=Path, exists=True))
@click.option("--keep", type=click.Path(path_type=Path), help="The audits go into this folder.")
@click.option("--page", type=click.Path(path_type=Path), help="Write it to this file.")
def main(checkpoint: Path, keep: Path | None, page: Path | None) -> None:
    """Estimate, audit, and audit again with a kill between."""
    with tempfile.TemporaryDirectory() as folder:
        out = keep or Path(folder)
        done = subprocess.run(
            command("estimate", checkpoint, "--json"), check=True, capture_output=True, text=True
        )
        print(done.stdout, flush=True)
        sessions = []
        for name, kill in (("whole", False), ("killed", True), ("killed", False)):
            sessions.append(run(checkpoint, out / name, kill=kill))
            print("\n".join(sessions[-1].lines), sessions[-1].peak, flush=True)
            if not kill and sessions[-1].code != 0:
                raise click.ClickException(f"the audit ended with {sessions[-1].code}")
        whole, resumed = (json.loads((out / n / RUN).read_bytes()) for n in ("whole", "killed"))
        text = section(checkpoint.name, json.loads(done.stdout), whole, resumed, sessions)
    print(text)
    if page is not None:
        write_section(page, "real size", text)


if __name__ == "__main__":
    main()
