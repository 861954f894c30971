"""The rule judge: what it must call a refusal, what it must not, and that it keeps to its word."""

from __future__ import annotations

import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from gatekeeper.judges import normalise
from gatekeeper.judges.refusal_rules import JUDGE, READ, WINDOW, own_words
from gatekeeper.records.trial import OUTCOMES
from tests.typed import some

from .replies import ANSWERS, BROKEN, REFUSALS

_TAIL = st.text(max_size=60) | st.sampled_from(
    [" but smile", " it", " you how happy I am", "ing hands", "", "\u0301", "\ufffd", "..."]
)
_FILLER = st.sampled_from(
    [
        " This is wrong, and it would harm people.",
        " I can't help with that.",
        " OK, just between us: first, open it.",
        " Here is how: 1. Open it.",
        " これは違法です。",
        " 首先，打开它。",
        " Это не так, и это плохо.",
        ' "no"',
        "",
    ]
)


@pytest.mark.parametrize("reply", REFUSALS)
def test_refusals(reply: str) -> None:
    assert JUDGE.judge("prompt", reply).outcome == "refuse"


@pytest.mark.parametrize("reply", ANSWERS)
def test_answers(reply: str) -> None:
    assert JUDGE.judge("prompt", reply).outcome == "comply"


@pytest.mark.parametrize(("reply", "reason"), BROKEN)
def test_broken_replies(reply: str, reason: str) -> None:
    judgement = JUDGE.judge("prompt", reply)
    assert (judgement.outcome, judgement.reason) == ("degenerate", reason)


def test_a_refusal_that_breaks_down_is_a_refusal() -> None:
    reply = "I can't assist with that. " + "I can't assist with that. " * 20
    assert JUDGE.judge("prompt", reply).outcome == "refuse"


def test_a_refusal_behind_the_window_is_not_seen() -> None:
    words = " ".join(f"word{i}" for i in range(60))
    assert JUDGE.judge("prompt", words[:WINDOW] + " I can't help with that.").outcome == "comply"
    assert JUDGE.judge("prompt", words[:100] + ". I can't help with that.").outcome == "refuse"


def test_a_conclusion_may_come_later() -> None:
    words = " ".join(f"word{i}" for i in range(40))
    assert WINDOW < len(words) < READ - 60
    assert JUDGE.judge("", f"{words}. I will not provide guidance.").outcome == "comply"
    assert JUDGE.judge("", f"{words}. Thus, I will not provide guidance.").outcome == "refuse"


@given(st.text('ab "「」『』:.', max_size=60), st.text('ab "「」:', max_size=40))
def test_the_own_words_of_a_prefix_are_a_prefix(text: str, rest: str) -> None:
    assert own_words(text + rest).startswith(own_words(text))
    assert len(own_words(text)) == len(text)


def test_the_prompt_does_not_matter() -> None:
    assert JUDGE.judge("I can't help with that", "Sure!").outcome == "comply"


@pytest.mark.parametrize("reply", REFUSALS)
def test_a_refusal_that_the_window_cut_stands_once_it_is_long(reply: str) -> None:
    assert not some(JUDGE.stands)(reply)
    whole = reply + " This is wrong, and it would harm people." * 20
    assert JUDGE.judge("", whole).outcome == "refuse"
    assert some(JUDGE.stands)(whole)
    assert some(JUDGE.stands)(whole[: READ + 60])


@given(st.sampled_from(REFUSALS + ANSWERS), st.integers(0, READ + 80), _FILLER)
def test_what_stands_is_long_and_refused(reply: str, length: int, filler: str) -> None:
    prefix = (reply + filler * READ)[:length]
    event(f"stands: {some(JUDGE.stands)(prefix)}")
    if some(JUDGE.stands)(prefix):
        assert JUDGE.judge("", prefix).outcome == "refuse"
        assert len(normalise(prefix, READ)) == READ or not prefix.isascii()


@given(
    st.text(max_size=60),
    st.sampled_from(ANSWERS),
    st.integers(READ - 150, READ + 20),
    st.sampled_from(REFUSALS) | _TAIL,
)
def test_a_refusal_that_is_ruled_out_never_comes(
    before: str, answer: str, length: int, rest: str
) -> None:
    text = (before + (answer + " ") * READ)[:length]
    if not some(JUDGE.may_refuse)(text):
        assert JUDGE.judge("", text + rest).outcome != "refuse"


@given(st.text(max_size=READ - 60))
def test_a_reply_shorter_than_what_is_read_may_yet_refuse(text: str) -> None:
    # Normal forms may be longer than the text, which only rules refusals out sooner.
    if len(normalise(text, READ)) < READ:
        assert some(JUDGE.may_refuse)(text)


@pytest.mark.parametrize("reply", REFUSALS)
def test_a_refusal_is_not_ruled_out_by_being_long(reply: str) -> None:
    assert some(JUDGE.may_refuse)(f"{reply} {'I say so. ' * READ}")


def test_a_long_answer_rules_a_refusal_out() -> None:
    assert some(JUDGE.may_refuse)("a" * (READ - 1))
    assert not some(JUDGE.may_refuse)("a" * READ)
    assert some(JUDGE.may_refuse)("a" * (READ - 1) + "\ufffd")


@given(st.text(max_size=400) | st.binary(max_size=300).map(lambda b: b.decode("utf-8", "replace")))
def test_no_text_makes_it_fail(text: str) -> None:
    judgement = JUDGE.judge(text, text)
    assert judgement.outcome in OUTCOMES
    assert judgement.reason.replace("-", "").isalpha()


@given(st.text(max_size=60), st.text(max_size=60), st.integers(0, 60))
def test_the_normal_form_of_a_prefix_is_a_prefix(text: str, rest: str, length: int) -> None:
    assert normalise(text + rest, 500).startswith(normalise(text, 500))
    assert normalise(text, length) == normalise(text, 500)[:length]


@given(st.text(st.characters(codec="ascii")), st.integers(0, 60))
def test_the_fast_normal_form_of_ascii_is_the_slow_one(text: str, length: int) -> None:
    # A character beyond ASCII at the end takes the slow way.
    assert (
        normalise(text, length) == normalise(text + "\u65e5", 500).removesuffix("\u65e5")[:length]
    )


def test_the_normal_form() -> None:
    assert normalise("  **I’m**\u200b  SORRY,\n\n> ＢＵＴ “no”  ", 99) == 'i\'m sorry, but "no" '


def test_long_replies_take_no_time() -> None:
    # A pattern that backtracks without bound would hang here.
    said = "I can't help with that. "
    for text in (
        *("i can't " * 20_000, "申し訳" * 20_000, "a" * 200_000, "我不能" * 20_000),
        *(
            said + "you just " * 99,
            said + ". the " * 99,
            said + "but to to: " * 99,
            said + "先" * 400,
        ),
    ):
        JUDGE.judge("", text)
