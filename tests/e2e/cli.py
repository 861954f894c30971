"""Runs the command line as a user does: a process of its own."""

from __future__ import annotations

import functools
import io
import json
import multiprocessing
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from multiprocessing.context import ForkServerContext
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
HARDENED = ROOT / "demo" / "hardened"
SUITE = ROOT / "demo" / "suite"
DEMO_POLICY = ROOT / "demo" / "policy.yaml"

#: A small audit: seconds, not minutes.
SMALL: tuple[str, ...] = (
    "--max-prompts",
    "24",
    "-k",
    "1",
    "-k",
    "2",
    "--controls",
    "2",
    "--max-new-tokens",
    "12",
)
SMALL += ("--no-cross-fit", "--no-positive-control", "--no-roles")


#: What takes a process its first five seconds, and is the same in each.
_IMPORTED = ["gatekeeper.cli", "gatekeeper.audit.run", "gatekeeper.engine.model.unsupported"]
_IMPORTED += ["transformers.models.auto.modeling_auto"]


def gatekeeper(*arguments, cwd=None, timeout=240, **environment):
    """Runs the command line; with an environment of its own from the start, otherwise forked."""
    line = [*map(str, arguments)]
    if environment:
        return subprocess.run(
            [sys.executable, "-m", "gatekeeper", *line],
            capture_output=True,
            text=True,
            cwd=cwd,
            timeout=timeout,
            env={**os.environ, **environment},
        )
    with tempfile.TemporaryDirectory() as folder:
        out, err = Path(folder) / "out", Path(folder) / "err"
        process = _server().Process(
            target=_forked, args=(line, cwd or Path.cwd(), dict(os.environ), out, err)
        )
        process.start()
        process.join(timeout)
        if process.exitcode is None:
            process.kill()
            raise subprocess.TimeoutExpired(line, timeout)
        text = (out.read_text(encoding="utf-8"), err.read_text(encoding="utf-8"))
        return subprocess.CompletedProcess(line, process.exitcode, *text)


@functools.cache
def _server() -> ForkServerContext:
    """A process that has imported what an audit needs and is then forked."""
    server = multiprocessing.get_context("forkserver")
    server.set_forkserver_preload(_IMPORTED)
    return server


def _forked(line: list[str], cwd: Path, environment: dict[str, str], out: Path, err: Path) -> None:
    from gatekeeper.cli import main

    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(environment)
    for number, path, name in ((1, out, "stdout"), (2, err, "stderr")):
        with path.open("wb") as file:
            os.dup2(file.fileno(), number)
        stream = io.TextIOWrapper(open(number, "wb", closefd=False), encoding="utf-8")  # noqa: SIM115
        setattr(sys, name, stream)
    sys.argv = ["gatekeeper", *line]
    main()


def hear_interrupts() -> None:
    """In a new process: tests run in the background of a script are deaf to SIGINT, as it wants."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def refused(done, code: int, *words: str) -> None:
    """One line of error with these words, the right exit code, no traceback."""
    assert done.returncode == code, (done.returncode, done.stderr)
    assert "Traceback" not in done.stderr
    errors = [x for x in done.stderr.splitlines() if x.startswith("gatekeeper: error:")]
    assert len(errors) == 1, done.stderr
    for word in words:
        assert word in errors[0], (word, errors[0])


def copy_checkpoint(to: Path) -> Path:
    shutil.copytree(HARDENED, to)
    return to


def edit_json(path: Path, **changes) -> None:
    data = json.loads(path.read_text(encoding="utf-8"))
    for key, value in changes.items():
        if value is None:
            data.pop(key, None)
        else:
            data[key] = value
    path.write_text(json.dumps(data), encoding="utf-8")


def small_suite(folder: Path, lines: list[str] | None = None) -> Path:
    """A bare .jsonl suite; the demo's first lines unless others are given."""
    path = folder / "suite.jsonl"
    path.write_text("\n".join(lines or []) + "\n", encoding="utf-8")
    return path


def demo_lines() -> list[str]:
    return (SUITE / "prompts.jsonl").read_text(encoding="utf-8").splitlines()
