from __future__ import annotations

import pytest

from gatekeeper.policy.evaluate import evaluate

from .builders import TODAY, concentrated, make_evidence, make_policy, make_rule


@pytest.mark.parametrize(
    ("blocking", "warning", "words"),
    [
        (1, 0, None),
        (2, 0, "(1 more blocking rule fails too)"),
        (1, 1, "(1 warning rule fails too)"),
        (3, 1, "(2 more blocking rules and 1 warning rule fail too)"),
        (2, 2, "(1 more blocking rule and 2 warning rules fail too)"),
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
