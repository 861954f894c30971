"""Exit codes under trouble: pipes, signals, a stop between audit and reports, bad settings."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from gatekeeper.records.bundle_files import BUNDLE_FILES
from tests.e2e.cli import DEMO_POLICY, HARDENED, ROOT, SUITE, gatekeeper, hear_interrupts, refused
from tests.typed import some

SMALL: tuple[str, ...] = (
    "--max-prompts",
    "12",
    "-k",
    "1",
    "--controls",
    "1",
    "--max-new-tokens",
    "4",
)
SMALL += ("--no-cross-fit", "--no-positive-control", "--no-roles", "--selector", "ses-frequency")
RUN = ("run", HARDENED, "--suite", SUITE, "--policy", DEMO_POLICY, *SMALL, "--format", "json")
RESULTS = ("verdict.json", "policy.yaml", "report.json")


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    out = tmp_path_factory.mktemp("whole") / "out"
    done = gatekeeper(*RUN, "--out", out)
    assert done.returncode == 11, done.stderr
    return out, done.returncode


@pytest.fixture
def out(whole, tmp_path):
    return Path(shutil.copytree(whole[0], tmp_path / "out"))


def contents(out):
    return {p.relative_to(out).as_posix(): p.read_bytes() for p in out.rglob("*") if p.is_file()}


# --- overwrite and resume ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "change", [("/nowhere", "--suite", SUITE), (HARDENED, "--suite", "/nowhere")]
)
def test_a_failed_overwrite_touches_nothing_and_says_so(out, change):
    before = contents(out)
    for name in ("run", "audit"):
        arguments = [name, *change, "--policy", DEMO_POLICY, "--out", out, "--overwrite"]
        refused(gatekeeper(*arguments), 2, "nowhere", "earlier audit", "untouched")
        assert contents(out) == before


def test_a_failure_found_while_loading_touches_nothing_either(out, tmp_path):
    bad = Path(shutil.copytree(HARDENED, tmp_path / "bad"))
    (bad / "chat_template.jinja").write_text("{{ 1/0 }}")
    before = contents(out)
    done = gatekeeper("run", bad, *RUN[2:], "--out", out, "--overwrite")
    refused(done, 3, "chat template", "untouched")
    assert contents(out) == before


def test_a_finished_run_is_refused_as_before(out):
    refused(gatekeeper(*RUN, "--out", out), 2, "finished audit", "--overwrite")


def test_the_same_command_makes_what_a_stop_after_the_audit_left_unmade(whole, out):
    before = contents(out)
    for name in RESULTS:
        (out / name).unlink()
    done = gatekeeper(*RUN, "--out", out)
    assert done.returncode == whole[1], done.stderr
    assert "Masking" not in done.stderr
    after = contents(out)
    assert after.keys() == before.keys()
    for name in after:
        assert after[name] == before[name], name


def test_evidence_of_something_else_gets_no_verdict_by_this_command(out, tmp_path):
    (out / "report.json").unlink()
    (out / "verdict.json").unlink()
    other = Path(shutil.copytree(HARDENED, tmp_path / "hardened"))
    with (other / "tokenizer.json").open("a") as file:
        file.write("\n")
    for change in (
        ["run", other, *RUN[2:]],
        [*RUN, "--seed", "1"],
        [*RUN, "-k", "2"],
    ):
        refused(gatekeeper(*change, "--out", out), 2, "finished audit of another", "untouched")
    assert not (out / "verdict.json").exists()


# --- output that nobody reads --------------------------------------------------------------------


@pytest.mark.parametrize("reader", ["| true", "| head -c 5", "2>&1 | true", ">&-", ">&- 2>&-"])
def test_a_verdict_does_not_hang_on_who_reads_it(whole, tmp_path, reader):
    told = tmp_path / "code"
    check = f"'{sys.executable}' -m gatekeeper check '{whole[0]}' --policy '{DEMO_POLICY}'"
    subprocess.run(
        ["bash", "-c", f"{check} {reader}; echo ${{PIPESTATUS[0]}} > '{told}'"],
        timeout=120,
        cwd=ROOT,
        capture_output=True,
    )
    assert int(told.read_text()) == whole[1]


# --- signals -------------------------------------------------------------------------------------

#: `gatekeeper doctor` with another body, started as `python -m`.
_COMMAND = """
import atexit, os, signal, sys
from gatekeeper import cli
import gatekeeper.commands.doctor as doctor
def send():
    os.kill(os.getpid(), signal.SIGTERM)
    for _ in range(10 ** 5): pass
@doctor.click.command()
def command():
{body}
doctor.COMMAND = command
sys.argv = ["gatekeeper", "doctor"]
cli.main()
"""
_MOMENTS = {
    # CPython makes a note of it, and would end `python -m` by SIGINT.
    "inside exec": "exec('send()', globals())",
    "twice": "try: send()\n    finally: send()",
    "while it is told": """
    def fail(*args, fail=cli._fail):
        send()
        return fail(*args)
    cli._fail = fail
    send()""",
    "at the end": "atexit.register(send); send()",
}


@pytest.mark.parametrize("moment", _MOMENTS)
def test_signals_at_bad_moments_are_still_exit_code_3(tmp_path, moment):
    body = "    " + _MOMENTS[moment]
    (tmp_path / "started.py").write_text(_COMMAND.format(body=body))
    path = os.pathsep.join([str(tmp_path), str(ROOT)])
    done = subprocess.run(
        [sys.executable, "-m", "started"],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 3, done.stderr
    assert "Traceback" not in done.stderr
    assert "interrupted" in done.stderr or "second signal" in done.stderr


def test_a_verdict_that_is_reached_stands_whatever_signal_comes_at_the_end(tmp_path):
    body = "    atexit.register(send)\n    return 10"
    (tmp_path / "started.py").write_text(_COMMAND.format(body=body))
    path = os.pathsep.join([str(tmp_path), str(ROOT)])
    done = subprocess.run(
        [sys.executable, "-m", "started"],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        timeout=60,
    )
    assert done.returncode == 10, done.stderr


def interrupted_while_loading(*arguments, numbers=(signal.SIGTERM,), pause=0.0):
    process = subprocess.Popen(
        [sys.executable, "-m", "gatekeeper", *map(str, arguments)],
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        preexec_fn=hear_interrupts,  # noqa: PLW1509 - nothing of ours runs in threads here
    )
    for line in some(process.stderr):
        if "hashing the weights" in line:
            break
    for number in numbers:
        process.send_signal(number)
        time.sleep(pause)
    _, errors = process.communicate(timeout=60)
    return process.returncode, errors


@pytest.mark.parametrize("pause", [0.0, 0.05])
@pytest.mark.parametrize("numbers", [(signal.SIGTERM,) * 2, (signal.SIGINT, signal.SIGTERM)])
def test_two_signals_in_a_row_are_still_an_interrupt(tmp_path, numbers, pause):
    arguments = (*RUN, "--out", tmp_path / "out")
    code, errors = interrupted_while_loading(*arguments, numbers=numbers, pause=pause)
    assert code == 3, errors
    assert "Traceback" not in errors


def test_an_interrupted_overwrite_says_that_the_earlier_audit_is_untouched(out):
    before = contents(out)
    code, errors = interrupted_while_loading(*RUN, "--out", out, "--overwrite")
    assert code == 3
    assert "interrupted" in errors
    assert "untouched" in errors
    assert contents(out) == before


# --- check --out ---------------------------------------------------------------------------------


def test_a_verdict_goes_to_a_regular_file_or_a_new_one(whole, tmp_path):
    check = ("check", whole[0], "--policy", DEMO_POLICY, "--out")
    os.mkfifo(tmp_path / "pipe")
    refused(gatekeeper(*check, tmp_path / "pipe"), 2, "pipe", "not a regular file")
    assert (tmp_path / "pipe").is_fifo()
    refused(gatekeeper(*check, tmp_path), 2, "is a directory")
    refused(gatekeeper(*check, tmp_path / "no" / "v.json"), 2, "no such directory")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["pipe"]
    (tmp_path / "link.json").symlink_to("v.json")
    assert gatekeeper(*check, tmp_path / "link.json").returncode == whole[1]
    assert (tmp_path / "link.json").is_symlink()
    assert json.loads((tmp_path / "v.json").read_bytes())["schema"]


# --- settings ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("option", "value", "word"),
    [
        ("--selection-share", "nan", "selection-share"),
        ("--seed", "9" * 30, "--seed"),
        ("--seed", str(2**53), "--seed"),
        ("-k", "9" * 20, "-k"),
        ("--controls", "9" * 20, "--controls"),
        ("--revision", "a\x1b[1m", "--revision"),
        ("--revision", "a" * 5000, "--revision"),
        ("--judge", "nope", "judge"),
        ("--selector", "atribution", "attribution"),
        ("--lang", "nope", "lang"),
    ],
)
def test_bad_settings_are_told_before_torch_is_imported(tmp_path, option, value, word):
    (tmp_path / "torch.py").write_text("raise SystemExit('torch was imported')")
    path = os.pathsep.join([str(tmp_path), str(ROOT)])
    done = gatekeeper(*RUN, "--out", tmp_path / "out", option, value, PYTHONPATH=path)
    refused(done, 2, word)
    assert not (tmp_path / "out").exists()


def test_a_selector_given_often_runs_once_and_two_prompts_warn_of_nothing_odd(tmp_path):
    often = [word for _ in range(20) for word in ("--selector", "ses-frequency")]
    done = gatekeeper(
        "audit", HARDENED, "--suite", SUITE, *SMALL, "--max-prompts", "2", *often,
        "--out", tmp_path / "out",
    )  # fmt: skip
    assert "RuntimeWarning" not in done.stderr
    assert done.returncode == 0, done.stderr
    told = json.loads((tmp_path / "out" / "evidence.json").read_bytes())
    assert told["settings"]["selectors"] == ["ses-frequency"]


def test_an_audit_that_would_measure_nothing_is_refused(tmp_path):
    rows = [json.loads(line) for line in (SUITE / "prompts.jsonl").read_text().splitlines()]
    suite = tmp_path / "one-seed.jsonl"
    suite.write_text("".join(json.dumps(row | {"seed_id": "s"}) + "\n" for row in rows))
    arguments = ["audit", HARDENED, "--suite", suite, *SMALL, "--out", tmp_path / "out"]
    done = gatekeeper(*arguments, "--selection-share", "0.999")
    refused(done, 2, "nothing to measure", "selection-share")
    assert not (tmp_path / "out").exists()


def test_a_variable_that_sets_nothing_is_told(tmp_path):
    done = gatekeeper(
        "audit", "/nowhere", "--suite", SUITE, "--out", tmp_path / "out",
        GATEKEEPER_AUDIT_CONTROLLS="1", GATEKEEPER_AUDIT_CONTROLS="1", GATEKEEPER_RUN_X="1",
    )  # fmt: skip
    warnings = [x for x in done.stderr.splitlines() if x.startswith("gatekeeper: warning:")]
    assert len(warnings) == 1
    assert "GATEKEEPER_AUDIT_CONTROLLS" in warnings[0]
    assert "did you mean GATEKEEPER_AUDIT_CONTROLS?" in warnings[0]


def test_an_option_is_set_by_the_variable_that_bears_its_name(whole):
    done = gatekeeper("check", whole[0], GATEKEEPER_CHECK_POLICY=str(DEMO_POLICY))
    assert done.returncode == whole[1], done.stderr
    assert "warning" not in done.stderr


def test_the_bundle_is_complete(whole):
    assert {p.name for p in (whole[0] / "evidence").iterdir()} == set(BUNDLE_FILES)
