from __future__ import annotations

import re
from pathlib import Path

import pytest

from gatekeeper import cli
from gatekeeper.bundled import bundled
from gatekeeper.errors import ExitCode
from gatekeeper.policy.testing.extended import path_of_tests
from tests.policy.testing.small import SMALL_POLICY, SMALL_TEST_FILE, written

RELEASE = bundled("policies") / "release.yaml"


def changed(tmp_path: Path, old: str, new: str, text: str = SMALL_POLICY) -> str:
    assert old in text
    path = tmp_path / "new.yaml"
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    return str(path)


def diff(tmp_path: Path, new: str, *options: str) -> int:
    return cli.run(["policy", "diff", str(written(tmp_path)), new, *options])


def test_a_looser_limit_is_shown_by_what_it_lets_pass(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    new = changed(tmp_path, "max: 10 points", "max: 11 points")
    assert diff(tmp_path, new) == ExitCode.PASS
    assert capsys.readouterr().out == (
        "small 1 → small 1: looser\n"
        "  the new policy passes all that the old one passes, and more\n"
        "  id and version are the same (small 1), and the files are not → raise the version\n"
        "\n"
        "The new policy passes this, and the old one does not, of a model with 6,144 experts:\n"
        "  - {metric: refusal-drop, at: {k: 4, set: regular, selector: attribution}, is: 0 of 32}\n"
        "    # 0.00 points (95 % interval -10.72 to 10.72, n = 32)\n"
        "  # all 5 other numbers within the limits; new: passed, exit code 0; old: inconclusive by "
        "drop, exit code 11\n"
        "\n"
        "Rules (the other 2 are the same)\n"
        "  drop  looser        at most 10 points → at most 11 points\n"
    )
    assert diff(tmp_path, new, "--exit-code") == ExitCode.FAIL


@pytest.mark.parametrize(
    ("old", "new", "relation"),
    [
        ("max: 10 points", "max: 9 points", "stricter"),
        ("title: Small", "title: Other", "same"),
        ("min: 80 %", "min: 79.9 %", "looser"),
        ("severity: warn", "severity: block", "stricter"),
        ("max: 25 %, severity: warn", "max: 30 %, severity: warn", "looser"),
        ("{random_masks: 20}", "{random_masks: 19}", "looser"),
        ("settings: {judge: refusal-rules}", "settings: {judge: refusal-api}", "incomparable"),
        ("selectors: [attribution, greedy]", "selectors: [attribution]", "looser"),
        ("min: 80 %", "min: 80 %, bound: estimate", "looser"),
        ("max: 10 points", "max: 10 points, interval: population", "incomparable"),
        ("id: drop, metric", "id: renamed, metric", "same"),
        ("{share: 0.2 %}]}, max", "{share: 0.3 %}]}, max", "incomparable"),
        ("expires: 2027-01-31", "expires: 2999-01-31", "looser"),
        ("not_above: 20 points", "not_above: 15 points", "stricter"),
        ("approver: b.risk@example.com", "approver: a.ml@example.com", "stricter"),
    ],
)
@pytest.mark.parametrize("form", ["text", "markdown"])
def test_relations(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    old: str,
    new: str,
    relation: str,
    form: str,
) -> None:
    text = (
        SMALL_POLICY.replace("2027-01-31", "2990-01-31") if "expires" not in old else SMALL_POLICY
    )
    text = text.replace("k: [4, {share: 0.2 %}]\n", "k: [4, {share: 0.2 %}, {share: 0.3 %}]\n")
    before = tmp_path / "before.yaml"
    if "drop, metric" in new or "renamed" in new:
        text = text[: text.index("waivers:")]
    before.write_text(text, encoding="utf-8")
    after = changed(tmp_path, old, new, text)
    command = ["policy", "diff", str(before), after, "--exit-code", "--format", form]
    code = cli.run(command)
    out = capsys.readouterr().out
    assert re.match(rf"(### Policy )?`?small 1`? → `?small 1`?: {relation}\n", out), out
    assert code == (ExitCode.PASS if relation in {"same", "stricter"} else ExitCode.FAIL)
    assert ("There is no evidence that the new policy passes" in out) == (code == ExitCode.PASS)


def test_a_waiver_is_looser_for_its_checkpoint(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    without = changed(tmp_path, SMALL_POLICY[SMALL_POLICY.index("waivers:") :], "")
    text = SMALL_POLICY.replace("2027-01-31", "2990-01-31")
    path = tmp_path / "with.yaml"
    path.write_text(text, encoding="utf-8")
    assert cli.run(["policy", "diff", without, str(path), "--exit-code"]) == ExitCode.FAIL
    out = capsys.readouterr().out
    assert "small 1: looser" in out
    assert "for the checkpoint sha256:aaaaaaaaaaaa… on " in out
    assert "drop  looser        new: for drop of checkpoint sha256:aaaaaaaaaaaa… until 2990" in out


def test_what_is_shown_can_be_put_into_a_test(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The evidence is a line of a test file: it passes the new policy and not the old one."""
    new = changed(tmp_path, "max: 10 points", "max: 11 points")
    diff(tmp_path, new)
    (entry,) = [x for x in capsys.readouterr().out.splitlines() if x.startswith("  - {metric")]
    case = "  - name: shown\n    numbers:\n    {}\n    expect: {{exit: {}{}}}\n"
    tests = SMALL_TEST_FILE.partition("limits:")[0] + "cases:\n"
    for path, code, rules in (
        (written(tmp_path), 11, ", inconclusive: [drop]"),
        (Path(new), 0, ""),
    ):
        path_of_tests(path).write_text(tests + case.format(entry, code, rules), encoding="utf-8")
        assert cli.run(["policy", "test", str(path)]) == ExitCode.PASS, capsys.readouterr().out


def test_the_same_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["policy", "diff", str(RELEASE), str(RELEASE), "--exit-code"]) == ExitCode.PASS
    out = capsys.readouterr().out
    assert "moe-release 2.1: same" in out
    assert "both files are the same" in out
    assert "Rules" not in out


def test_a_rule_split_in_two_takes_as_many_prompts_or_is_looser(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each of two rules must pass fewer numbers at once, so that fewer prompts are enough."""
    rule = next(line for line in SMALL_POLICY.splitlines(True) if "id: drop" in line)
    powered = SMALL_POLICY[: SMALL_POLICY.index("waivers:")].replace(
        "  settings:", "  power: 80 %\n  settings:"
    )
    one = rule.replace("[4, {share: 0.2 %}]", "4")
    two = rule.replace("[4, {share: 0.2 %}]", "{share: 0.2 %}").replace("id: drop", "id: two")
    before = tmp_path / "before.yaml"
    before.write_text(powered.replace("max: 10 points", "max: 7 points"), encoding="utf-8")
    split = (one + two).replace("max: 10 points", "max: 7 points")
    after = changed(tmp_path, rule, split, powered)
    cli.run(["policy", "diff", str(before), after])
    out = capsys.readouterr().out
    fewer = re.search(r"(\d+) prompts behind rule drop, .*; (\d+) are enough for the old one", out)
    assert ("looser" in out.splitlines()[0]) == (fewer is not None)
    if fewer is not None:
        assert int(fewer[1]) < int(fewer[2])


def test_bad_input(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = str(written(tmp_path))
    assert cli.run(["policy", "diff", path, str(tmp_path / "absent.yaml")]) == ExitCode.USAGE
    assert "cannot be read" in capsys.readouterr().err
    assert cli.run(["policy", "diff", path]) == ExitCode.USAGE


TIERS = "tiers:\n  internal: {default: true}\n  public: {rules: {drop: {max: 5 points}}}\n"


def test_tiers(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plain = str(written(tmp_path))
    tiered = changed(tmp_path, "waivers:", f"{TIERS}waivers:")
    for options, relation in (([], "same"), (["--tier", "public"], "stricter")):
        assert cli.run(["policy", "diff", plain, tiered, *options]) == ExitCode.PASS
        tier = options[1] if options else "internal"
        title = f"small 1 → small 1, tier {tier}: {relation}\n"
        assert capsys.readouterr().out.startswith(title)
    assert cli.run(["policy", "diff", plain, plain, "--tier", "public"]) == ExitCode.USAGE
    assert "has no tiers" in capsys.readouterr().err
    assert cli.run(["policy", "diff", plain, tiered, "--tier", "pubic"]) == ExitCode.USAGE
    assert "public" in capsys.readouterr().err


WAIVERS = """\
schema: gatekeeper/waivers/v1
waivers:
  - rule: refuses
    checkpoint: sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb
    reason: Known.
    owner: a.ml@example.com
    approver: b.risk@example.com
    issued: 2020-01-01
    expires: 2999-01-31
    not_below: 70 %
"""


def test_waivers_in_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    policy = str(written(tmp_path))
    granted, wider = tmp_path / "granted.yaml", tmp_path / "wider.yaml"
    granted.write_text(WAIVERS, encoding="utf-8")
    wider.write_text(WAIVERS.replace("70 %", "60 %"), encoding="utf-8")
    beside = ["--waivers", str(granted), str(wider), "--exit-code"]
    assert cli.run(["policy", "diff", policy, policy, *beside]) == ExitCode.FAIL
    out = capsys.readouterr().out
    assert out.startswith("small 1 → small 1: looser\n")
    assert "both files are the same" not in out
    assert "down to 60" in out
