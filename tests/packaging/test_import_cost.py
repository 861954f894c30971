"""`gatekeeper --help` is what a person types first: it must answer at once."""

from __future__ import annotations

import json
import resource
import subprocess
import sys

import pytest

HEAVY = ("torch", "transformers", "scipy", "weasyprint", "rich", "jsonschema", "requests")
_LIST_MODULES = """
import json, sys
from gatekeeper.cli import run
code = run({arguments!r})
sys.stderr.write(json.dumps(sorted({{name.partition(".")[0] for name in sys.modules}})))
sys.exit(code)
"""


@pytest.mark.parametrize("arguments", [["--help"], ["--version"]])
def test_nothing_heavy_is_imported(arguments: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _LIST_MODULES.format(arguments=arguments)],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    loaded = json.loads(done.stderr.splitlines()[-1])
    assert "click" in loaded
    assert [name for name in HEAVY if name in loaded] == []


def test_help_takes_less_than_four_tenths_of_a_second_of_cpu() -> None:
    # Processor time, and the best of three: other work on the machine must not fail this.
    times = []
    for _ in range(3):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(
            [sys.executable, "-m", "gatekeeper", "--help"],
            check=True,
            capture_output=True,
            timeout=60,
        )
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        times.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    assert min(times) < 0.4, times


def test_numbers_need_no_scipy() -> None:
    # Half a second of every `check` and `report`; nothing here is worth that.
    script = "import gatekeeper.metrics, gatekeeper.verify.verify, sys; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60
    )
    assert "numpy" in done.stdout.split()
    assert "scipy" not in done.stdout.split()
