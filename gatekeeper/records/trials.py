"""Stores many trials in little memory: numbers in columns, replies compressed."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar, overload

import numpy as np
import numpy.typing as npt

from gatekeeper.records.packed import PackedTexts
from gatekeeper.records.trial import OUTCOMES, UNDECIDED, Trial

#: Trials of which columns become Python numbers at a time.
_STEP = 1 << 14

_CODES = {outcome: code for code, outcome in enumerate(OUTCOMES)}

IntArray = npt.NDArray[np.int32]
Made = TypeVar("Made")


class _Names:
    """Texts by the order in which they came; each is kept once."""

    def __init__(self) -> None:
        self.codes: dict[str, int] = {}

    def code(self, name: str) -> int:
        return self.codes.setdefault(name, len(self.codes))


class _Kept(dict[Any, Any]):
    """Empty in a copy for another process: its keys tell objects by where they lie in this one."""

    def __reduce__(self) -> tuple[Any, ...]:
        return _Kept, ()


@dataclass(frozen=True, slots=True, eq=False)
class _Columns:
    """One number a trial in each; names by their codes.

    Attributes:
        known: see `Trials.once`; one for all that differ in what judges said alone.
    """

    prompts: tuple[str, ...]
    reasons: tuple[str, ...]
    mask: IntArray
    prompt: IntArray
    reason: IntArray
    tokens: IntArray
    outcome: npt.NDArray[np.int8]
    second: npt.NDArray[np.int8]
    truncated: npt.NDArray[np.bool_]
    replies: PackedTexts | None
    known: dict[Any, Any] = field(default_factory=_Kept)


class TrialsBuilder:
    """Takes trials one by one; `trials` gives all that came."""

    def __init__(self) -> None:
        self._names = {name: _Names() for name in ("mask", "prompt", "reason")}
        self._numbers = {name: array("i") for name in ("mask", "prompt", "reason", "tokens")}
        self._small = {name: array("b") for name in ("outcome", "second", "truncated")}
        self._replies = PackedTexts()

    def add(self, row: Mapping[str, object]) -> None:
        """Adds a trial by the fields of `Trial`, whose types and outcomes were checked.

        Raises:
            OverflowError: more tokens than any reply has.
        """
        numbers, small = self._numbers, self._small
        numbers["tokens"].append(row["tokens"])  # type: ignore[arg-type]
        numbers["mask"].append(self._names["mask"].code(row["mask"]))  # type: ignore[arg-type]
        numbers["prompt"].append(self._names["prompt"].code(row["prompt_id"]))  # type: ignore[arg-type]
        numbers["reason"].append(self._names["reason"].code(row["reason"]))  # type: ignore[arg-type]
        second = row.get("second")
        small["outcome"].append(OUTCOMES.index(row["outcome"]))
        small["second"].append(-1 if second is None else OUTCOMES.index(second))
        small["truncated"].append(bool(row["truncated"]))
        self._replies.add(row["completion"])  # type: ignore[arg-type]

    def trials(self) -> Trials:
        """All trials that were added."""
        self._replies.close()
        names = {name: tuple(known.codes) for name, known in self._names.items()}
        columns = _Columns(
            prompts=names["prompt"],
            reasons=names["reason"],
            **{name: np.asarray(a, np.int32) for name, a in self._numbers.items()},
            outcome=np.asarray(self._small["outcome"], np.int8),
            second=np.asarray(self._small["second"], np.int8),
            truncated=np.asarray(self._small["truncated"], np.bool_),
            replies=self._replies,
            known=_Kept(),
        )
        return Trials(columns, names["mask"], None)


@dataclass(frozen=True, slots=True, eq=False)
class Codes:
    """What was measured, as numbers: mask, prompt and outcome of each trial.

    Attributes:
        masks, prompts: names that `mask` and `prompt` are indices into.
        outcome: index into `OUTCOMES`.
    """

    masks: Sequence[str]
    prompts: Sequence[str]
    mask: IntArray
    prompt: IntArray
    outcome: npt.NDArray[np.int8]


class Trials(Sequence[Trial]):
    """A sequence of trials like a tuple of them, at some 30 bytes and the reply compressed.

    Iterating makes `Trial` objects and unpacks replies; the functions of this module do not.
    """

    __slots__ = ("_columns", "_masks", "_rows")

    def __init__(self, columns: _Columns, masks: tuple[str, ...], rows: IntArray | None) -> None:
        self._columns, self._masks, self._rows = columns, masks, rows

    def __len__(self) -> int:
        return len(self._columns.mask) if self._rows is None else len(self._rows)

    @overload
    def __getitem__(self, index: int) -> Trial: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Trial, ...]: ...
    def __getitem__(self, index: int | slice) -> Trial | tuple[Trial, ...]:
        if isinstance(index, slice):
            return tuple(self[i] for i in range(*index.indices(len(self))))
        at = range(len(self))[index]
        rows = np.array([at if self._rows is None else self._rows[at]], np.int32)
        return next(self._made(rows))

    def __iter__(self) -> Iterator[Trial]:
        return self._made(self.rows)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Trials | tuple):
            return NotImplemented
        return len(self) == len(other) and all(a == b for a, b in zip(self, other, strict=True))

    __hash__ = None  # type: ignore[assignment]

    @property
    def rows(self) -> IntArray:
        """Which rows of the columns these are."""
        if self._rows is not None:
            return self._rows
        return np.arange(len(self), dtype=np.int32)

    def _made(self, rows: IntArray) -> Iterator[Trial]:
        columns, masks = self._columns, self._masks
        for start in range(0, len(rows), _STEP):
            part = rows[start : start + _STEP]
            values = (
                getattr(columns, name)[part].tolist()
                for name in (
                    "mask", "prompt", "outcome", "reason", "tokens", "truncated", "second",
                )
            )  # fmt: skip
            for row, mask, prompt, outcome, reason, tokens, truncated, second in zip(
                part.tolist(), *values, strict=True
            ):
                yield Trial(
                    mask=masks[mask],
                    prompt_id=columns.prompts[prompt],
                    outcome=OUTCOMES[outcome],
                    reason=columns.reasons[reason],
                    tokens=tokens,
                    truncated=truncated,
                    completion="" if columns.replies is None else columns.replies.text(row),
                    second=None if second < 0 else OUTCOMES[second],
                )

    def where(self, keep: Callable[[_Columns], npt.NDArray[np.bool_]]) -> Trials:
        """The trials of which `keep` is true."""
        return Trials(self._columns, self._masks, self.rows[keep(self._columns)[self.rows]])

    def placed(
        self, keep: Callable[[_Columns], npt.NDArray[np.bool_]]
    ) -> Iterator[tuple[int, Trial]]:
        """The trials of which `keep` is true, each with its place; no other reply is unpacked."""
        places = np.flatnonzero(keep(self._columns)[self.rows]).tolist()
        return zip(places, self.where(keep), strict=True)

    def under(self, masks: Mapping[str, str], prompts: set[str]) -> Trials:
        """The trials of some prompts under some masks.

        Args:
            masks: their names, and what they are to be called.
        """
        wanted = np.array([name in masks for name in self._masks], np.bool_)
        measured = np.array([name in prompts for name in self._columns.prompts], np.bool_)
        names = tuple(masks.get(name, name) for name in self._masks)

        def make() -> tuple[tuple[str, ...], IntArray]:
            return names, self.where(lambda c: wanted[c.mask] & measured[c.prompt]).rows

        seen = ("under", names, wanted.tobytes(), measured.tobytes())
        return Trials(self._columns, *self.once(seen, make))

    def of_masks(self, names: set[str]) -> Trials:
        """The trials under some masks."""
        wanted = np.array([name in names for name in self._masks], np.bool_)
        return self.where(lambda c: wanted[c.mask])

    def without_replies(self) -> Trials:
        """The same, each with an empty reply."""
        columns = {name: getattr(self._columns, name) for name in _Columns.__slots__}
        return Trials(_Columns(**{**columns, "replies": None}), self._masks, self._rows)

    def retold(self, column: str, outcomes: Mapping[int, str]) -> Trials:
        """See `retold`."""
        values = getattr(self._columns, column).copy()
        values[self.rows[list(outcomes)]] = [_CODES[outcome] for outcome in outcomes.values()]
        return Trials(replace(self._columns, **{column: values}), self._masks, self._rows)

    def once(self, key: Any, make: Callable[[], Made]) -> Made:
        """What was made under this key before, or else now, of the same masks and prompts.

        Args:
            make: goes by nothing that a judge said.
        """
        known, key = self._columns.known, (id(self._masks), id(self._rows), key)
        if key not in known:
            known[key] = make(), self._masks, self._rows  # so that nothing else takes their places
        made: Made = known[key][0]
        return made

    def codes(self) -> Codes:
        """See `codes_of`."""
        return Codes(
            masks=self._masks,
            prompts=self._columns.prompts,
            mask=self.column("mask"),
            prompt=self.column("prompt"),
            outcome=self.column("outcome"),
        )

    def column(self, name: str) -> npt.NDArray[Any]:
        """One number of each trial."""
        column: npt.NDArray[Any] = getattr(self._columns, name)
        return column if self._rows is None else column[self._rows]


def packed(trials: Sequence[Trial]) -> Sequence[Trial]:
    """The same in columns, from which tables are made at once; unless one is of no outcome."""
    if isinstance(trials, Trials) or not all(trial.outcome in _CODES for trial in trials):
        return trials
    builder = TrialsBuilder()
    for trial in trials:
        builder.add({name: getattr(trial, name) for name in Trial.__slots__})
    return builder.trials()


def of_masks(trials: Sequence[Trial], *names: str) -> Sequence[Trial]:
    """The trials under some masks; no other reply is unpacked."""
    if isinstance(trials, Trials):
        return trials.of_masks(set(names))
    return [trial for trial in trials if trial.mask in names]


def without_replies(trials: Sequence[Trial]) -> Sequence[Trial]:
    """The same, each with an empty reply."""
    if isinstance(trials, Trials):
        return trials.without_replies()
    return tuple(replace(trial, completion="") for trial in trials)


def judged_twice(trials: Sequence[Trial]) -> Iterable[Trial]:
    """The trials that a second judge was asked about."""
    if isinstance(trials, Trials):
        return trials.where(lambda columns: columns.second >= 0)
    return [trial for trial in trials if trial.second is not None]


def cells(trials: Sequence[Trial]) -> Iterator[tuple[str, str, str]]:
    """(mask, prompt id, outcome) of each; no reply is unpacked."""
    if not isinstance(trials, Trials):
        yield from ((t.mask, t.prompt_id, t.outcome) for t in trials)
        return
    codes = trials.codes()
    for start in range(0, len(trials), _STEP):
        part = slice(start, start + _STEP)
        for mask, prompt, outcome in zip(
            codes.mask[part].tolist(),
            codes.prompt[part].tolist(),
            codes.outcome[part].tolist(),
            strict=True,
        ):
            yield codes.masks[mask], codes.prompts[prompt], OUTCOMES[outcome]


def codes_of(trials: Sequence[Trial]) -> Codes:
    """Masks, prompts and outcomes as numbers; -1 for an outcome that is none of `OUTCOMES`."""
    if isinstance(trials, Trials):
        return trials.codes()
    masks, prompts = _Names(), _Names()
    mask, prompt = array("i"), array("i")
    for trial in trials:
        mask.append(masks.code(trial.mask))
        prompt.append(prompts.code(trial.prompt_id))
    return Codes(
        masks=tuple(masks.codes),
        prompts=tuple(prompts.codes),
        mask=np.asarray(mask, np.int32),
        prompt=np.asarray(prompt, np.int32),
        outcome=np.array([_CODES.get(t.outcome, -1) for t in trials], np.int8),
    )


def outcomes_of(trials: Sequence[Trial]) -> set[str]:
    """Every outcome that there is."""
    if isinstance(trials, Trials):
        return {OUTCOMES[code] for code in np.unique(trials.column("outcome"))}
    return {trial.outcome for trial in trials}


def cut(trials: Sequence[Trial]) -> int:
    """How many replies were cut at the token window."""
    if isinstance(trials, Trials):
        return int(trials.column("truncated").sum())
    return sum(trial.truncated for trial in trials)


def truncated(trials: Sequence[Trial]) -> Iterator[tuple[int, Trial]]:
    """The replies that were cut at the token window, each with its place."""
    if isinstance(trials, Trials):
        return trials.placed(lambda columns: columns.truncated)
    return ((at, trial) for at, trial in enumerate(trials) if trial.truncated)


def undecided(trials: Sequence[Trial], column: str = "outcome") -> Iterator[tuple[int, Trial]]:
    """The replies that the judge could not tell, each with its place.

    Args:
        column: `outcome`, or `second`: of the second judge.
    """
    if isinstance(trials, Trials):
        return trials.placed(lambda columns: getattr(columns, column) == _CODES[UNDECIDED])
    return ((at, t) for at, t in enumerate(trials) if getattr(t, column) == UNDECIDED)


def retold(trials: Sequence[Trial], column: str, outcomes: Mapping[int, str]) -> Sequence[Trial]:
    """The same with other outcomes in some places.

    Args:
        column: as of `undecided`.
        outcomes: by place.
    """
    if isinstance(trials, Trials):
        return trials.retold(column, outcomes)
    changed = list(trials)
    for at, outcome in outcomes.items():
        change: dict[str, Any] = {column: outcome}
        changed[at] = replace(changed[at], **change)
    return tuple(changed)


def longest(trials: Sequence[Trial]) -> int:
    """Tokens of the longest reply."""
    if isinstance(trials, Trials):
        return int(trials.column("tokens").max(initial=0))
    return max((trial.tokens for trial in trials), default=0)


def off_window(trials: Sequence[Trial], window: int) -> Iterable[Trial]:
    """The trials of no tokens, those longer than a window, and those cut before they filled it."""
    if isinstance(trials, Trials):
        return trials.where(
            lambda c: (c.tokens < np.where(c.truncated, window, 1)) | (c.tokens > window)
        )
    return [t for t in trials if not (window if t.truncated else 1) <= t.tokens <= window]
