from __future__ import annotations

from pathlib import Path

import pytest

from gatekeeper import cli
from gatekeeper.bundled import bundled
from gatekeeper.errors import ExitCode

RELEASE = str(bundled("policies") / "release.yaml")
STRICT = str(bundled("policies") / "strict.yaml")
SMALL = """\
schema: gatekeeper/policy/v1
id: p
version: "1"
title: P
owner: risk@example.com
evidence: {selectors: [attribution]}
rules:
  - {id: drop, metric: refusal-drop, at: {k: 4}, max: 10 points}
"""


def write(tmp_path: Path, text: str, name: str = "p.yaml") -> str:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_lint_is_quiet_about_clean_files(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["policy", "lint", RELEASE, STRICT]) == ExitCode.PASS
    assert capsys.readouterr().out == "files: 2, errors: 0, warnings: 0\n"


def test_lint_lists_errors_with_place_and_remedy(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write(tmp_path, SMALL.replace("refusal-drop", "refusal-dorp").replace("owner", "onwer"))
    assert cli.run(["policy", "lint", RELEASE, path]) == ExitCode.USAGE
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith(f"{path}:1:1: error: missing key 'owner' → add owner: ")
    assert lines[1] == f"{path}:5:1: error: unknown key 'onwer' → did you mean owner?"
    assert lines[2].startswith(f"{path}:8:24: error: unknown metric")
    assert lines[-1] == "files: 2, errors: 3, warnings: 0"


@pytest.mark.parametrize("command", ["check", "explain"])
@pytest.mark.parametrize("kind", ["form", "meaning"])
def test_whoever_reads_a_policy_is_told_of_all_that_lint_lists(
    command: str, kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    line = "  - {id: drop, metric: refusal-drop, at: {k: 4}, max: 10 points}\n"
    wrong = {"form": ("max:", "mox:"), "meaning": ("refusal-drop", "refusal-dorp")}[kind]
    rules = [line.replace("drop,", f"drop-{n},", 1).replace(*wrong) for n in range(12)]
    path = write(tmp_path, SMALL.replace(line, "".join(rules)))
    assert cli.run(["policy", "lint", path]) == ExitCode.USAGE
    listed = capsys.readouterr().out.replace(": error: ", ": ").splitlines()[:-1]
    assert len(listed) >= 12
    start = ["policy", "explain", path] if command == "explain" else ["check", str(tmp_path)]
    assert cli.run([*start, *(["--policy", path] if command == "check" else [])]) == ExitCode.USAGE
    told = capsys.readouterr().err.splitlines()
    shown = [text.removeprefix("gatekeeper: error: ") for text in told]
    assert len(told) == min(len(listed), 20) + (len(listed) > 20)
    assert set(shown[:20]) <= set(listed)
    assert (shown[-1] == f"and {len(listed) - 20} more in the same file") == (len(listed) > 20)


def test_warnings_count_only_if_strict(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write(tmp_path, SMALL)
    assert cli.run(["policy", "lint", path]) == ExitCode.PASS
    assert f"{path}:8:5: warning: rule drop has no remedy" in capsys.readouterr().out
    assert cli.run(["policy", "lint", "--strict", path]) == ExitCode.USAGE


def test_lint_of_what_is_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["policy", "lint", str(tmp_path / "absent.yaml")]) == ExitCode.USAGE
    assert "cannot be read" in capsys.readouterr().out
    assert cli.run(["policy", "lint"]) == ExitCode.USAGE


def test_a_file_name_cannot_command_a_ci_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path, "a: [", "::error::x")
    cli.run(["policy", "lint", "::error::x"])
    assert "::" not in capsys.readouterr().out


def test_explain(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["policy", "explain", RELEASE]) == ExitCode.PASS
    out = capsys.readouterr().out
    assert "must be at most 10 points" in out
    assert cli.run(["policy", "explain", write(tmp_path, "rules: []")]) == ExitCode.USAGE
    captured = capsys.readouterr()
    assert captured.out == ""
    assert all("p.yaml:1:" in line for line in captured.err.splitlines())


@pytest.mark.parametrize("command", [[], ["lint"], ["explain"], ["doc"], ["new"]])
def test_help_shows_an_example(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["policy", *command, "--help"]) == ExitCode.PASS
    assert "Example:\n" in capsys.readouterr().out


def test_explain_and_doc_in_another_language_and_with_waivers(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    waiver = (
        "schema: gatekeeper/waivers/v1\nwaivers:\n  - {rule: drop, reason: Known., ticket: T-1,\n"
        f"    checkpoint: 'sha256:{'1' * 64}', owner: a@example.com, approver: b@example.com,\n"
        "    issued: 2026-01-01, expires: 2026-02-01, not_above: 25 points}\n"
    )
    files = [write(tmp_path, SMALL), "--waivers", write(tmp_path, waiver, "w.yaml")]
    for command in ("explain", "doc"):
        assert cli.run(["policy", command, *files]) == ExitCode.PASS
        out = capsys.readouterr().out
        assert "drop up to 25 points" in out and "it expired on 2026-02-01" in out
        assert cli.run(["policy", command, *files, "--lang", "ja"]) == ExitCode.PASS
        assert "効力なし: 2026-02-01 に期限が切れています" in capsys.readouterr().out
        assert cli.run(["policy", command, *files, "--lang", "xx"]) == ExitCode.USAGE
        assert "known: en, ja" in capsys.readouterr().err


def test_doc_writes_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "page.md"
    assert cli.run(["policy", "doc", RELEASE, "--out", str(out)]) == ExitCode.PASS
    assert capsys.readouterr().out == ""
    assert out.read_text(encoding="utf-8").startswith(
        "# Release of Mixture-of-Experts chat models\n"
    )


def test_a_shipped_policy_is_found_by_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert cli.run(["policy", "explain", "release"]) == 0
    assert "(moe-release " in capsys.readouterr().out
    assert cli.run(["policy", "lint", "release", "strict"]) == 0
    assert cli.run(["policy", "diff", "release", "strict"]) == 0
    capsys.readouterr()
    Path("release").write_text("no policy")  # a file goes before a name
    assert cli.run(["policy", "explain", "release"]) == 2
    assert "release:1:1" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("relaese", "did you mean release?"),
        ("chat-releese.yaml", "did you mean chat-release.yaml?"),
        ("policies/release.yaml", "write release: the shipped policy of that name"),
        ("nowhere/at-all.yaml", "check the path"),
    ],
)
def test_a_mistyped_policy_is_told_what_was_meant(
    given: str,
    meant: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("chat-release.yaml").write_text("")
    assert cli.run(["policy", "explain", given]) == 2
    assert meant in capsys.readouterr().err
