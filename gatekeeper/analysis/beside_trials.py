"""What follows from all of an evidence but its trials, kept while only outcomes change."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace
from functools import lru_cache, update_wrapper
from typing import Concatenate, ParamSpec, TypeVar

from gatekeeper.records.evidence import Evidence

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")

_NAMES = tuple(field.name for field in fields(Evidence) if field.name not in {"trials", "findings"})


#: Evidence of which the parts are kept: an audit with its open replies told in each way.
_KEPT = 64


class _Parts:
    """The parts of an evidence, each told by identity: equal texts of a suite are never compared.

    What is kept holds the evidence itself, so that no part's identity becomes another's.
    """

    __slots__ = ("_hash", "_parts", "evidence")

    def __init__(self, evidence: Evidence) -> None:
        self.evidence = evidence
        self._parts = tuple(id(getattr(evidence, name)) for name in _NAMES)
        self._hash = hash(self._parts)

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Parts) and self._parts == other._parts


_parts = lru_cache(maxsize=_KEPT)(_Parts)


def beside_trials(
    maxsize: int,
) -> Callable[
    [Callable[Concatenate[Evidence, Parameters], Result]],
    Callable[Concatenate[Evidence, Parameters], Result],
]:
    """A decorator that asks a function of an evidence once for all that differ in trials alone.

    It is given one without trials and findings, so that it cannot hang on them.

    Args:
        maxsize: how many results are kept.
    """

    def kept(
        asked: Callable[Concatenate[Evidence, Parameters], Result],
    ) -> Callable[Concatenate[Evidence, Parameters], Result]:
        @lru_cache(maxsize=maxsize)
        def once(parts: _Parts, *args: Parameters.args, **kwargs: Parameters.kwargs) -> Result:
            return asked(replace(parts.evidence, trials=(), findings=()), *args, **kwargs)

        def answer(
            evidence: Evidence, /, *args: Parameters.args, **kwargs: Parameters.kwargs
        ) -> Result:
            return once(_parts(evidence), *args, **kwargs)  # type: ignore[arg-type]

        update_wrapper(answer, asked)
        return answer

    return kept
