"""Children that a Ctrl-C must not end: asked in a process of their own, which is spawned first."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from gatekeeper._process import ended

_START = """
import multiprocessing, signal
from gatekeeper._process import start_unhearing

def blocked(line):
    line.send(signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, []))

if __name__ == "__main__":
    context = multiprocessing.get_context("spawn")
    for _ in range(2):
        here, there = context.Pipe()
        child = context.Process(target=blocked, args=(there,))
        start_unhearing(child)
        print(here.recv(), signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, []))
        child.join()
"""


def test_a_spawned_child_does_not_hear_an_interrupt_the_first_one_neither(tmp_path: Path) -> None:
    (tmp_path / "start.py").write_text(_START)
    line = [sys.executable, "start.py"]
    done = subprocess.run(line, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert done.stdout.splitlines() == ["True False", "True False"], done.stderr


@pytest.mark.parametrize(
    ("code", "words"),
    [(-9, "when memory runs out"), (-15, "by signal 15"), (3, "with exit code 3")],
)
def test_how_a_child_ended_is_said_in_words(code: int, words: str) -> None:
    assert words in ended(code)
