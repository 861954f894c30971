"""`--judge-card` of `report` and `check`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gatekeeper import cli
from gatekeeper.errors import ExitCode
from gatekeeper.judges.refusal_rules import JUDGE

from ..report.cards import card_file, judge_card
from .test_report import bundle, policy

__all__ = ["bundle", "policy"]


def run(*arguments: object) -> int:
    return cli.run([str(a) for a in arguments])


def test_report_shows_corrected_rates(bundle, policy, tmp_path: Path, capsys) -> None:
    card = card_file(tmp_path / "card.json")
    out = tmp_path / "out"
    common = ("report", bundle, "--policy", policy, "--out", out)
    wanted = ("--format", "markdown", "--format", "json", "--format", "console")
    assert run(*common, *wanted, "--judge-card", card) == 0
    said = "Refusals, corrected for the judge's errors"
    assert said in capsys.readouterr().out
    assert said in (out / "summary.md").read_text()
    assert json.loads((out / "report.json").read_text())["corrected"]["labels"] == 200


def test_check_shows_them_and_the_verdict_is_the_same(bundle, policy, tmp_path, capsys) -> None:
    card, files = card_file(tmp_path / "card.json"), (tmp_path / "a.json", tmp_path / "b.json")
    common = ("check", bundle, "--policy", policy)
    assert run(*common, "--out", files[0], "--judge-card", card) == ExitCode.FAIL
    assert "corrected for the judge's errors" in capsys.readouterr().out
    assert run(*common, "--out", files[1]) == ExitCode.FAIL
    assert "corrected for" not in capsys.readouterr().out
    assert files[0].read_bytes() == files[1].read_bytes()


@pytest.mark.parametrize("command", ["check", "report"])
@pytest.mark.parametrize(
    ("card", "words"),
    [
        (
            judge_card("refusal-api", every=(9, 10, 9, 10)),
            f"the card is of refusal-api version {JUDGE.version}",
        ),
        (judge_card(version=1, every=(9, 10, 9, 10)), "version 1, the evidence was judged by"),
        (None, "not valid JSON"),
    ],
)
def test_a_card_of_another_judge_or_none_is_refused(
    command, card, words, bundle, policy, tmp_path, capsys
) -> None:
    path = tmp_path / "card.json"
    if card is None:
        path.write_text('{"parts": NaN}')
    else:
        card_file(path, card)
    out = tmp_path / ("out" if command == "report" else "verdict.json")
    code = run(command, bundle, "--policy", policy, "--out", out, "--judge-card", path)
    assert code == ExitCode.USAGE
    errors = capsys.readouterr().err.strip().splitlines()
    assert len(errors) == 1 and words in errors[0]
    assert not out.exists()


def test_a_card_with_other_settings_is_refused(bundle, policy, tmp_path, capsys) -> None:
    path = card_file(tmp_path / "card.json")
    data = json.loads(path.read_text())
    data["judge"]["settings"] = {"model": "another"}
    path.write_text(json.dumps(data))
    assert run("check", bundle, "--policy", policy, "--judge-card", path) == ExitCode.USAGE
    assert "other settings" in capsys.readouterr().err
