"""The comparison with the last release, and what changed in the policy, in the words of a table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from gatekeeper.records.compared import Compared, Number, PolicyThen, RuleChange
from gatekeeper.report.text import clean
from gatekeeper.report.wording import Wording

#: Rows of a committee's table.
_WORST = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeRow:
    """A rule then and now; results are names of signs, `none` where there is none.

    Attributes:
        worse: whether the whole interval of the change lies on the worse side.
    """

    rule: str
    title: str
    then: tuple[str, str]
    now: tuple[str, str]
    then_result: str
    now_result: str
    change: tuple[str, str]
    how: str
    worse: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparedFacts:
    """What a report says of the last release.

    Attributes:
        lead: which release that was, and its verdict beside this one.
        notes: settings that differ, those first that keep numbers from comparing.
        rows: all rules, the worst change first; those that do not compare stand last.
        worst: the first of `rows`, for a committee.
        shared: of the experts, only how many are the same.
        policy: what changed in it, in a sentence or two; `parts` rule by rule.
        loosened: the same, where the policy has become looser: it belongs on page two.
    """

    lead: str
    notes: tuple[str, ...]
    rows: tuple[ChangeRow, ...]
    worst: tuple[ChangeRow, ...]
    shared: tuple[str, ...]
    policy: str
    parts: tuple[tuple[str, str, str, str], ...]
    loosened: str


def build_compared(
    compared: Compared | None, headline: str, titles: Sequence[tuple[str, str]], words: Wording
) -> ComparedFacts | None:
    """The comparison in words; None without a baseline.

    Args:
        headline: of the verdict now; titles: of each rule's metric, by the rule's id.
    """
    if compared is None:
        return None
    named = dict(titles)
    ordered = sorted(compared.rules, key=_worst_first)
    rows = tuple(_row(change, named.get(change.rule, ""), words) for change in ordered)
    return ComparedFacts(
        lead=_lead(compared, headline, words),
        notes=tuple(_notes(compared, words)),
        rows=rows,
        worst=rows[:_WORST],
        shared=tuple(_shared(compared, words)),
        policy=_policy(compared.policy, words),
        parts=_parts(compared.policy, words),
        loosened=loosened_text(compared, words),
    )


def loosened_text(compared: Compared | None, words: Wording) -> str:
    """That the policy has become looser, if it has; without a baseline nothing."""
    policy = None if compared is None else compared.policy
    if policy is None or policy.relation not in {"looser", "incomparable"}:
        return ""
    looser = [part.name for part in policy.parts if part.relation in {"looser", "incomparable"}]
    shown, rest = looser[:3], len(looser) - 3
    names = words.enumerate([clean(name, 60) for name in shown]) or words("number.none")
    if rest > 0:
        names = words("compared.and_more", names=names, count=rest)
    return words(f"compared.loosened.{policy.relation}", names=names)


def _worst_first(change: RuleChange) -> tuple[bool, bool, float]:
    """Rules that became worse beyond doubt come first, then by how much; untold ones last."""
    number = change.change
    if number is None:
        return True, True, 0.0
    return False, not number.low > 0, -number.value


def _row(change: RuleChange, title: str, words: Wording) -> ChangeRow:
    how = words("compared.paired") if change.paired else clean(words.told(change.why), 200)
    return ChangeRow(
        rule=clean(change.rule, 80),
        title=title,
        then=_cell(change.then, words),
        now=_cell(change.now, words),
        then_result=change.then_result,
        now_result=change.now_result,
        change=_cell(change.change, words, signed=True),
        how=how,
        worse=change.change is not None and change.change.low > 0,
    )


def _cell(number: Number | None, words: Wording, *, signed: bool = False) -> tuple[str, str]:
    """Value with its unit, and below it interval and n."""
    if number is None:
        return words("number.none"), ""
    value = words.amount(number.value, number.unit)
    if signed and number.value > 0:
        value = f"+{value}"
    ends = [words.number(end) for end in (number.low, number.high)]
    spread = (
        words("number.all_asked")
        if number.whole
        else words("number.range", low=ends[0], high=ends[1])
    )
    return value, words("curve.interval_n", range=spread, n=words.number(number.n, 0))


def _lead(compared: Compared, headline: str, words: Wording) -> str:
    lines = [
        words(
            "compared.lead",
            model=clean(compared.model, 60),
            checkpoint=compared.checkpoint[:19],
            evidence=compared.evidence[:19],
        )
    ]
    if compared.finished:
        lines.append(words("compared.finished", day=_day(compared.finished, words)))
    now = words(f"decision.{headline}")
    if compared.headline is None or compared.judged_on is None:
        lines.append(words("compared.no_verdict", now=now))
    else:
        then = words.get(f"decision.{compared.headline}") or clean(compared.headline, 40)
        day = _day(compared.judged_on, words)
        lines.append(words("compared.verdicts", then=then, day=day, now=now))
    return words.prose(lines)


def _day(text: str, words: Wording) -> str:
    try:
        return words.day(date.fromisoformat(text))
    except ValueError:
        return clean(text, 20)


def _notes(compared: Compared, words: Wording) -> Iterator[str]:
    bars = [one for one in compared.differences if one.bars]
    others = [one for one in compared.differences if not one.bars]
    for key, some in (("compared.bars", bars), ("compared.differs", others)):
        if some:
            told = [
                words(
                    "compared.difference",
                    name=words.get(f"compared.setting.{one.name}") or clean(one.name, 60),
                    then=clean(one.then, 120),
                    now=clean(one.now, 120),
                )
                for one in some
            ]
            yield words(key, settings=words("number.semicolon").join(told))
    if not compared.differences:
        yield words("compared.same_settings")


def _shared(compared: Compared, words: Wording) -> Iterator[str]:
    for one in compared.shared:
        yield words(
            "compared.shared",
            ranking=clean(one.ranking, 60),
            count=one.shared,
            size=words.number(one.size, 0),
            chance=words.number(one.by_chance),
        )


def _policy(policy: PolicyThen | None, words: Wording) -> str:
    if policy is None:
        return words("compared.policy_none")
    told = words(
        "compared.policy",
        policy=words(
            "cover.policy_line", id=clean(policy.id, 60), version=clean(policy.version, 40)
        ),
        digest=policy.digest[:19],
    )
    return words.prose([told, words(f"compared.relation_means.{policy.relation}")])


def _parts(policy: PolicyThen | None, words: Wording) -> tuple[tuple[str, str, str, str], ...]:
    """Kind, name, relation and change of each part that is otherwise; looser ones first."""
    if policy is None:
        return ()
    order = ("looser", "incomparable", "stricter", "same")
    parts = sorted(policy.parts, key=lambda part: order.index(part.relation))
    return tuple(
        (
            words(f"compared.kind.{part.kind}"),
            clean(part.name, 80),
            words(f"compared.relation.{part.relation}"),
            clean(words.told(part.change), 300),
        )
        for part in parts
    )
