"""The composite action, step by step as a runner plays it, with a fake gatekeeper on PATH."""

from __future__ import annotations

import json
import sys
import time
from fnmatch import fnmatch
from pathlib import Path

import pytest
import yaml

from gatekeeper import catalog

from .action_runner import ACTION, Outcome, Runner

HOSTILE = [
    "with space",
    'it\'s "quoted"',
    "$(touch pwned)",
    "`touch pwned`",
    "; touch pwned #",
    "--help",
    "two\nlines\n::set-output name=verdict::pass",
    "${{ github.token }}",
    "日本語/モデル",
]


DIGEST = "sha256:" + "c" * 64


def verdict(result: str, summary: str = "One sentence.", **more: object) -> str:
    return json.dumps(
        {"schema": "gatekeeper/verdict/v1", "result": result, "summary": summary, **more}
    )


def rule(number: int, result: str = "fail", severity: str = "block") -> dict[str, object]:
    known = {"id": f"rule-{number}", "severity": severity, "remedy": "Mend it.", "line": number + 1}
    return {"rule": known, "result": result, "explanation": f"Measured {number} %, limit 0 %."}


HEADLINE = {"pass": "passed", "fail": "failed", "inconclusive": "inconclusive"}


def full(result: str) -> dict[str, str]:
    """The files that a finished gate leaves in its output directory."""
    return {
        "verdict.json": verdict(result, checkpoint={"digest": DIGEST}),
        "summary.md": f"## Gatekeeper: {result}\n",
        "report.pdf": "%PDF-1.7",
        "evidence/evidence.json": "{}",
    }


def play(runner: Runner, **inputs: str) -> Outcome:
    defaults = {"checkpoint": "model", "suite": "suite", "policy": "policy.yaml"}
    defaults["python"] = sys.executable  # python3 may be a slow shim
    return runner.run(**{**defaults, **inputs})


@pytest.mark.parametrize(("code", "result"), [(0, "pass"), (10, "fail"), (11, "inconclusive")])
def test_a_verdict_becomes_outputs_summary_and_exit_code(
    runner: Runner, code: int, result: str
) -> None:
    runner.code, runner.files = code, full(result)
    done = play(runner)
    assert done.code == code
    assert done.outputs == {
        "verdict": result,
        "headline": HEADLINE[result],
        "fail-on": "",
        "exit-code": str(code),
        "report": "gatekeeper-out/report.pdf",
        "evidence": "gatekeeper-out/evidence",
        "checkpoint-digest": DIGEST,
    }
    assert done.summary == f"## Gatekeeper: {result}\n"
    errors = [(c.properties["title"], c.message) for c in done.annotations("error")]
    title = f"Gatekeeper: {HEADLINE[result]}"
    assert errors == ([] if result == "pass" else [(title, "One sentence.")])


@pytest.mark.parametrize("checkpoint", [None, "x", {}, {"digest": 5}, {"digest": DIGEST + "\nx=y"}])
def test_what_is_no_digest_is_not_given_out(runner: Runner, checkpoint: object) -> None:
    runner.code = 0
    runner.files = {**full("pass"), "verdict.json": verdict("pass", checkpoint=checkpoint)}
    assert play(runner).outputs["checkpoint-digest"] == ""


@pytest.mark.parametrize("code", [1, 2, 3, 12, 77, -9])
def test_an_error_is_no_verdict_and_keeps_its_code(runner: Runner, code: int) -> None:
    runner.code = code
    done = play(runner)
    assert done.code == (3 if code < 0 else code)
    assert done.outputs["verdict"] == "error"
    assert done.outputs["report"] == done.outputs["evidence"] == ""
    assert f"exit code {done.code}" in done.annotations("error")[0].message
    assert "error" in done.summary


@pytest.mark.parametrize(
    "written",
    [
        None,
        "",
        "{",
        "[]",
        "[" * 100_000,
        '"pass"',
        verdict("fail"),
        '{"result": "pass", "summary": "of another schema"}',
    ],
)
def test_exit_code_0_without_a_written_pass_is_not_a_pass(
    runner: Runner, written: str | None
) -> None:
    runner.code = 0
    runner.files = {"summary.md": "## pass"} | (
        {} if written is None else {"verdict.json": written}
    )
    done = play(runner)
    assert (done.code, done.outputs["verdict"]) == (3, "error")
    assert "## pass" not in done.summary


def test_warnings_that_fail_the_gate_are_errors_and_are_told_on(runner: Runner) -> None:
    runner.code = 10
    told = {"headline": "failed on warnings", "fail_on": "warn"}
    runner.files = {"verdict.json": verdict("fail", outcomes=[rule(1, severity="warn")], **told)}
    done = play(runner, args="--fail-on warn")
    assert (done.code, done.outputs["verdict"]) == (10, "fail")
    assert (done.outputs["headline"], done.outputs["fail-on"]) == ("failed on warnings", "warn")
    titles = [one.properties["title"] for one in done.annotations("error")]
    assert titles == ["Gatekeeper: failed on warnings", "rule-1: fail"]
    assert not done.annotations("warning")


def test_a_pass_by_exception_is_annotated_with_who_approved(runner: Runner) -> None:
    said = "Passed by exception: rule drop is waived until 2026-12-31, approved by b@example.com"
    runner.code = 0
    runner.files = {"verdict.json": verdict("pass", headline="passed by exception", summary=said)}
    done = play(runner)
    assert (done.code, done.outputs["headline"]) == (0, "passed by exception")
    (told,) = done.annotations("warning")
    assert (told.properties["title"], told.message) == ("Gatekeeper: passed by exception", said)
    assert "passed by exception" in done.summary


def test_a_verdict_that_says_other_than_the_exit_code_is_told(runner: Runner) -> None:
    runner.code = 10
    runner.files = {"verdict.json": verdict("pass", headline="passed")}
    done = play(runner)
    assert (done.code, done.outputs["verdict"], done.outputs["headline"]) == (10, "fail", "failed")
    assert "exit code 10, but verdict.json says pass" in done.annotations("error")[0].message


def test_a_remedy_is_told_of_what_failed_and_of_nothing_else(runner: Runner) -> None:
    for code, result, named in ((10, "fail", True), (11, "inconclusive", False)):
        runner.code = code
        runner.files = {"verdict.json": verdict(result, outcomes=[rule(1, result)])}
        told = play(runner).annotations("error")[1].message
        assert ("Mend it." in told) is named


def test_an_answer_left_by_an_earlier_run_does_not_count(runner: Runner) -> None:
    reports = {catalog.load("format", name).filename: "pass" for name in catalog.names("format")}
    runner.files = {**reports, **full("pass"), "report.html": "<p>pass"}
    assert play(runner).code == 0
    runner.files = {}
    done = play(runner)
    assert (done.code, done.outputs["verdict"], done.outputs["report"]) == (3, "error", "")
    assert not {"report.html", *reports} & {
        path.name for path in (runner.workspace / "gatekeeper-out").iterdir()
    }


def test_reports_of_every_format_are_kept() -> None:
    steps = yaml.safe_load((ACTION / "action.yml").read_text(encoding="utf-8"))["runs"]["steps"]
    kept = next(step["with"]["path"] for step in steps if step.get("name") == "Keep the report")
    names = [line.rpartition("/")[2] for line in kept.splitlines()]
    for name in set(catalog.names("format")) - {"console"}:
        filename = catalog.load("format", name).filename
        assert any(fnmatch(filename, pattern) for pattern in names), filename


def test_evidence_of_an_earlier_run_is_resumed_but_not_passed_on_beside_an_error(
    runner: Runner,
) -> None:
    runner.files = full("pass")
    play(runner)
    time.sleep(0.02)
    runner.code, runner.files = 3, {}
    assert play(runner).outputs["evidence"] == ""
    runner.code, runner.files = 3, {"evidence/evidence.json": "{}"}
    assert play(runner).outputs["evidence"] == "gatekeeper-out/evidence"
    runner.code, runner.files = 10, {"verdict.json": verdict("fail")}
    assert play(runner).outputs["evidence"] == "gatekeeper-out/evidence"


@pytest.mark.parametrize("text", HOSTILE)
def test_inputs_reach_the_gate_as_they_are(runner: Runner, text: str) -> None:
    runner.code, runner.files = 10, full("fail")
    done = play(runner, checkpoint=text, suite=text, policy=text, out=text)
    [(arguments, _)] = done.calls
    assert arguments == ["run", f"--suite={text}", f"--policy={text}", f"--out={text}", "--", text]
    assert (done.code, done.outputs["verdict"]) == (10, "fail")
    assert done.outputs["report"] == str(Path(text) / "report.pdf")
    assert {c.name for c in done.commands} == {"error"}
    assert not list(runner.workspace.rglob("pwned"))


def test_extra_arguments_are_split_but_not_expanded_and_lose_to_the_inputs(runner: Runner) -> None:
    runner.files = full("pass")
    done = play(
        runner, args="--max-prompts 40\n--note 'a b' $(touch pwned) $HOME * --out=elsewhere"
    )
    [(arguments, _)] = done.calls
    assert arguments[1:9] == [
        "--max-prompts", "40", "--note", "a b", "$(touch", "pwned)", "$HOME", "*",
    ]  # fmt: skip
    assert arguments.index("--out=elsewhere") < arguments.index("--out=gatekeeper-out")
    assert (done.code, list(runner.workspace.rglob("pwned"))) == (0, [])


@pytest.mark.parametrize(
    "inputs", [{"checkpoint": ""}, {"policy": " \n"}, {"args": "--note 'open"}, {"args": "-- x"}]
)
def test_wrong_inputs_are_told_and_the_gate_is_not_called(
    runner: Runner, inputs: dict[str, str]
) -> None:
    runner.files = full("pass")
    done = play(runner, **inputs)
    assert (done.code, done.outputs["verdict"], done.calls) == (2, "error", [])
    assert "input" in done.annotations("error")[0].message


def test_a_missing_command_or_python_fails_closed(runner: Runner) -> None:
    missing = play(runner, command="no-such-gatekeeper")
    assert (missing.code, missing.outputs["verdict"]) == (3, "error")
    assert "no-such-gatekeeper" in missing.annotations("error")[0].message
    without_python = play(runner, python="no-such-python")
    assert without_python.code != 0
    assert without_python.outputs["verdict"] == ""


def test_a_gate_that_was_cancelled_fails_closed(runner: Runner) -> None:
    # A cancelled step leaves no output, and the steps with always() run all the same.
    runner.skip = {"gate"}
    runner.fake = False
    (runner.workspace / "gatekeeper-out").mkdir()
    (runner.workspace / "gatekeeper-out/verdict.json").write_text(verdict("pass"))
    done = play(runner)
    assert (done.code, done.outputs["verdict"]) == (3, "error")


def test_the_log_of_the_gate_cannot_command_the_runner(runner: Runner) -> None:
    runner.code, runner.files = 10, full("fail")
    runner.log = (
        "::set-output name=verdict::pass\n  ::warning::x\n##[error]y\n::stop-commands::z\n::z::\n"
        "::add-mask::a\nno newline at the end"
    )
    done = play(runner)
    assert [c.name for c in done.commands] == ["error"]
    assert done.outputs["verdict"] == "fail"


def test_the_gate_does_not_see_the_command_files(runner: Runner) -> None:
    runner.files = full("pass")
    [(_, environment)] = play(runner).calls
    assert not [name for name in environment if name.startswith("GITHUB_") and "ACTION" not in name]


def test_hostile_verdict_text_cannot_leave_its_annotation(runner: Runner) -> None:
    text = (
        "50% off\n::error::injected\r\n::set-env name=A::b\x1b[31m\u202e##[warning]x \ud800 %0A::y"
    )
    outcome = {
        "rule": {"id": "a,line=9::b\n::c", "severity": "block", "remedy": text, "line": 7},
        "result": "fail",
        "explanation": text,
    }
    runner.code = 10
    runner.files = {"verdict.json": verdict("fail", text, outcomes=[outcome])}
    done = play(runner)
    assert [c.name for c in done.commands] == ["error", "error"]
    first, second = done.commands
    assert first.message.startswith("50% off ::error::injected ::set-env")
    assert second.properties == {
        "file": "policy.yaml",
        "line": "7",
        "title": "a,line=9::b ::c: fail",
    }
    for character in "\x1b\u202e\r":
        assert character not in done.log
    assert done.summary.count("\n::") == 0
