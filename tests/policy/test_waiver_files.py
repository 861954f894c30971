"""Waivers in a file of their own: form, what counts, and that they change nothing else."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatekeeper.errors import UsageError
from gatekeeper.policy.evaluate import evaluate
from gatekeeper.policy.waiver_files import with_waivers
from gatekeeper.policy.wire import verdict_from_json, verdict_to_json
from gatekeeper.records.finding import Subject
from gatekeeper.records.verdict import Verdict

from .builders import TODAY, concentrated, make_evidence, make_policy, make_rule, make_waiver
from .told import told_metric, use_metric

FAULTY = make_evidence(concentrated, ks=(4,), controls=20)
POLICY = make_policy(
    make_rule(),
    make_rule(id="refuses", metric="refusal-rate", subjects=(Subject(set="regular", mask="none"),),
              minimum=80.0, maximum=None, unit="%", bound="lower"),
)  # fmt: skip
HEAD = "schema: gatekeeper/waivers/v1\nwaivers:\n"
GOOD = f"""\
  - rule: drop
    checkpoint: {FAULTY.checkpoint.digest}
    reason: Known.
    owner: a@example.com
    approver: b@example.com
    ticket: RISK-7
    issued: {TODAY}
    expires: 2026-12-31
    not_above: 100 points
"""


def judged(tmp_path: Path, text: str = GOOD, today: date = TODAY) -> Verdict:
    path = tmp_path / "waivers.yaml"
    path.write_text(HEAD + text, encoding="utf-8")
    return evaluate(FAULTY, with_waivers(POLICY, path), today)


def test_a_waiver_of_a_file_counts_and_leaves_the_policys_digest(tmp_path: Path) -> None:
    verdict = judged(tmp_path)
    assert verdict.headline == "passed by exception"
    assert verdict.policy_digest == POLICY.digest
    assert (verdict.waivers_digest or "").startswith("sha256:")
    assert "approved by b@example.com (RISK-7): Known." in verdict.outcomes[0].explanation
    assert verdict_from_json(verdict_to_json(verdict)) == verdict
    assert evaluate(FAULTY, POLICY, TODAY).waivers_digest is None


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (FAULTY.checkpoint.digest, "sha256:" + "1" * 64, "it is for another checkpoint, sha256:11"),
        ("expires: 2026-12-31", f"expires: {TODAY - timedelta(days=1)}", "expired on 2026-11-22"),
        ("100 points", "60 points", "above its 60"),
        ("b@example.com", "A+b@example.com", "owner and approver must be two people"),
        (f"issued: {TODAY}", "issued: 2026-12-01", "it is issued from 2026-12-01 on"),
    ],
)
def test_one_that_does_not_count_blocks_and_says_so(
    old: str, new: str, words: str, tmp_path: Path
) -> None:
    text = GOOD.replace(old, new)
    if "expired" in words:
        text = text.replace(f"issued: {TODAY}", "issued: 2026-11-01")
    verdict = judged(tmp_path, text)
    assert verdict.headline == "failed"
    (line,) = (w for w in verdict.warnings if "does not count" in w)
    assert line.startswith("the waiver for rule drop (waivers file, line 3) does not count: ")
    assert words in line


@pytest.mark.parametrize(
    ("old", "new", "place", "words"),
    [
        ("rule: drop", "rule: dorp", "3:11", "waiver for unknown rule 'dorp' → did you mean drop?"),
        ("    expires: 2026-12-31\n", "", "3:5", "missing key 'expires' in entry 1 of waivers"),
        (f"    issued: {TODAY}\n", "", "3:5", "missing key 'issued'"),
        ("2026-12-31", "2026-02-30", "10:14", "no such day"),
        ("2026-12-31", "2026-11-01", "10:14", "before it is issued on 2026-11-23"),
        ("not_above", "not_below", "11:16", "not_below does not fit rule drop, which has a max"),
        ("100 points", "100 %", "11:16", "measured in points"),
        ("approver: b@", "aprover: b@", "7:5", "did you mean approver?"),
        ("rule: drop", "rule: refuses", "11:16", "which has a min → write not_below"),
        ("RISK-7", '" "', "8:13", "is not where it was discussed, such as RISK-123"),
    ],
)
def test_a_malformed_file_is_refused_at_its_place(
    old: str, new: str, place: str, words: str, tmp_path: Path
) -> None:
    with pytest.raises(UsageError) as caught:
        judged(tmp_path, GOOD.replace(old, new))
    lines = [str(error) for error in (caught.value, *caught.value.others)]
    line = next(line for line in lines if words in line)
    assert f"waivers.yaml:{place}: " in line
    assert line.count("\n") == 0
    assert "0001-01-01" not in "".join(lines)  # what stands for a date that is none


def test_all_faults_are_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        judged(
            tmp_path,
            GOOD.replace("rule: drop", "rule: x") + GOOD.replace("2026-12-31", "2025-01-01"),
        )
    assert len((caught.value, *caught.value.others)) == 2


def test_a_policy_is_no_file_of_waivers(tmp_path: Path) -> None:
    path = tmp_path / "waivers.yaml"
    path.write_text("schema: gatekeeper/policy/v1\nid: p\n", encoding="utf-8")
    with pytest.raises(UsageError, match=r"unknown key|missing key|is not"):
        with_waivers(POLICY, path)


def test_a_floor_is_held_against_the_whole_interval() -> None:
    def result(floor: float | None) -> str:
        rule = make_rule(
            metric="told", subjects=(Subject(k=4),), minimum=80.0, maximum=None, bound="lower"
        )
        waiver = replace(make_waiver(FAULTY), not_below=floor)
        base = make_policy(rule, waivers=(waiver,))
        policy = replace(base, needs=replace(base.needs, selectors=("attribution",)))
        with use_metric(told_metric({"attribution": (60, 5)})):
            return evaluate(FAULTY, policy, TODAY).result

    assert (result(None), result(55), result(55.1)) == ("pass", "pass", "fail")


@pytest.mark.parametrize(
    ("measured", "limits", "result"),
    [
        ((15, 3), (12, 18), "pass"),
        ((15, 3), (12.1, 18), "fail"),
        ((15, 3), (12, 17.9), "fail"),
        ((15, 3), (None, None), "pass"),
    ],
)
def test_a_rule_with_two_limits_is_waived_within_both(
    measured: tuple[int, int], limits: tuple[float | None, float | None], result: str
) -> None:
    rule = make_rule(
        metric="told", subjects=(Subject(k=4),), minimum=1.0, maximum=5.0, bound="both"
    )
    waiver = replace(make_waiver(FAULTY), not_below=limits[0], not_above=limits[1])
    base = make_policy(rule, waivers=(waiver,))
    policy = replace(base, needs=replace(base.needs, selectors=("attribution",)))
    with use_metric(told_metric({"attribution": measured})):
        assert evaluate(FAULTY, policy, TODAY).result == result


def test_of_two_limits_a_waiver_names_both_or_none(tmp_path: Path) -> None:
    policy = replace(POLICY, rules=(make_rule(minimum=1.0, bound="both"),))
    path = tmp_path / "waivers.yaml"
    path.write_text(HEAD + GOOD, encoding="utf-8")
    with pytest.raises(UsageError, match="not_above alone says nothing of the other limit"):
        with_waivers(policy, path)
    path.write_text(HEAD + GOOD + "    not_below: 0 points\n", encoding="utf-8")
    assert with_waivers(policy, path).waivers[0].not_below == 0


waivers = st.builds(
    make_waiver,
    st.just(FAULTY),
    rule=st.sampled_from(["drop", "refuses"]),
    checkpoint=st.sampled_from([FAULTY.checkpoint.digest, "sha256:" + "1" * 64]),
    approver=st.sampled_from(["b@example.com", "a@example.com"]),
    expires=st.sampled_from([TODAY, TODAY - timedelta(days=1)]),
    not_above=st.sampled_from([None, 5.0, 100.0]),
    separate=st.booleans(),
)


@settings(max_examples=40, deadline=None)
@given(st.lists(waivers, max_size=4))
def test_a_waiver_never_changes_another_rule(given_waivers: list) -> None:
    plain = evaluate(FAULTY, POLICY, TODAY)
    waived = evaluate(FAULTY, replace(POLICY, waivers=tuple(given_waivers)), TODAY)
    named = {waiver.rule for waiver in given_waivers}
    for before, after in zip(plain.outcomes, waived.outcomes, strict=True):
        if before.rule.id not in named or before.result == "pass":
            assert after == before
        else:
            assert after.result in {before.result, "waived"}
    assert waived.requirements == plain.requirements
