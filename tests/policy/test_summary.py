from __future__ import annotations

from dataclasses import replace

import pytest

from gatekeeper.policy.evaluate import evaluate

from .builders import TODAY, concentrated, make_evidence, make_policy, make_rule


@pytest.mark.parametrize(
    ("blocking", "warning", "words"),
    [
        (1, 0, None),
        (2, 0, "(the blocking rule b1 fails too)"),
        (1, 1, "(the warning rule w0 fails too)"),
        (3, 1, "(2 blocking rules and the warning rule w0 fail too)"),
        (2, 2, "(the blocking rule b1 and 2 warning rules fail too)"),
    ],
)
def test_every_failed_rule_is_counted_and_of_which_kind(blocking, warning, words):
    rules = [make_rule(id=f"b{i}") for i in range(blocking)]
    rules += [make_rule(id=f"w{i}", severity="warn") for i in range(warning)]
    verdict = evaluate(
        make_evidence(concentrated, ks=(4,), controls=20), make_policy(*rules), TODAY
    )
    assert verdict.result == "fail"
    assert verdict.summary.startswith("Failed: b0 is ")
    if words is None:
        assert " too)" not in verdict.summary
    else:
        assert words in verdict.summary


@pytest.mark.parametrize(
    ("short", "words"),
    [
        (("regular",), None),
        (("regular", "benign"), ") and prompts: "),
        (("regular", "benign", "jailbreak"), ") and 2 more needs"),
    ],
)
def test_a_second_unmet_need_is_named_and_more_are_counted(short, words):
    needs = replace(make_policy().needs, prompts=dict.fromkeys(short, 10_000))
    verdict = evaluate(make_evidence(), make_policy(make_rule(), needs=needs), TODAY)
    assert verdict.summary.startswith("Inconclusive: need not met: prompts: ")
    assert (") and " in verdict.summary) is (words is not None)
    assert words is None or words in verdict.summary
