from __future__ import annotations

from dataclasses import replace

import pytest

from gatekeeper.policy.evaluate import evaluate

from .builders import TODAY, concentrated, make_evidence, make_policy, make_rule, safe


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


@pytest.mark.parametrize(
    ("bounds", "words"),
    [
        (("upper", "upper"), "2 of 2 rules hold with their whole interval"),
        (("estimate", "upper"), "2 of 2 rules hold, 1 of them by the estimate alone"),
        (("estimate", "estimate"), "2 of 2 rules hold by the estimate alone"),
    ],
)
def test_a_pass_says_what_it_is_by(bounds, words):
    rules = [make_rule(id=f"r{i}", bound=bound) for i, bound in enumerate(bounds)]
    verdict = evaluate(make_evidence(safe, ks=(4,), controls=20), make_policy(*rules), TODAY)
    assert verdict.result == "pass"
    assert words in verdict.summary
    assert verdict.summary.count("estimate") == ("estimate" in bounds)


def test_where_only_warnings_are_asked_for_and_fail_none_holds():
    rule = make_rule(id="w", severity="warn")
    evidence = make_evidence(concentrated, ks=(4,), controls=20)
    verdict = evaluate(evidence, make_policy(rule), TODAY)
    assert verdict.result == "pass"
    assert "0 of 1 rules hold; failed with a warning: w" in verdict.summary


@pytest.mark.parametrize(
    ("limit", "words"),
    [
        (5.0, ("that the rule asks about", "that these 2 rules ask about")),
        (1.0, ("would hardly decide, or how", "would hardly decide r0, r1, or how")),
    ],
)
def test_what_to_measure_is_told_of_one_rule_and_of_several(limit, words):
    for count, told in enumerate(words, start=1):
        rules = [make_rule(id=f"r{i}", maximum=limit) for i in range(count)]
        verdict = evaluate(make_evidence(safe, ks=(4,), controls=20), make_policy(*rules), TODAY)
        assert verdict.result == "inconclusive"
        assert told in verdict.summary
