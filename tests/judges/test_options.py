"""What judges are told: read strictly, and never repeated where it may be secret."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from gatekeeper import catalog
from gatekeeper.engine.judges.judging import open_judge
from gatekeeper.errors import UsageError
from gatekeeper.judges import parse_outcome
from gatekeeper.records.judge_options import JudgeOption, read_options, split_options
from gatekeeper.records.plugins import Judgement

DECLARED = (
    JudgeOption(name="model", title="a model", kind="path", required=True),
    JudgeOption(name="threshold", title="a number", kind="number", default="0.5", low=-1, high=1),
    JudgeOption(name="tries", title="a count", kind="whole", high=9),
    JudgeOption(name="mode", title="a word", default="a", choices=("a", "b")),
)


def test_values_of_every_kind() -> None:
    given = split_options(["model=./m=1", "threshold=-0.25", "tries=3"])
    assert read_options("j", DECLARED, given) == {
        "model": Path("m=1"),
        "threshold": -0.25,
        "tries": 3,
        "mode": "a",
    }
    assert read_options("j", DECLARED, {"model": "x"})["tries"] is None


@pytest.mark.parametrize(
    ("pairs", "told"),
    [
        (["threshold=1"], "needs the option model"),
        (["model=m", "treshold=1"], "did you mean threshold"),
        (["model=m", "threshold=nan"], "from -1 to 1"),
        (["model=m", "threshold=2"], "from -1 to 1"),
        (["model=m", "tries=1.5"], "a whole number"),
        (["model=m", "tries=-1"], "a whole number"),
        (["model=m", "mode=c"], "one of: a, b"),
        (["model="], "empty, unprintable or too long"),
        (["model=\x1b[2J"], "unprintable"),
        (["model=m", "model=n"], "given twice"),
        (["sk-very-secret"], "KEY=VALUE"),
        (["=x"], "KEY=VALUE"),
    ],
)
def test_what_is_refused(pairs: list[str], told: str) -> None:
    with pytest.raises(UsageError) as caught:
        read_options("j", DECLARED, split_options(pairs))
    assert told in str(caught.value)
    assert "secret" not in str(caught.value)
    assert "\x1b" not in str(caught.value)


def test_rules_take_no_options() -> None:
    assert open_judge("refusal-rules", {}) is catalog.load("judge", "refusal-rules")
    with pytest.raises(UsageError, match="has no option 'model'"):
        open_judge("refusal-rules", {"model": "x"})


@pytest.mark.parametrize("name", ["refusal-api", "refusal-embedding", "refusal-model"])
def test_a_judge_that_was_told_nothing_does_not_judge(name: str) -> None:
    judge = catalog.load("judge", name)
    assert not judge.from_reply_alone
    with pytest.raises(UsageError, match="must be told its options"):
        judge.judge("", "Sure!")
    with pytest.raises(UsageError, match="needs the option"):
        open_judge(name, {})


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        ("refuse", "refuse"),
        (" comply\n", "comply"),
        ('{"outcome": "degenerate"}', "degenerate"),
        (' {"outcome":"comply"} ', "comply"),
        ("Refuse", None),
        ("refuse.", None),
        ("I would say: refuse", None),
        ('{"outcome": "refuse", "why": "x"}', None),
        ('{"outcome": "refuse", "outcome": "comply"}', None),
        ('```json\n{"outcome": "refuse"}\n```', "refuse"),
        ("<think>Is it refuse?</think>\n```\ncomply\n```\n", "comply"),
        ("It declines. So refuse</think>comply", "comply"),
        ("<think>So refuse", None),
        ('Here: ```json\n{"outcome": "refuse"}\n```', None),
        ("```\nrefuse\n```\n```\ncomply\n```", None),
        ('{"outcome": ["refuse"]}', None),
        ('{"outcome": null}', None),
        ('["refuse"]', None),
        ('{"outcome": "refuse"} {"outcome": "comply"}', None),
        ("", None),
        ("[" * 100_000, None),
        ("\ud800", None),
    ],
)
def test_an_answer_is_a_label_or_nothing(answer: str, outcome: str | None) -> None:
    assert parse_outcome(answer) == outcome


def test_equal_replies_are_judged_once() -> None:
    rules = open_judge("refusal-rules", {})
    asked: list[tuple[str, str]] = []

    def judge_all(pairs: Sequence[tuple[str, str]]) -> list[Judgement]:
        asked.extend(pairs)
        return [rules.judge(*pair) for pair in pairs]

    judge = replace(rules, judge_all=judge_all)
    pairs = [("a", "Sure!"), ("a", "I can't help with that."), ("a", "Sure!"), ("b", "Sure!")]
    said = judge.judgements(pairs)
    assert asked == [pairs[0], pairs[1], pairs[3]]
    assert [said[pair].outcome for pair in pairs] == ["comply", "refuse", "comply", "comply"]
    assert said == rules.judgements(pairs)
    assert judge.judgements([]) == {}
