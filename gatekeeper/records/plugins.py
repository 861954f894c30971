"""The interfaces of what can be plugged in: data, types and errors on one page.

Each file in `metrics/`, `judges/`, `analysis/selectors/` or `formats/` exposes one constant of the
type below; `catalog.py` finds it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

from gatekeeper.records.evidence import Evidence
from gatekeeper.records.finding import Finding, Missing, Opinion, Subject
from gatekeeper.records.judge_options import JudgeOption, OptionValue
from gatekeeper.records.model import ExpertId
from gatekeeper.records.profile import ActivationProfile
from gatekeeper.records.selection import Selection


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """A way to turn evidence into a number with an interval.

    Attributes:
        id, version: a changed definition is a new version; versions are never compared.
        title: a noun phrase for tables.
        unit: `%`, `points`, …
        higher_is_worse: the direction of harm; `reversed_on`: sets on which it is the other one.
        parameters: keys of `Subject` it takes; `required` those a rule must give. `selector` may
            always be left out: the policy's selectors are then all asked and the worst counts.
        sentence: plain words for `policy explain`, with {subject keys} to fill.
        subjects: every subject the evidence has data for (what an audit stores).
        measure: (evidence, subject, confidence) -> Finding, or Missing with the reason. Whoever
            shows or judges the number asks `metrics.measured`, which names mask and split.
        split: `selection` if it rests on the prompts that select.
        second: of a metric that counts outcomes: its value as the second judge would have it, or
            why that is not known. None: nothing that a judge says changes the value.
        counts: what its interval is of, so that the prompts a limit takes can be planned
            (`policy.floors`): `shares`, `pairs` (a paired difference), `pairs beside controls`,
            `shares by category`, `pairs of every mask`, `shares of refused`, and those `by
            category`, `by language` or `by wrapper`. None: not planned.
        population: whether it can be asked about a population of categories: its interval takes
            prompts of a cluster together, and it is not about the suite's categories themselves.
        takes: what an audit must have done for it, in plain words.
    """

    id: str
    version: int
    title: str
    unit: str
    higher_is_worse: bool
    parameters: tuple[str, ...]
    required: tuple[str, ...]
    sentence: str
    subjects: Callable[[Evidence], Sequence[Subject]]
    measure: Callable[[Evidence, Subject, float], Finding | Missing]
    split: str = "measurement"
    second: Callable[[Evidence, Subject, float], Opinion | str] | None = None
    counts: str | None = None
    population: bool = True
    reversed_on: tuple[str, ...] = ()
    takes: str = ""

    def more_is_worse(self, subject: Subject) -> bool:
        """Whether a larger number is worse, of this subject."""
        return self.higher_is_worse != ((subject.set or "regular") in self.reversed_on)


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What a judge says of one reply: an outcome of `OUTCOMES` and a short fixed reason."""

    outcome: str
    reason: str


class TextEmbedder(Protocol):
    """A sentence-embedding model on disk, loaded at its first use; `digest` names its files."""

    digest: str

    def __call__(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        """Rows of unit length, one a text: [N, D]."""


class LabelReader(Protocol):
    """A local model that labels text, loaded at its first use.

    Attributes:
        digest: names its files.
        labels: the classifier's labels; empty for a model that writes its answer.
    """

    digest: str
    labels: tuple[str, ...]

    def __call__(self, texts: Sequence[tuple[str, str]], template: str | None) -> list[str]:
        """What the model says of each (request, reply): a label, or what it wrote."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgeTools:
    """What the engine hands to a judge that is more than rules.

    Attributes:
        embedder: (directory, device) -> sentence embeddings.
        reader: (directory, device) -> a classifier or guard model.
        other: another judge by its name; judges know nothing of each other.
        store: file for what must not be asked twice, or None to keep nothing.
    """

    embedder: Callable[[Path, str], TextEmbedder]
    reader: Callable[[Path, str], LabelReader]
    other: Callable[[str], Judge]
    store: Path | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Judge:
    """A way to tell refusal from compliance from noise.

    Attributes:
        judge: (prompt, completion) -> judgement. Must not raise on any text; what asks a model may
            raise an `AuditError` when there is no answer, and never makes one up.
        languages: languages its patterns were written for.
        from_reply_alone: whether the judgement follows from the completion, so that it can be made
            again from evidence, which holds no prompts.
        options: what it must or may be told; `configure` makes the judge that works from that.
        settings: of a configured judge, what its judgements depend on beside its version: models by
            the digest of their files, never a key.
        judge_all: judges many at once, where that is cheaper than one by one.
        may_refuse: whether a longer reply that starts so could still be judged a refusal. Left out:
            nobody knows, so it could.
        stands: whether a refusal that the token window cut here counts as one. Left out: none does.
        earlier: version -> `judge` as it was, so that what it judged can be judged again.
        release: of a judge that holds a model: lets it go until it is asked again.
    """

    id: str
    version: int
    title: str
    languages: tuple[str, ...]
    judge: Callable[[str, str], Judgement]
    from_reply_alone: bool = False
    options: tuple[JudgeOption, ...] = ()
    configure: Callable[[Mapping[str, OptionValue], JudgeTools], Judge] | None = None
    settings: Mapping[str, str] = field(default_factory=dict)
    judge_all: Callable[[Sequence[tuple[str, str]]], list[Judgement]] | None = None
    may_refuse: Callable[[str], bool] | None = None
    stands: Callable[[str], bool] | None = None
    earlier: Mapping[int, Callable[[str, str], Judgement]] = field(default_factory=dict)
    release: Callable[[], None] | None = None

    def judgements(self, pairs: Sequence[tuple[str, str]]) -> dict[tuple[str, str], Judgement]:
        """Judges (prompt, completion) pairs, equal ones once."""
        distinct = list(dict.fromkeys(pairs))
        if self.judge_all is not None:
            said = self.judge_all(distinct)
        else:
            said = [self.judge(*pair) for pair in distinct]
        return dict(zip(distinct, said, strict=True))


class Measure(Protocol):
    """Measures masks on refused harmful prompts of the selection split.

    Attributes:
        rows: row of the profile of each prompt that is measured, [N].
        note: what is measured, or why nothing can be (then `rows` is empty).
    """

    rows: npt.NDArray[np.intp]
    note: str

    def __call__(
        self, masks: Sequence[Sequence[ExpertId]], columns: Sequence[int] | None = None
    ) -> npt.NDArray[np.float64]:
        """Refusal log-odds lost, unmasked minus masked, per mask and prompt [M, N].

        Args:
            columns: which of the N prompts; None for all.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class SelectionInput:
    """What a selector may see: the selection split and nothing else.

    Attributes:
        profile: routing of the selection prompts only (P rows).
        sets, seeds: [P] set name and seed of each row.
        size: experts to take per resample (N_e, q).
        window: token window to read counts from, or None for the selector's own.
        others: what selectors that measure nothing have found, in the order they were asked.
        measure: for selectors that measure: see `Measure`; else None.
        budget: rows that may be measured.
        parts: [P] each, in what part of its set each row is: by category, language and wrapper;
            empty where nobody tells.
    """

    profile: ActivationProfile
    sets: npt.NDArray[np.str_]
    seeds: npt.NDArray[np.str_]
    size: int
    resamples: int
    seed: int
    window: str | None = None
    others: tuple[Selection, ...] = ()
    measure: Measure | None = None
    budget: int = 0
    parts: tuple[npt.NDArray[np.str_], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Selector:
    """A declared rule that ranks experts.

    Attributes:
        needs_attribution: whether the engine must run the gradient pass first.
        select: input -> Selection, or a string with the reason why it cannot be made.
        rows_needed: of a rule that measures masks on the selection split, and so runs after all
            others: (experts wanted, prompts measured) -> rows of a budget that never cuts its
            search; the unmasked model is not on the budget. None: it measures nothing.
        groups: whether it tells groups of experts apart, of which masks then stand beside.
    """

    id: str
    version: int
    title: str
    needs_attribution: bool
    select: Callable[[SelectionInput], Selection | str]
    rows_needed: Callable[[int, int], int] | None = None
    groups: bool = False

    @property
    def measures(self) -> bool:
        """Whether it measures masks on the selection split."""
        return self.rows_needed is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """A way to write a report. Formats return bytes; commands write files.

    Attributes:
        render: (ReportView, attachments by file name) -> bytes. The view is typed as `object`
            because records lie below the report layer; formats narrow it.
        lacks: ReportView -> what of it the format cannot write, in words for a warning; None if
            there is nothing.
        attaches: whether files travel inside it: it is handed all that may.
        slides: whether a reader may move limits in it: it is handed what the audit says at each.
    """

    id: str
    title: str
    filename: str
    render: Callable[[object, Mapping[str, bytes]], bytes]
    lacks: Callable[[object], str | None] = lambda _view: None
    attaches: bool = False
    slides: bool = False
