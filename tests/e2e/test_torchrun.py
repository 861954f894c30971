"""`--parallel` under torchrun: the audit of one process, one file, one voice, one verdict."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
from pathlib import Path

import pytest

from gatekeeper.evidence.bundle import read_bundle
from gatekeeper.records.bundle_files import BUNDLE_FILES
from tests.e2e.cli import DEMO_POLICY, HARDENED, ROOT, SUITE, gatekeeper, hear_interrupts, refused
from tests.e2e.interrupted import WORK, rows, wait_for_rows
from tests.e2e.test_second_judge import contrary, second_judge
from tests.e2e.test_sequential import POLICY
from tests.engine.launch import command, environment
from tests.judges.chat_server import serving

#: As little as has masks, controls and something to measure.
LEAST = (
    HARDENED, "--suite", SUITE, "--max-prompts", "12", "-k", "1", "--controls", "1",
    "--max-new-tokens", "8", "--batch-rows", "4", "--no-roles", "--no-cross-fit",
)  # fmt: skip
ARGUMENTS = ("audit", *LEAST, "--selector", "ses-frequency", "--selector", "attribution")
TENSOR = (*ARGUMENTS, "--parallel", "tensor")

#: The command line, where rank 1 does something else in its third shard.
_APART = """
import os, torch
from dataclasses import replace
from gatekeeper.engine.generate import sweep
real, done = sweep.run_shard, []
def run_shard(*arguments):
    done.append(1)
    found = real(*arguments)
    if os.environ["RANK"] == "1" and len(done) == 3:
        {what}
    return found
sweep.run_shard = run_shard
from gatekeeper.cli import main
main()
"""


def start(*arguments, processes=2, **more):
    return subprocess.Popen(
        command(*arguments, processes=processes),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env=environment(**more),
        preexec_fn=hear_interrupts,  # noqa: PLW1509 - nothing of ours runs in threads here
    )


def run(*arguments, **more):
    process = start(*arguments, **more)
    out, errors = process.communicate(timeout=200)
    return process.returncode, out, errors


def audit(*arguments, **more):
    return run("-m", "gatekeeper", *arguments, **more)


def told(errors: str) -> list[str]:
    return [line for line in errors.splitlines() if line.startswith("gatekeeper: ")]


def rank(torchrun: int, wanted: int) -> int:
    """The process of a rank."""
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            parent = int(entry.joinpath("stat").read_text().rpartition(")")[2].split()[1])
            given = entry.joinpath("environ").read_bytes().split(b"\0")
        except OSError:
            continue
        if parent == torchrun and f"RANK={wanted}".encode() in given:
            return int(entry.name)
    raise AssertionError("no such rank")


@pytest.fixture(scope="module")
def one(tmp_path_factory):
    out = tmp_path_factory.mktemp("one") / "out"
    done = gatekeeper(*ARGUMENTS, "--out", out)
    assert done.returncode == 0, done.stderr
    return out


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    """A tensor-parallel audit: its output, stdout, stderr, and what lies in its TMPDIR."""
    folder = tmp_path_factory.mktemp("two")
    (folder / "tmp").mkdir()
    code, out, errors = audit(*TENSOR, "--out", folder / "out", TMPDIR=str(folder / "tmp"))
    assert code == 0, errors
    return folder / "out", out, errors, list((folder / "tmp").glob("gatekeeper-*"))


def same(parallel, one):
    """Every outcome is that of one process; what is measured in floats is close to it."""
    mine, theirs = read_bundle(parallel), read_bundle(one)
    assert mine.masks == theirs.masks
    assert mine.trials == theirs.trials
    assert mine.self_test == theirs.self_test
    assert len(mine.findings) == len(theirs.findings)
    for a, b in zip(mine.findings, theirs.findings, strict=True):
        assert (a.metric, a.subject) == (b.metric, b.subject)
        if a.metric in {"benign-divergence", "usefulness-loss"}:  # of log-probabilities
            assert getattr(a, "value", 0.0) == pytest.approx(getattr(b, "value", 0.0), abs=1e-5)
        elif a.metric != "stable-experts":  # a share of resamples, against a threshold
            assert a == b
    return mine


@pytest.mark.slow
def test_two_ranks_give_the_audit_of_one_process(one, two):
    found = same(two[0], one)
    assert found.settings.parallel == "tensor 2"
    assert read_bundle(one).settings.parallel is None


@pytest.mark.slow
def test_expert_parallel_gives_it_too(one, tmp_path):
    code, _, errors = audit(*ARGUMENTS, "--parallel", "expert", "--out", tmp_path / "out")
    assert code == 0, errors
    assert same(tmp_path / "out", one).settings.parallel == "expert 2"


@pytest.mark.slow
def test_rank_0_alone_speaks_and_writes(two):
    out, said, errors, left = two
    assert said.count("Evidence of") == 1
    assert errors.count("Testing the hooks on the model") == 1
    assert {path.name for path in out.iterdir()} == set(BUNDLE_FILES)
    assert left == []


@pytest.mark.slow
def test_killed_rank_0_ends_all_and_the_same_command_goes_on(two, tmp_path):
    out = tmp_path / "out"
    process = start("-m", "gatekeeper", *TENSOR, "--out", out)
    wait_for_rows(process, out, 20)
    first, second = rank(process.pid, 0), rank(process.pid, 1)
    os.killpg(os.getpgid(first), signal.SIGKILL)
    _, errors = process.communicate(timeout=100)
    assert process.returncode == 1
    assert not Path(f"/proc/{second}").exists()
    assert [line for line in told(errors) if "was lost" in line] == told(errors), errors
    assert "gatekeeper/cli.py" not in errors, errors
    kept = rows(out)
    code, _, errors = audit(*TENSOR, "--out", out)
    assert code == 0, errors
    times = json.loads((out / "run.json").read_text())
    whole = json.loads((two[0] / "run.json").read_text())
    assert times["rows_resumed"] >= kept >= 20
    assert times["rows_computed"] + times["rows_resumed"] == (
        whole["rows_computed"] + whole["rows_resumed"]
    )
    for name in BUNDLE_FILES:
        if name not in {"run.json", "manifest.json"}:
            assert (out / name).read_bytes() == (two[0] / name).read_bytes(), name


@pytest.mark.slow
def test_a_stop_is_told_once_and_keeps_what_was_computed(tmp_path):
    out = tmp_path / "out"
    process = start("-m", "gatekeeper", *TENSOR, "--out", out)
    wait_for_rows(process, out, 8)
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=100)
    assert process.returncode != 0
    assert len(told(errors)) == 1, errors
    assert "gatekeeper/cli.py" not in errors, errors  # torchrun's traceback is its own
    assert rows(out) >= 8
    assert (out / WORK).is_dir()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("what", "words"),
    [
        ("raise torch.cuda.OutOfMemoryError()", ["--batch-rows", "on rank 1 of 2"]),
        ("found = [replace(found[0], text='else'), *found[1:]]", ["different replies"]),
    ],
)
def test_what_goes_wrong_on_one_rank_ends_all_with_one_line(what, words, tmp_path):
    script = tmp_path / "apart.py"
    if "OutOfMemory" in what:  # where the model runs, so that it is the engine that hears of it
        text = _APART.replace("sweep.run_shard", "sweep.decode").replace("run_shard", "decode")
        text = text.replace("real(*arguments)", "real(*arguments, **named)")
        text = text.replace("decode(*arguments):", "decode(*arguments, **named):")
    else:
        text = _APART
    script.write_text(text.format(what=what))
    code, _, errors = run(script, *TENSOR, "--out", tmp_path / "out")
    assert code == 1
    (line,) = told(errors)
    for word in words:
        assert word in line, line
    assert rows(tmp_path / "out") >= 4


@pytest.mark.slow
def test_torchrun_gives_1_for_every_verdict_but_a_pass_and_check_reads_it(tmp_path):
    out = tmp_path / "out"
    code, _, errors = audit(
        "run", *LEAST, "--selector", "ses-frequency", "--policy", DEMO_POLICY, "--format", "json",
        "--parallel", "tensor", "--out", out,
    )  # fmt: skip
    verdict = json.loads((out / "verdict.json").read_text())["result"]
    wanted = {"fail": 10, "inconclusive": 11}[verdict]
    assert code == 1
    # torchrun's own table names the first process that ended with an error, and its code.
    assert re.search(rf"exitcode\s*:\s*{wanted}\b", errors), errors
    assert told(errors) == [line for line in told(errors) if "warning" in line]
    assert gatekeeper("check", out, "--policy", DEMO_POLICY).returncode == wanted


@pytest.mark.parametrize(
    ("options", "world", "words"),
    [
        ((), "2", ["add --parallel"]),
        (("--parallel", "tensor"), "1", ["torchrun"]),
        (("--parallel", "tensor", "--workers", "2"), "2", ["--workers"]),
        (("--parallel", "expert", "--ray", "auto"), "2", ["--workers"]),
        (("--parallel", "tensor", "--device", "spread"), "2", ["--device spread"]),
        (("--parallel", "tensor", "--also-dtype", "int8"), "2", ["int8"]),
        (
            ("--parallel", "tensor", "--judge", "refusal-api"),
            "2",
            ["refusal-api", "--second-judge"],
        ),
    ],
)
def test_wrong_use_is_one_line(options, world, words, tmp_path):
    out = tmp_path / "out"
    done = gatekeeper(*ARGUMENTS, *options, "--out", out, WORLD_SIZE=world, RANK="0")
    refused(done, 2, *words)
    assert not out.exists()


def test_wrong_use_is_told_by_rank_0_alone(tmp_path):
    done = gatekeeper(*ARGUMENTS, "--out", tmp_path / "out", WORLD_SIZE="2", RANK="1")
    assert (done.returncode, done.stdout, done.stderr) == (2, "", "")


def test_processes_that_cannot_meet_are_told(tmp_path):
    out = tmp_path / "out"
    done = gatekeeper(*TENSOR, "--out", out, WORLD_SIZE="2", RANK="0", MASTER_ADDR="127.0.0.1")
    refused(done, 3, "MASTER_PORT", "torchrun")
    assert not out.exists()


@pytest.mark.slow
def test_heads_that_cannot_be_divided_are_told_once(tmp_path):
    code, _, errors = audit(*TENSOR, "--out", tmp_path / "out", processes=3)
    assert code == 1
    (line,) = told(errors)
    assert "divided by the number of processes" in line
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_torchrun_may_start_all_anew_and_they_go_on(two, tmp_path):
    out = tmp_path / "out"
    process = start("--max-restarts", "1", "-m", "gatekeeper", *TENSOR, "--out", out)
    wait_for_rows(process, out, 8)
    os.kill(rank(process.pid, 1), signal.SIGKILL)
    _, errors = process.communicate(timeout=150)
    assert process.returncode == 0, errors
    assert json.loads((out / "run.json").read_text())["rows_resumed"] >= 8
    assert (out / "evidence.json").read_bytes() == (two[0] / "evidence.json").read_bytes()


@pytest.mark.slow
def test_sequential_and_a_second_judge_whom_rank_0_alone_asks(tmp_path):
    policy = tmp_path / "policy.yaml"
    policy.write_text(POLICY)
    options = [HARDENED, "--suite", SUITE, "--max-prompts", "48", "--selection-share", "0.3"]
    options += ["--max-new-tokens", "8", "--no-roles", "--resamples", "20", "--controls", "4"]
    options += ["--policy", policy, "--sequential", "--batch-rows", "64"]
    asked, found = [], []
    for name in ("one", "two"):
        with serving(contrary) as server:
            more = [*second_judge(server.url, 20), "--out", tmp_path / name]
            key = {"GATEKEEPER_API_KEY": "sk-0123456789"}
            if name == "one":
                done = gatekeeper("audit", *options, *more, **key)
                assert done.returncode == 0, done.stderr
            else:
                more += ["--parallel", "tensor"]
                code, _, errors = audit("audit", *options, *more, **key)
                assert code == 0, errors
            asked.append(sorted(json.dumps(r.material, sort_keys=True) for r in server.requests))
        found.append(read_bundle(tmp_path / name))
    assert asked[0] == asked[1] != []
    assert found[0].stops == found[1].stops != ()
    assert found[0].trials == found[1].trials
    assert any(trial.second for trial in found[1].trials)


@pytest.mark.slow
def test_an_error_of_all_ranks_is_told_once(tmp_path):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("mine")
    for wrong in (tmp_path / "full", None):
        source = tmp_path / "nothing" if wrong is None else HARDENED
        out = wrong or tmp_path / "out"
        code, _, errors = audit("audit", source, *TENSOR[2:], "--out", out)
        assert code == 1
        assert len(told(errors)) == 1, errors
    assert [path.name for path in (tmp_path / "full").iterdir()] == ["mine.txt"]
