"""How much memory a bundle takes to read: what it names, not what it unpacks to."""

from __future__ import annotations

import gzip
import os
import resource
import subprocess
import sys
import zlib
from pathlib import Path

import pytest

from gatekeeper.bundled import bundled
from gatekeeper.evidence.bundle import write_bundle

from .many import many_trials
from .sealing import reseal
from .whole import OLDER, whole_evidence

MB = 1 << 20
pytestmark = [
    pytest.mark.thorough,
    pytest.mark.skipif(
        not Path("/proc/self/status").exists(), reason="the peak of memory is read from /proc"
    ),
]


def peak(*arguments: object, space: int = resource.RLIM_INFINITY) -> tuple[int, int, str]:
    """Exit code, peak of resident memory in MB, and what was said, of a command of its own."""
    program = (
        "import resource, sys; from gatekeeper.cli import run\n"
        f"resource.setrlimit(resource.RLIMIT_AS, ({space}, {space}))\n"
        "code = run(sys.argv[1:])\n"
        # Not ru_maxrss, in which the process that started this one counts.
        "told = open('/proc/self/status').read().split()\n"
        "print(int(told[told.index('VmHWM:') + 1]) >> 10)\n"
        "raise SystemExit(code)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, *map(str, arguments)],
        capture_output=True,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    said = done.stdout.split()
    assert said and said[-1].isdigit(), done.stderr
    return done.returncode, int(said[-1]), done.stdout + done.stderr


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    write_bundle(whole_evidence(), tmp_path / "bundle")
    return tmp_path / "bundle"


def test_an_honest_bundle_where_little_memory_can_be_promised(bundle: Path) -> None:
    code, _, said = peak("verify", bundle, space=1 << 30)
    assert (code, "✓ findings" in said) == (OLDER, True), said


def test_no_file_takes_more_room_than_it_has() -> None:
    code, _, said = peak("suite", "lint", bundled("suites") / "core", space=250 << 20)
    assert (code, "memory" in said) == (0, False), said


def bomb(first: bytes, piece: bytes, times: int) -> bytes:
    """A gzip file of `first`, and then a MiB-sized piece again and again."""
    pack = zlib.compressobj(9, zlib.DEFLATED, 31)
    parts = [pack.compress(first)]
    parts += [pack.compress(piece) for _ in range(times)]
    return b"".join([*parts, pack.flush()])


def row(bundle: Path) -> bytes:
    return gzip.decompress((bundle / "trials.jsonl.gz").read_bytes()).split(b"\n")[0]


@pytest.mark.parametrize("kind", ["spaces", "lines", "after a trial", "a reply", "trials again"])
def test_trials_that_unpack_without_end(bundle: Path, kind: str) -> None:
    own = row(bundle)
    head = own[: own.rindex(b'"')]
    first, piece = {
        "spaces": (b"", b" " * MB),
        "lines": (own + b"\n", b"\n" * MB),
        "after a trial": (own, b" " * MB),
        "a reply": (head, b"x" * MB),
        "trials again": (b"", (own + b"\n") * (MB // len(own))),
    }[kind]
    data = bomb(first, piece, 400)
    (bundle / "trials.jsonl.gz").write_bytes(data)
    reseal(bundle)
    code, megabytes, said = peak("verify", bundle)
    assert code == 12, said
    assert "trials.jsonl.gz" in said
    assert megabytes < 150


def test_members_of_a_size_that_none_has(bundle: Path) -> None:
    for name, size in (("evidence.json", 1 << 31), ("run.json", 1 << 31), ("profile.npz", 1 << 33)):
        before = (bundle / name).read_bytes()
        with (bundle / name).open("r+b") as file:
            file.truncate(size)
        code, megabytes, said = peak("verify", bundle)
        assert (code, "larger than" in said) == (12, True), said
        assert megabytes < 200
        (bundle / name).write_bytes(before)


def test_a_hundred_thousand_trials(tmp_path: Path) -> None:
    write_bundle(many_trials(100), tmp_path / "many")
    policy = bundled("policies") / "release.yaml"
    code, megabytes, said = peak("check", tmp_path / "many", "--policy", policy)
    assert code == 10, said
    assert megabytes < 250


@pytest.mark.slow
@pytest.mark.timeout(3000)
def test_a_million_trials(tmp_path: Path) -> None:
    write_bundle(many_trials(1000), tmp_path / "many")
    policy = ("--policy", bundled("policies") / "release.yaml")
    for command, wanted in (
        (("verify", tmp_path / "many"), OLDER),
        (("check", tmp_path / "many", *policy), 10),
        (("report", tmp_path / "many", *policy, "--out", tmp_path / "report"), 0),
    ):
        code, megabytes, said = peak(*command)
        assert code == wanted, said
        assert megabytes < 1000
