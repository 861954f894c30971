"""Measured facts. Severity and limits are opinions and live in the policy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

#: Parts of a set that a subject may be about.
PARTS = ("category", "language")


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """A confidence interval, in the unit of its finding."""

    low: float
    high: float
    confidence: float
    method: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What a metric is asked about; the keys of a rule's `at`. None: not a parameter here.

    Attributes:
        k: mask size in experts.
        mode: `reroute`.
        set: a prompt set.
        mask: `none` or `selected`.
        selector: whose ranking the mask follows.
        loss: refusals lost, in points, from which a mask counts as harmful.
        dimension: what tells environments apart: `category`, `language`, `system prompt`, `format`.
        category, language: of the prompts, where only those of one count.
        each: one of `PARTS`: stands for every category, or language, of the set.
    """

    k: int | None = None
    mode: str | None = None
    set: str | None = None
    mask: str | None = None
    selector: str | None = None
    loss: float | None = None
    dimension: str | None = None
    category: str | None = None
    language: str | None = None
    each: str | None = None

    def items(self) -> tuple[tuple[str, str | float], ...]:
        """The keys that are set, in declaration order."""
        pairs = (
            ("k", self.k),
            ("mode", self.mode),
            ("set", self.set),
            ("mask", self.mask),
            ("selector", self.selector),
            ("loss", self.loss),
            ("dimension", self.dimension),
            ("category", self.category),
            ("language", self.language),
            ("each", self.each),
        )
        return tuple((key, value) for key, value in pairs if value is not None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One number with its uncertainty.

    Attributes:
        value, interval: in `unit`: `%` (share) or `points` (difference of shares), 0 to 100,
            or `experts`, or `index` (a number of its own scale, at most 1).
        n: prompts the number rests on.
        clusters: independent seeds among them.
        counts: the integers behind the value, by name (such as `lost`, `won`, `broken`).
        mask: label of the mask it is about, `unmasked`, or None if it is of several or of none.
        split: `selection` or `measurement`: whose prompts it rests on. None, as `mask`, in bundles
            written before findings named them.
        p_value: of the exact test that goes with the metric, if there is one; `p_method` names it.
    """

    metric: str
    version: int
    subject: Subject
    value: float
    unit: str
    interval: Interval
    n: int
    clusters: int
    counts: Mapping[str, float] = field(default_factory=dict)
    p_value: float | None = None
    p_method: str | None = None
    mask: str | None = None
    split: str | None = None

    @property
    def whole(self) -> bool:
        """Whether it tells of so many stored replies and rests on each of them.

        Then nothing was sampled, and its interval is a point.
        """
        return self.counts.get("replies") == self.n and self.counts.get("unseen") == 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Missing:
    """What could not be measured, and why. Never NaN, never 0.0."""

    metric: str
    version: int
    subject: Subject
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Opinion:
    """A metric's value as a second judge would have it, from the sample that it judged.

    Attributes:
        interval: of what it would say of all the replies that the value rests on.
        n: of these replies, how many it judged.
        unseen: how many belong to a stratum of which it judged none: taken as the first judge says.
    """

    value: float
    interval: Interval
    n: int
    unseen: int

    @property
    def whole(self) -> bool:
        """Whether it judged all of these replies: then the interval is a point."""
        return self.unseen == 0 and self.interval.low == self.interval.high
