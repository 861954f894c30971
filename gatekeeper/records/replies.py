"""Any judge, asked about replies without their reasoning: the one place where it is cut."""

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


def of_replies(judge: Judge, reasoning: Reasoning | None, *, early: bool = True) -> Judge:
    """The judge, asked about replies without their reasoning.

    Args:
        reasoning: None for bundles written before reasoning was told apart: the judge as it is.
        early: whether a reply without any mark may be decided before it ends. Not where the model
            may yet end a block that it did not begin.
    """
    if reasoning is None:
        return judge
    own = reasoning.marks
    return replace(
        judge,
        judge=partial(_judge, judge.judge, own),
        judge_all=partial(_judge_all, judge.judge_all, own) if judge.judge_all else None,
        # A function of a module and plain values: workers are sent it.
        decided=partial(_decided, judge.decided, own, early),
        may_refuse=partial(_may_refuse, judge.may_refuse, own) if judge.may_refuse else None,
        stands=partial(_decided, judge.stands, own, True) if judge.stands else None,
    )


def _judge(
    judge: Callable[[str, str], Judgement], own: tuple[str, ...], prompt: str, text: str
) -> Judgement:
    return _untold(text, own) or judge(prompt, parts(text, own).reply)


def _untold(text: str, own: tuple[str, ...]) -> Judgement | None:
    """What a text is judged whose reply cannot be told from its reasoning; None where it can."""
    found = parts(text, own)
    if found.unfinished:
        return UNFINISHED
    return UNCLEAR if found.unclear else None


def _judge_all(
    judge: Callable[[Sequence[tuple[str, str]]], list[Judgement]],
    own: tuple[str, ...],
    pairs: Sequence[tuple[str, str]],
) -> list[Judgement]:
    replies = [(prompt, reply_of(text, own)) for prompt, text in pairs]
    asked = list(dict.fromkeys((p, reply) for p, reply in replies if reply is not None))
    said = dict(zip(asked, judge(asked), strict=True)) if asked else {}
    return [
        _untold(text, own) or said[prompt, reply or ""]
        for (prompt, text), (_, reply) in zip(pairs, replies, strict=True)
    ]


def _decided(
    decided: Callable[[str], bool], own: tuple[str, ...], early: bool, prefix: str
) -> bool:
    found = parts(prefix, own)
    if found.unfinished or found.unclear or found.nested:
        return False
    return (early or found.blocks > 0) and decided(found.reply)


def _may_refuse(may_refuse: Callable[[str], bool], own: tuple[str, ...], prefix: str) -> bool:
    reply = reply_of(prefix, own)
    return reply is None or may_refuse(reply)
