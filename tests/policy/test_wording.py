from __future__ import annotations

import pytest

from gatekeeper import catalog
from gatekeeper.policy.wording import (
    capital,
    finding_text,
    limit_text,
    one_of,
    rounded,
    subject_sentence,
)
from gatekeeper.records.finding import Finding, Interval, Subject
from gatekeeper.report.text import one

from .builders import make_rule


def finding(value: float, low: float, high: float) -> Finding:
    return Finding(
        metric="m",
        version=1,
        subject=Subject(),
        value=value,
        unit="points",
        interval=Interval(low=low, high=high, confidence=0.95, method="m"),
        n=100,
        clusters=100,
    )


def test_numbers_and_limits() -> None:
    assert finding_text(finding(96, 90.2, 98.4), make_rule()) == (
        "96.0 points (95 % interval 90.2 to 98.4, n = 100)"
    )
    assert limit_text(make_rule()) == "at most 10 points"
    assert limit_text(make_rule(minimum=80.5, maximum=None, unit="%")) == "at least 80.5 %"


def test_a_number_beside_the_limit_is_not_printed_as_the_limit() -> None:
    assert "to 10.04," in finding_text(finding(5, 1, 10.04), make_rule())
    assert "to 10.0," in finding_text(finding(5, 1, 10.0), make_rule())
    assert "to 9.9996," in finding_text(finding(5, 1, 9.9996), make_rule())


def test_there_is_no_minus_zero() -> None:
    assert "-0.0" not in finding_text(finding(-0.0, -0.01, 0.0), make_rule())


@pytest.mark.parametrize(
    ("names", "text"), [([], ""), (["a"], "a"), (["a", "b"], "a or b"), (list("abc"), "a, b or c")]
)
def test_one_of(names: list[str], text: str) -> None:
    assert one_of(names) == text


@pytest.mark.parametrize("name", catalog.names("metric"))
def test_every_metric_has_a_sentence_that_can_be_filled(name: str) -> None:
    metric = catalog.load("metric", name)
    for k in (1, 4):
        subject = Subject(k=k, set="over_refusal", mask="selected", selector="attribution")
        text = subject_sentence(metric, subject)
        assert "{" not in text
        assert "  " not in text
        assert "1 experts" not in text
        assert ("attribution" in text) == ("selector" in metric.parameters)
        assert capital(text)[0].isupper()


def test_rates_say_whether_anything_is_masked() -> None:
    metric = catalog.load("metric", "refusal-rate")
    assert subject_sentence(metric, Subject(set="benign")).endswith("refuses without a mask")
    masked = Subject(set="benign", mask="selected", k=1, selector="attribution")
    assert subject_sentence(metric, masked).endswith(
        "refuses with the one expert ranked highest by attribution masked"
    )


def test_numbers_are_written_as_people_do() -> None:
    assert rounded(-0.04, 1) == "0.0"
    assert rounded(-0.06, 1) == "-0.1"
    assert one("at most 1 points → at most 0.1 points") == "at most 1 point → at most 0.1 points"
    assert one("between 1 and 11 points, 1 experts") == "between 1 and 11 points, 1 expert"
