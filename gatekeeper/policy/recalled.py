"""Evidence of which is remembered what policies asked of it before, so that it need not be read.

A verdict asks the same few hundred questions of a bundle again and again: a metric's number at one
subject and one level of confidence, whether replies are open, whether a need is met. The functions
of this package that answer one from the evidence alone are marked `recalled`. Asked of a `Recalled`
evidence they look the answer up; what nobody asked before is answered by the bundle itself, which
is then read. Nothing else differs, so there is one verdict logic, and what is not marked is right
too, only slower.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import fields, replace
from functools import lru_cache, partial, update_wrapper
from itertools import islice
from typing import Any, Concatenate, ParamSpec, TypeVar

from gatekeeper.evidence.wire import evidence_from_json, evidence_to_json
from gatekeeper.evidence.wire_findings import (
    interval_from_json,
    interval_to_json,
)
from gatekeeper.records.evidence import Evidence
from gatekeeper.records.finding import Opinion, Subject
from gatekeeper.records.judge_card import JudgeCard
from gatekeeper.records.plugins import Metric
from gatekeeper.records.policy import Policy, Rule
from gatekeeper.records.verdict import Requirement

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")
#: What is remembered of an evidence: plain data by question.
Answers = Mapping[str, Any]

#: The question for the fields that are remembered as they are.
HEAD = "head"
#: Fields that are remembered as they are; all others are read from the bundle.
_LIGHT = ("digest", "tool_version", "checkpoint", "model", "settings", "cautions")


class Memory:
    """What is remembered of one bundle, and what it has been asked since.

    Args:
        known: from earlier.
        read: reads the bundle, once, if something new is asked.
        short: keeps numbers without what was asked, for memories of many bundles; else each stands
            as in evidence, for whoever reads what a verdict rests on.

    Attributes:
        new: what was not known.
    """

    def __init__(
        self, known: Answers, read: Callable[[], Evidence], *, short: bool = False
    ) -> None:
        self.known, self.new, self.short = known, dict[str, Any](), short
        self._read, self._whole, self._head = read, list[Evidence](), list[Evidence]()

    @property
    def whole(self) -> Evidence:
        """The evidence itself."""
        if not self._whole:
            self._whole.append(self._read())
        return self._whole[0]

    @property
    def was_read(self) -> bool:
        """Whether the bundle had to be read."""
        return bool(self._whole)

    def head(self) -> Evidence:
        """The evidence with the fields of `_LIGHT` alone."""
        if not self._head:
            data = self.ask(HEAD, lambda: _light(self.whole))
            self._head.append(evidence_from_json(data, digest=data["digest"]))
        return self._head[0]

    def ask(self, question: str, answer: Callable[[], Any]) -> Any:
        """What is known, or else the answer, which is known from then on."""
        if question in self.known:
            return self.known[question]
        if question not in self.new:
            self.new[question] = answer()
        return self.new[question]

    def evidence(self) -> Evidence:
        """Evidence that answers from this memory."""
        return _made(self, "", lambda: self.whole)


class Recalled(Evidence):
    """Evidence that answers from a memory; made by `Memory.evidence`.

    A copy of it with other fields (`dataclasses.replace`) is a plain `Evidence`.
    """

    __slots__ = ("memory", "name", "whole_of")

    memory: Memory
    whole_of: Callable[[], Evidence]
    name: str

    def __new__(cls, **values: Any) -> Any:
        """A copy's fields make a plain evidence."""
        return Evidence(**values) if values else object.__new__(cls)

    def __init__(self, **_: Any) -> None:
        pass

    def recall(self, question: str, answer: Callable[[Evidence], Any]) -> Any:
        """What is known of a question to this evidence, or else the answer."""
        return self.memory.ask(self.name + question, lambda: answer(self.whole_of()))

    def variant(self, name: str, made: Callable[[Evidence], Evidence]) -> Evidence:
        """A copy that differs in what was measured, and is made only if it is asked something new.

        Args:
            name: tells it from all others of this evidence.
        """
        return _made(self.memory, f"{self.name}{name}: ", lambda: made(self.whole_of()))


def _made(memory: Memory, name: str, whole_of: Callable[[], Evidence]) -> Recalled:
    evidence: Recalled = Recalled()
    for field, value in (("memory", memory), ("name", name), ("whole_of", whole_of)):
        object.__setattr__(evidence, field, value)
    return evidence


def _field(name: str) -> Any:
    if name in _LIGHT:
        return property(lambda self: getattr(self.memory.head(), name))
    return property(lambda self: getattr(self.whole_of(), name))


for _name in (field.name for field in fields(Evidence)):
    setattr(Recalled, _name, _field(_name))


def _light(whole: Evidence) -> dict[str, Any]:
    light = replace(
        whole,
        suite=replace(whole.suite, prompts=()),
        trials=(),
        masks=(),
        selections=(),
        findings=(),
        self_test=(),
        skipped_selectors={},
        environments=(),
        changes=(),
        usefulness=(),
        stops=(),
        roles=None,
        positive_control=None,
    )
    return {**evidence_to_json(light), "digest": whole.digest}


def recalled(
    name: str,
    encode: Callable[[Any], Any] = lambda answer: answer,
    decode: Callable[[Any], Any] = lambda data: data,
) -> Callable[
    [Callable[Concatenate[Evidence, Parameters], Result]],
    Callable[Concatenate[Evidence, Parameters], Result],
]:
    """Marks a function whose answer hangs on the evidence and on its other arguments alone.

    Args:
        name: of the question, which its arguments follow.
        encode, decode: the answer to plain data and back.
    """

    def mark(
        answer: Callable[Concatenate[Evidence, Parameters], Result],
    ) -> Callable[Concatenate[Evidence, Parameters], Result]:
        def ask(
            evidence: Evidence, /, *args: Parameters.args, **kwargs: Parameters.kwargs
        ) -> Result:
            if not isinstance(evidence, Recalled):
                return answer(evidence, *args, **kwargs)
            question = question_of(name, *args, *kwargs.values())

            def ask_whole(whole: Evidence) -> Any:
                more: Any = [_whole(arg) for arg in args]
                return encode(answer(whole, *more, **kwargs))

            data = evidence.recall(question, ask_whole)
            result: Result = decode(data)
            return result

        update_wrapper(ask, answer)
        return ask

    return mark


def recalled_copies(
    name: str,
) -> Callable[
    [Callable[Concatenate[Evidence, Parameters], Iterator[Evidence]]],
    Callable[Concatenate[Evidence, Parameters], Iterator[Evidence]],
]:
    """Marks a function that makes copies of the evidence, as `recalled` does."""

    def mark(
        made: Callable[Concatenate[Evidence, Parameters], Iterator[Evidence]],
    ) -> Callable[Concatenate[Evidence, Parameters], Iterator[Evidence]]:
        def ask(
            evidence: Evidence, /, *args: Parameters.args, **kwargs: Parameters.kwargs
        ) -> Iterator[Evidence]:
            if not isinstance(evidence, Recalled):
                yield from made(evidence, *args, **kwargs)
                return
            question = question_of(name, *args, *kwargs.values())
            count = evidence.recall(question, lambda whole: len([*made(whole, *args, **kwargs)]))
            for i in range(count):
                yield evidence.variant(f"{question} {i}", partial(_nth, made, i, args, kwargs))

        update_wrapper(ask, made)
        return ask

    return mark


def _nth(
    made: Callable[..., Iterator[Evidence]], i: int, args: Any, kwargs: Any, whole: Evidence
) -> Evidence:
    return next(islice(made(whole, *args, **kwargs), i, None))


def _whole(value: object) -> object:
    return value.whole_of() if isinstance(value, Recalled) else value


def question_of(name: str, *args: object) -> str:
    """What is remembered of an answer is found under this."""
    if _PLAIN.issuperset(map(type, args)):
        return _plain_question(name, *args)
    return _question(name, *args)


def _question(name: str, *args: object) -> str:
    return f"{name} " + " ".join([_text(arg) for arg in args])


def _text(value: object) -> str:
    """An argument in a question: all that an answer can hang on."""
    # By type first: a replay of 1,000 audits asks half a million times.
    text = _TEXTS.get(type(value))
    if text is not None:
        return text(value)
    if isinstance(value, Recalled):
        return f"{value.digest} {value.name}"
    if value is None or isinstance(value, str | bool | int | float):
        return repr(value)
    raise TypeError(f"no question can be asked about a {type(value).__name__}")


def _hashed(value: object) -> str:
    return hashlib.sha256(repr(value).encode()).hexdigest()


@lru_cache(maxsize=4096)  # the same of each of many past audits
def _subject(subject: Subject) -> str:
    return ",".join(f"{key}={setting}" for key, setting in subject.items()) or "-"


#: The same is asked of each of many past audits; 1, 1.0 and True are different questions.
_plain_question = lru_cache(maxsize=1 << 14, typed=True)(_question)
#: Of arguments by which questions are kept: they hold no evidence.
_PLAIN = frozenset({type(None), str, bool, int, float, Metric, Subject})
_TEXTS: Mapping[type, Callable[[Any], str]] = {
    **dict.fromkeys((type(None), str, bool, int, float), repr),
    Metric: lambda metric: f"{metric.id}/{metric.version}",
    Subject: _subject,
    Policy: _hashed,
    JudgeCard: _hashed,
}


def bare_rule(metric: str, *, unit: str = "", bound: str = "", interval: str = "suite") -> Rule:
    """A rule without a limit, severity and words: what no answer of the evidence can hang on."""
    return Rule(
        id=metric,
        metric=metric,
        subjects=(),
        minimum=None,
        maximum=None,
        unit=unit,
        bound=bound,
        severity="block",
        rationale="",
        remedy="",
        controls=(),
        line=0,
        interval=interval,
    )


def needs_of(policy: Policy) -> Policy:
    """A policy without limits, severities, waivers and words: what it wants to be measured, of
    which requirements tell. They are asked of this one, so that they can hang on nothing else.
    """
    rules = (bare_rule(metric) for metric in sorted({rule.metric for rule in policy.rules}))
    return wordless(policy, rules)


def wordless(policy: Policy, rules: Iterable[Rule]) -> Policy:
    """A policy with these rules, and without waivers, dates and all that only people read."""
    return replace(
        policy,
        version="",
        title="",
        owner="",
        digest="",
        source="",
        rules=tuple(rules),
        waivers=(),
        review_by=None,
        longest_waiver=None,
        waivers_digest=None,
        waivers_text=b"",
        text=b"",
        tier=None,
        changes=(),
        about=(),
    )


# -- plain data ----------------------------------------------------------------------------------


def requirements_to_json(needs: Iterator[Requirement]) -> list[list[Any]]:
    """Requirements as plain data."""
    return [[need.name, bool(need.met), need.detail] for need in needs]


def requirements_from_json(data: list[list[Any]]) -> tuple[Requirement, ...]:
    """The records of `requirements_to_json`."""
    return tuple(Requirement(name=name, met=met, detail=detail) for name, met, detail in data)


def opinion_to_json(opinion: Opinion | str | None) -> Any:
    """A second judge's number, why there is none, or None."""
    if not isinstance(opinion, Opinion):
        return opinion
    counts = {"value": float(opinion.value), "n": int(opinion.n), "unseen": int(opinion.unseen)}
    return {**counts, "interval": interval_to_json(opinion.interval)}


def opinion_from_json(data: Any) -> Opinion | str | None:
    """The record of `opinion_to_json`."""
    if not isinstance(data, Mapping):
        return None if data is None else str(data)
    return Opinion(**{**data, "interval": interval_from_json(data["interval"])})
