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

from tests.typed import some

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


def gatekeeper(*arguments, cwd=None, timeout=240, **environment):
    """Runs the command line; anew if Python itself is told something, otherwise forked."""
    line = [*map(str, arguments)]
    if any(not name.startswith("GATEKEEPER_") for name in environment):
        return subprocess.run(
            [sys.executable, "-m", "gatekeeper", *line],
            capture_output=True,
            text=True,
            cwd=cwd,
            timeout=timeout,
            env={**os.environ, **environment},
        )
    process = Started(*line, cwd=cwd, **environment)
    try:
        out, err = process.communicate(timeout)
    finally:
        process.kill()
    return subprocess.CompletedProcess(line, some(process.returncode), out, err)


class Started:
    """The command line under way, forked: what a `Popen` of it would be, without its imports.

    Args:
        before: run in the new process before the command line; must be pickled.
    """

    def __init__(self, *arguments, cwd=None, before=None, **environment):
        self._folder = tempfile.TemporaryDirectory()
        self._texts = [Path(self._folder.name) / name for name in ("out", "err")]
        line, place = [*map(str, arguments)], Path(cwd or Path.cwd())
        self._process = _server().Process(
            target=_forked, args=(line, place, {**os.environ, **environment}, *self._texts, before)
        )
        self._process.start()

    @property
    def pid(self) -> int:
        return some(self._process.pid)

    @property
    def returncode(self) -> int | None:
        return self._process.exitcode

    def poll(self) -> int | None:
        return self.returncode

    def errors(self) -> str:
        """What it has told so far."""
        path = self._texts[1]
        return path.read_text(encoding="utf-8") if path.is_file() else ""

    def send_signal(self, number: int) -> None:
        os.kill(self.pid, number)

    def kill(self) -> None:
        if self._process.is_alive():
            self._process.kill()
            self._process.join()

    def communicate(self, timeout: float | None = None) -> tuple[str, str]:
        """Waits for its end; gives what it wrote and told.

        Raises:
            subprocess.TimeoutExpired: it goes on after so many seconds.
        """
        self._process.join(timeout)
        if self.returncode is None:
            raise subprocess.TimeoutExpired("gatekeeper", some(timeout))
        return self._texts[0].read_text(encoding="utf-8"), self.errors()


@functools.cache
def _server() -> ForkServerContext:
    """A process that has imported what an audit needs and is then forked."""
    server = multiprocessing.get_context("forkserver")
    server.set_forkserver_preload(["tests.e2e.preload"])
    return server


def _forked(line, cwd, environment, out, err, before) -> None:
    from gatekeeper.cli import main

    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(environment)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # as of a new Python
    for number, path, name in ((1, out, "stdout"), (2, err, "stderr")):
        with path.open("wb") as file:
            os.dup2(file.fileno(), number)
        stream = io.TextIOWrapper(open(number, "wb", closefd=False), encoding="utf-8")  # noqa: SIM115
        setattr(sys, name, stream)
    sys.argv = ["gatekeeper", *line]
    if before is not None:
        before()
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
