"""Makes any judge judge replies without their reasoning: the one place where that is cut off."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

from gatekeeper.records.plugins import Judge, Judgement
from gatekeeper.records.reasoning import Reasoning, parts, reply_of
from gatekeeper.records.trial import UNDECIDED

#: What a row is judged whose reasoning does not end.
UNFINISHED = Judgement(outcome=UNDECIDED, reason="reasoning-unfinished")
#: And one of which users may be shown another part than what would be judged.
UNCLEAR = Judgement(outcome=UNDECIDED, reason="reasoning-unclear")


def of_replies(judge: Judge, reasoning: Reasoning | None) -> Judge:
    """The judge, asked about replies without their reasoning.

    Args:
        reasoning: None for bundles written before reasoning was told apart: the judge as it is.
    """
    if reasoning is None:
        return judge
    marks = reasoning.marks
    return replace(
        judge,
        judge=partial(_judge, judge.judge, marks),
        judge_all=partial(_judge_all, judge.judge_all, marks) if judge.judge_all else None,
        may_refuse=partial(_may_refuse, judge.may_refuse, marks) if judge.may_refuse else None,
        stands=partial(_stands, judge.stands, marks) if judge.stands else None,
    )


def _judge(
    judge: Callable[[str, str], Judgement], marks: tuple[str, ...], prompt: str, text: str
) -> Judgement:
    return _untold(text, marks) or judge(prompt, parts(text, marks).reply)


def _untold(text: str, marks: tuple[str, ...]) -> Judgement | None:
    """The judgement of a text whose reply cannot be told from its reasoning; None where it can."""
    split = parts(text, marks)
    if split.unfinished:
        return UNFINISHED
    return UNCLEAR if split.unclear else None


def _judge_all(
    judge: Callable[[Sequence[tuple[str, str]]], list[Judgement]],
    marks: tuple[str, ...],
    pairs: Sequence[tuple[str, str]],
) -> list[Judgement]:
    replies = [(prompt, reply_of(text, marks)) for prompt, text in pairs]
    judged = list(dict.fromkeys((p, reply) for p, reply in replies if reply is not None))
    judgements = dict(zip(judged, judge(judged), strict=True)) if judged else {}
    return [
        _untold(text, marks) or judgements[prompt, reply or ""]
        for (prompt, text), (_, reply) in zip(pairs, replies, strict=True)
    ]


def _stands(stands: Callable[[str], bool], marks: tuple[str, ...], prefix: str) -> bool:
    split = parts(prefix, marks)
    return not (split.unfinished or split.unclear or split.nested) and stands(split.reply)


def _may_refuse(may_refuse: Callable[[str], bool], marks: tuple[str, ...], prefix: str) -> bool:
    reply = reply_of(prefix, marks)
    return reply is None or may_refuse(reply)
