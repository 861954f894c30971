"""`gatekeeper waiver`: written from a verdict, kept among comments, and seen before it ends."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gatekeeper.cli import run
from gatekeeper.commands._verdicts import verdict_bytes
from gatekeeper.policy.evaluate import evaluate
from gatekeeper.policy.grant import granted
from gatekeeper.policy.waiver_files import with_waivers
from gatekeeper.records.finding import Finding, Subject
from gatekeeper.strict_yaml import parse_yaml

from ..policy.builders import (
    TODAY,
    concentrated,
    make_evidence,
    make_policy,
    make_rule,
    make_waiver,
)

DAY = datetime.now(UTC).date()
FAULTY = make_evidence(concentrated, ks=(4,), controls=20)
POLICY = make_policy(
    make_rule(),
    make_rule(id="refuses", metric="refusal-rate", subjects=(Subject(set="regular", mask="none"),),
              minimum=80.0, maximum=None, unit="%", bound="lower"),
    make_rule(id="absent", subjects=(Subject(k=8, set="regular"),)),
)  # fmt: skip
VERDICT = evaluate(FAULTY, POLICY, TODAY)
PEOPLE = ["--owner", "a@example.com", "--approver", "b@example.com", "--reason", 'Known: "so" #1.']


@pytest.fixture
def verdict(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    Path("verdict.json").write_bytes(verdict_bytes(VERDICT))
    return "verdict.json"


def new(verdict: str, *more: str, rule: str = "drop", end: str = "30d") -> int:
    return run(["waiver", "new", verdict, "--rule", rule, "--expires-in", end, *PEOPLE, *more])


def test_a_new_waiver_covers_the_failed_verdict_it_was_written_from(verdict, capsys) -> None:
    assert new(verdict, "--ticket", "RISK-7") == 0
    assert "rule drop is waived up to 100.0 points until" in capsys.readouterr().out
    policy = with_waivers(POLICY, Path("waivers.yaml"))
    (waiver,) = policy.waivers
    assert (waiver.expires - DAY).days == 30 and waiver.issued == DAY
    assert (waiver.ticket, waiver.reason) == ("RISK-7", 'Known: "so" #1.')
    assert waiver.checkpoint == FAULTY.checkpoint.digest
    assert evaluate(FAULTY, policy, DAY).outcomes[0].result == "waived"


def test_the_worst_number_seen_is_rounded_outward() -> None:
    def worst(low: float, high: float, rule: str) -> str:
        index = {"drop": 0, "refuses": 1}[rule]
        outcome = VERDICT.outcomes[index]
        finding = outcome.decisive
        assert isinstance(finding, Finding)
        interval = replace(finding.interval, low=low, high=high)
        changed = replace(outcome, decisive=replace(finding, interval=interval), result="fail")
        entries = granted(replace(VERDICT, outcomes=(changed,)), request(rule))
        return entries.get("not_above") or entries["not_below"]

    assert worst(10, 18.41, "drop") == "18.5 points"
    assert worst(10, 18.4, "drop") == "18.4 points"
    assert worst(71.99, 80, "refuses") == "71.9 %"
    both = replace(VERDICT.outcomes[0], rule=replace(VERDICT.outcomes[0].rule, minimum=1.0))
    entries = granted(replace(VERDICT, outcomes=(both,)), request("drop"))
    assert list(entries)[-2:] == ["not_below", "not_above"]


def request(rule: str):
    from gatekeeper.policy.grant import Request

    return Request(
        rule=rule, owner="a@example.com", approver="b@example.com", reason="R.", ticket="",
        issued=TODAY, expires=TODAY,
    )  # fmt: skip


@pytest.mark.parametrize("indent", ["", "  ", "    "])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_what_stands_in_the_file_stays(indent: str, end: str, verdict) -> None:
    assert new(verdict) == 0
    path = Path("waivers.yaml")
    head, entry = path.read_text(encoding="utf-8").split("waivers:\n")
    lines = [indent + line.removeprefix("  ") for line in entry.splitlines()]
    text = f"# why\n{head}waivers:\n{indent}# first\n" + "\n".join(lines) + "   # last"
    before = text.replace("\n", end).encode()
    path.write_bytes(before)
    assert new(verdict) == 0
    after = path.read_bytes()
    assert after.startswith(before)
    data = parse_yaml(after.decode(), "waivers.yaml").data
    assert len(data["waivers"]) == 2 and data["waivers"][0] == data["waivers"][1]


def test_an_empty_list_can_be_added_to(verdict) -> None:
    Path("waivers.yaml").write_text("schema: gatekeeper/waivers/v1\nwaivers: []  # none yet\n")
    assert new(verdict) == 0
    text = Path("waivers.yaml").read_text()
    assert "# none yet" in text and len(with_waivers(POLICY, Path("waivers.yaml")).waivers) == 1


@pytest.mark.parametrize(
    "text",
    [
        "{schema: gatekeeper/waivers/v1, waivers: []}\n",
        "waivers: []\nschema: gatekeeper/waivers/v1\n",
        "schema: gatekeeper/policy/v1\n",
        "schema: [",
    ],
)
def test_a_file_that_nothing_can_be_added_to_is_left_alone(text: str, verdict, capsys) -> None:
    Path("waivers.yaml").write_text(text)
    assert new(verdict) == 2
    assert "waivers.yaml" in capsys.readouterr().err
    assert Path("waivers.yaml").read_text() == text


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--rule", "dorp"], "no rule 'dorp' in the verdict → did you mean drop?"),
        (["--rule", "refuses"], "rule refuses passes and needs no waiver → rules that do not pass"),
        (["--rule", "absent"], "not measured on all that it asks about, which no waiver covers"),
        (["--approver", "A+x@example.com"], "--approver: owner and approver must be two people"),
        (["--expires-in", "0d"], "no number of days, such as 30d"),
        (["--expires", "2020-01-01"], "a waiver needs an end, and one only"),
        (["--reason", " "], "reason"),
        (["--reason", "a\u202eb"], "hides or reorders text"),
        (["--ticket", "x\ny"], "ticket"),
    ],
)
def test_what_cannot_be_waived_is_said_and_nothing_written(
    arguments: list[str], words: str, verdict, capsys
) -> None:
    assert new(verdict, *arguments) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert words in line
    assert not Path("waivers.yaml").exists()


def test_a_verdict_is_needed(verdict, capsys) -> None:
    assert new("absent.json") == 2
    assert "no verdict here → give a verdict.json" in capsys.readouterr().err
    Path("verdict.json").write_text("{}")
    assert new(verdict) == 12


def grant(verdict: str, days: int, *more: str) -> None:
    assert new(verdict, "--out", "w.yaml", *more, end=f"{days}d") == 0


def test_list_fails_the_job_that_should_renew_one(verdict, capsys) -> None:
    grant(verdict, 20)
    capsys.readouterr()
    assert run(["waiver", "list", "w.yaml", "--expiring", "14d"]) == 0
    told = capsys.readouterr().out
    assert "drop" in told and " 20 " in told and "counts" in told
    assert run(["waiver", "list", "w.yaml", "--expiring", "3w"]) == 10
    told = capsys.readouterr().out
    assert "ends soon" in told and "w.yaml:5" in told and "to renew, mend or remove: 1" in told
    assert run(["waiver", "list", "w.yaml"]) == 0
    grant(verdict, 90)
    capsys.readouterr()
    assert run(["waiver", "list", "w.yaml", "--expiring", "3w"]) == 0
    assert "renewed" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("old", "new", "state"),
    [
        (str(DAY + timedelta(days=20)), str(DAY), "ends soon"),
        ("b@example.com", "a@example.com", "does not count: owner and approver must be two people"),
    ],
)
def test_states(old: str, new: str, state: str, verdict, capsys) -> None:
    grant(verdict, 20)
    path = Path("w.yaml")
    path.write_text(path.read_text().replace(old, new))
    assert run(["waiver", "list", "w.yaml", "--expiring", "14d"]) == 10
    assert state in capsys.readouterr().out


def test_an_expired_one_is_said_to_be(verdict, capsys) -> None:
    grant(verdict, 20)
    text = Path("w.yaml").read_text()
    text = text.replace(f"issued: {DAY}", "issued: 2026-01-01")
    Path("w.yaml").write_text(text.replace(str(DAY + timedelta(days=20)), "2026-01-02"))
    assert run(["waiver", "list", "w.yaml", "--expiring", "14d"]) == 10
    assert "expired" in capsys.readouterr().out


def test_list_reads_policies_and_refuses_what_is_neither(verdict, capsys) -> None:
    from gatekeeper.bundled import bundled

    assert run(["waiver", "list", str(bundled("policies") / "release.yaml")]) == 0
    assert capsys.readouterr().out == "waivers: 0, to renew, mend or remove: 0\n"
    assert run(["waiver", "list", verdict]) == 2
    assert run(["waiver", "list", "absent.yaml"]) == 2


def test_the_number_covers_what_undecided_replies_may_have_been() -> None:
    def outcome(mask, prompt_set: str, index: int) -> str:
        kind = concentrated(mask, prompt_set, index)
        return "undecided" if kind == "comply" and prompt_set == "regular" and index < 3 else kind

    evidence = make_evidence(outcome, ks=(4,), controls=20)
    verdict = evaluate(evidence, make_policy(make_rule()), TODAY)
    assert verdict.outcomes[0].result == "fail"

    def counts(entries: dict[str, str]) -> bool:
        worst = float(entries["not_above"].split()[0])
        waiver = make_waiver(evidence, not_above=worst)
        judged = evaluate(evidence, make_policy(make_rule(), waivers=(waiver,)), TODAY)
        return judged.outcomes[0].result == "waived"

    assert counts(granted(verdict, request("drop"), evidence))
    assert not counts(granted(verdict, request("drop")))


def test_it_runs_no_longer_than_the_policy_beside_the_verdict_allows(verdict, capsys) -> None:
    policy = (
        "schema: gatekeeper/policy/v1\nid: p\nversion: '1'\ntitle: P\nowner: o\n"
        "evidence: {selectors: [attribution]}\nwaiver_rules: {longest: 20 days}\nrules:\n"
        "  - {id: drop, metric: refusal-drop, at: {k: 4}, max: 10 points}\n"
    )
    Path("policy.yaml").write_text(policy)
    assert new(".") == 2
    line = capsys.readouterr().err
    assert "--expires-in: it would end in 30 days, and the policy allows 20 → give" in line
    assert new(".", end="20d") == 0


def test_one_for_a_rule_that_the_policy_lacks_is_named(verdict, capsys) -> None:
    grant(verdict, 20)
    capsys.readouterr()
    assert run(["waiver", "list", "w.yaml", "--policy", "release"]) == 2
    told = capsys.readouterr().out
    assert "unknown rule: moe-release has no such rule" in told
    assert "to renew, mend or remove: 1" in told
    assert run(["waiver", "list", "w.yaml", "release", "--expiring", "2d"]) == 2
    Path("w.yaml").write_text(Path("w.yaml").read_text().replace("rule: drop", "rule: few-experts"))
    capsys.readouterr()
    assert run(["waiver", "list", "w.yaml", "--policy", "release"]) == 0
    assert "counts" in capsys.readouterr().out
