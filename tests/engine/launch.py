"""Starts a module in two processes that hold one model (gloo, on this machine)."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def command(*arguments: object, processes: int = 2) -> list[str]:
    """`torchrun`, as this Python has it, with a port of its own."""
    own = ["--nproc-per-node", str(processes), "--master-port", str(free_port())]
    return [sys.executable, "-m", "torch.distributed.run", *own, *map(str, arguments)]


def environment(**more: str) -> dict[str, str]:
    """A thread to each process, and this tree's package."""
    return {**os.environ, "OMP_NUM_THREADS": "1", **more}


def torchrun(module: str, *arguments: object, timeout: float = 240, **more: str):
    return subprocess.run(
        command("-m", module, *arguments),
        capture_output=True,
        text=True,
        timeout=timeout,
        cwd=ROOT,
        env=environment(**more),
    )
