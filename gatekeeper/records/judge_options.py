"""What a judge can be told beside its name, and what was told, read strictly."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from gatekeeper.errors import UsageError, did_you_mean, excerpt

OptionValue = str | int | float | Path | None

_KINDS = {"text": "a text", "path": "a path", "whole": "a whole number", "number": "a number"}
_LONGEST = 2000  # characters of a value


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgeOption:
    """One option of a judge.

    Attributes:
        title: a noun phrase for help.
        kind: `text`, `path`, `whole` (number) or `number`.
        default: used when it is not given; None with `required` False: left out.
        low, high: smallest and largest number.
        choices: texts that are allowed; empty: any.
    """

    name: str
    title: str
    kind: str = "text"
    default: str | None = None
    required: bool = False
    low: float = 0.0
    high: float = 1e9
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SecondRequest:
    """Which second judge to ask, and about how many replies; `options` as given."""

    judge: str
    sample: int
    options: Mapping[str, str] = field(default_factory=dict)


def split_options(pairs: Iterable[str]) -> dict[str, str]:
    """`KEY=VALUE` texts as a mapping.

    Raises:
        UsageError: one has no `=`, or a key is given twice. Values are never repeated: they may
            hold what was meant for a secret place.
    """
    options: dict[str, str] = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals or not key.strip():
            raise UsageError(
                "a judge's option is not of the form KEY=VALUE",
                remedy="write it like --judge-option model=./guard",
            )
        if key.strip() in options:
            raise UsageError(f"the judge's option {excerpt(key.strip())!r} is given twice")
        options[key.strip()] = value
    return options


def read_options(
    judge: str,
    declared: Sequence[JudgeOption],
    typed: Mapping[str, str],
    *,
    flag: str = "--judge-option",
) -> dict[str, OptionValue]:
    """Values of all declared options, by name; None for one that is left out.

    Args:
        flag: what gives them, for the remedy.

    Raises:
        UsageError: one is unknown, missing, or not of its kind.
    """
    known = {option.name: option for option in declared}
    for name in typed:
        if name not in known:
            raise UsageError(
                f"judge {judge} has no option {excerpt(name)!r}", remedy=did_you_mean(name, known)
            )
    values: dict[str, OptionValue] = {}
    for option in declared:
        text = typed.get(option.name, option.default)
        if text is None and option.required:
            raise UsageError(
                f"judge {judge} needs the option {option.name}: {option.title}",
                remedy=f"add {flag} {option.name}=…",
            )
        values[option.name] = None if text is None else _value(judge, option, text)
    return values


def _value(judge: str, option: JudgeOption, text: str) -> OptionValue:
    what = f"judge {judge}: option {option.name}"
    if not (text.isprintable() and 0 < len(text) <= _LONGEST):
        raise UsageError(f"{what} is empty, unprintable or too long")
    if option.choices and text not in option.choices:
        raise UsageError(f"{what} must be one of: {', '.join(option.choices)}")
    if option.kind == "text":
        return text
    if option.kind == "path":
        return Path(text)
    try:
        number = int(text) if option.kind == "whole" else float(text)
    except ValueError:
        number = math.nan
    if not option.low <= number <= option.high:  # NaN is in no range
        raise UsageError(
            f"{what} must be {_KINDS[option.kind]} from {option.low:g} to {option.high:g}"
        )
    return number
