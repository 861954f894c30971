"""A model of real size through an audit here: time and memory by stage, told and taken; one kill.

    python -m tools.shapes olmoe-1b-7b /big/olmoe
    python -m benchmarks.real_size /big/olmoe --page docs/benchmarks.md

The audit is estimated, begun, killed (SIGKILL) among its masking trials, and begun again. Its peak
is the kernel's mark (VmHWM) of both processes. Linux only. Random weights refuse nothing, so a
judge on the loopback calls all that is text a refusal: else there is nothing to attribute.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import click

from benchmarks.estimates import JOINED
from benchmarks.page import write_section
from benchmarks.timing import machine
from benchmarks.workloads import SUITE

#: Small enough for two cores; with fewer prompts a set than 24 no selector has enough to select.
AUDIT = (
    *("--selector", "ses-frequency", "--selector", "attribution", "--max-prompts", "24"),
    *("--max-new-tokens", "8", "-k", "1", "-k", "8", "--controls", "2", "--dtype", "bfloat16"),
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


class _Refusing(BaseHTTPRequestHandler):
    """Answers every question with `refuse`, as a judge behind an endpoint would."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        body = json.dumps({"choices": [{"message": {"content": "refuse"}}]}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Quiet."""


@contextmanager
def judge() -> Iterator[tuple[str, ...]]:
    """Options of an audit whose replies are judged on the loopback."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Refusing)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"url=http://127.0.0.1:{server.server_address[1]}/v1"
    try:
        yield ("--judge", "refusal-api", "--judge-option", url, "--judge-option", "model=none")
    finally:
        server.shutdown()
        server.server_close()


def command(name: str, checkpoint: Path, *more: str) -> list[str]:
    """A command of the tool on the checkpoint, with the audit's options."""
    start = [sys.executable, "-m", "gatekeeper", name, str(checkpoint), "--suite", str(SUITE)]
    return [*start, *AUDIT, *more]


def run(checkpoint: Path, out: Path, judged: tuple[str, ...], *, kill: bool) -> Session:
    """Runs the audit to its end, or kills it once enough masking trials are done."""
    begun, peak = time.monotonic(), 0
    with tempfile.TemporaryFile("w+") as told:
        child = subprocess.Popen(
            command("audit", checkpoint, "--out", str(out), *judged),
            stdout=told,
            stderr=told,
            text=True,
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


def stages(told: dict[str, Any], took: dict[str, float], sessions: int) -> tuple[list[str], float]:
    """Lines of Markdown by stage, and what was told of all over what it took.

    Args:
        sessions: how often the model was loaded.
    """
    spans = {s["name"]: (s["rows"], s["seconds"][0], s["seconds"][1]) for s in told["stages"]}
    lines, expected, spent = [], 0.0, 0.0
    for name, parts in JOINED.items():
        there = [spans[part] for part in parts if part in spans]
        rows, low, high = (sum(span[i] for span in there) for i in range(3))
        if name == "load":
            low, high = sessions * low, sessions * high
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


def section(name: str, told: dict[str, Any], run: dict[str, Any], sessions: list[Session]) -> str:
    """The section of the page."""
    lines, ratio = stages(told, run["seconds"], len(sessions))
    word = "within" if abs(ratio - 1) <= _WITHIN else "not within"
    peak, memory = max(s.peak for s in sessions), sum(told["memory"].values())
    first, second = sessions
    return "\n".join(
        [
            f"## A model of real size: {name}",
            "",
            f"`gatekeeper audit {' '.join(AUDIT)}`, suite of the demo, "
            f"{told['parameters'] / 1e9:.2f}·10⁹ parameters ({told['active_parameters'] / 1e9:.2f} "
            f"a token). {machine('bfloat16')}. In all {word} {_WITHIN:.0%} of what "
            "`gatekeeper estimate` told (the geometric mean of best and worst; loading once a "
            "session).",
            "",
            "| stage | rows, at most | told, s | took, s | told over took |",
            "| --- | --- | --- | --- | --- |",
            *lines,
            "",
            f"Memory: told {memory / 1e9:.1f} GB, highest {peak / 1e9:.1f} ({memory / peak:.2f}).",
            f"Killed (SIGKILL) after {first.seconds / 60:.0f} minutes, begun again and ended after "
            f"{second.seconds / 60:.0f} more; {run['rows_computed']:,} rows computed, "
            f"{run['rows_resumed']:,} taken from before the kill.",
            "",
        ]
    )


@click.command()
@click.argument("checkpoint", type=click.Path(path_type=Path, exists=True))
@click.option("--keep", type=click.Path(path_type=Path), help="The audit goes into this folder.")
@click.option("--page", type=click.Path(path_type=Path), help="Write it to this file.")
def main(checkpoint: Path, keep: Path | None, page: Path | None) -> None:
    """Estimate, audit, kill and resume."""
    with tempfile.TemporaryDirectory() as folder, judge() as judged:
        out = (keep or Path(folder)) / "audit"
        done = subprocess.run(
            command("estimate", checkpoint, "--json"), check=True, capture_output=True, text=True
        )
        told = json.loads(done.stdout)
        print(done.stdout, flush=True)
        sessions = []
        for kill in (True, False):
            sessions.append(run(checkpoint, out, judged, kill=kill))
            print("\n".join(sessions[-1].lines), sessions[-1].peak, flush=True)
        if sessions[-1].code != 0:
            raise click.ClickException(f"the audit ended with {sessions[-1].code}")
        ran = json.loads(next(out.rglob("run.json")).read_bytes())
        text = section(checkpoint.name, told, ran, sessions)
    print(text)
    if page is not None:
        write_section(page, "real size", text)


if __name__ == "__main__":
    main()
