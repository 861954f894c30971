"""What the action writes on a run: annotations, summary, and what is kept."""

from __future__ import annotations

import pytest

from .action_runner import Runner
from .test_action import full, play, rule, verdict


def test_annotations_name_rule_line_and_remedy_within_githubs_limits(runner: Runner) -> None:
    runner.code = 10
    blocking = [rule(n) for n in range(15)]
    warning = [rule(n, severity="warn") for n in range(20, 35)]
    fine = [rule(50, "pass"), rule(51, "waived")]
    runner.files = {"verdict.json": verdict("fail", outcomes=[*fine, *warning, *blocking])}
    done = play(runner)
    assert len(done.annotations("error")) == len(done.annotations("warning")) == 10
    assert done.annotations("error")[0].properties == {"title": "Gatekeeper: failed"}
    second = done.annotations("error")[1]
    assert second.properties == {"file": "policy.yaml", "line": "1", "title": "rule-0: fail"}
    assert second.message == "Measured 0 %, limit 0 %. → Mend it."


@pytest.mark.parametrize("outcomes", [None, 3, [None, 4, "x", {}, {"rule": []}, {"rule": "a"}]])
def test_odd_outcomes_do_not_hide_the_verdict(runner: Runner, outcomes: object) -> None:
    runner.code = 10
    runner.files = {"verdict.json": verdict("fail", outcomes=outcomes)}
    done = play(runner)
    assert (done.code, done.outputs["verdict"]) == (10, "fail")
    assert len(done.annotations("error")) == 1


@pytest.mark.parametrize("line", ["表" * 30 + "\n", "表", "a"])
def test_a_huge_summary_is_cut_below_1_mib_with_a_note(runner: Runner, line: str) -> None:
    size = 1024 * 1024
    runner.files = full("pass") | {"summary.md": line * (2 * size // len(line.encode()))}
    summary = play(runner).summary  # read as strict UTF-8
    assert size - 4096 < len(summary.encode()) < size
    assert "longer than a job summary may be" in summary[-100:]
    assert "\ufffd" not in summary


def test_a_summary_of_just_the_limit_is_whole(runner: Runner) -> None:
    runner.files = full("pass") | {"summary.md": "a" * (1024 * 1024 - 1024)}
    assert play(runner).summary == runner.files["summary.md"]


def test_without_a_summary_file_the_verdict_stands_there_escaped(runner: Runner) -> None:
    runner.code = 11
    runner.files = {"verdict.json": verdict("inconclusive", "n < 200 & <script>")}
    summary = play(runner).summary
    assert "inconclusive" in summary
    assert "n &lt; 200 &amp; &lt;script&gt;" in summary


def test_reports_are_kept_when_the_gate_fails_and_evidence_only_on_request(runner: Runner) -> None:
    runner.code, runner.files = 10, full("fail")
    [report] = play(runner).uploads
    assert report["name"] == "gatekeeper-report"
    assert "evidence" not in report["path"]
    both = play(runner, evidence_artifact="bundle").uploads
    assert [u["name"] for u in both] == ["gatekeeper-report", "bundle"]
    assert both[1]["path"] == "gatekeeper-out/evidence"
    assert play(runner, report_artifact="").uploads == []
