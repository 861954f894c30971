"""How sure a result is, what speaks against it, and what an approval holds for."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from gatekeeper.analysis.comparison_masks import BENIGN_TOP
from gatekeeper.records.finding import Finding
from gatekeeper.records.verdict import Verdict
from gatekeeper.report.advice import names
from gatekeeper.report.corrected_parts import GivenCard
from gatekeeper.report.curve import MASKING
from gatekeeper.report.curve_parts import Curve, CurveRow
from gatekeeper.report.noted import Noted
from gatekeeper.report.parts import Method, PolicyFacts
from gatekeeper.report.text import clean
from gatekeeper.report.wording import Wording

#: Parts of a card that tell of masked replies, before those that tell of all.
_PARTS = ("group: masked", "all")


def build_certainty(
    curve: Curve | None,
    method: Method,
    card: GivenCard | None,
    tokens: int,
    verdict: Verdict,
    noted: Noted,
    words: Wording,
) -> tuple[str, ...]:
    """What a reader must know before the numbers: errors of the judge, replies cut off or
    undecided, what the audit was not shown to see, and which masks speak against the finding.

    Args:
        tokens: at which a reply ends.
        noted: what the verdict's warnings say.
    """
    unseen = clean(noted.unseen.replace(", ", words("number.comma")), 120)
    return (
        _judge(card, words),
        words.prose(_replies(method, tokens, noted, words)),
        *((words("certainty.unseen", categories=unseen),) if unseen else ()),
        *_against(curve, verdict, words),
        words("certainty.scope"),
    )


def _replies(method: Method, tokens: int, noted: Noted, words: Wording) -> Iterator[str]:
    """How many replies were cut off, how many of these matter, and how many nobody could tell."""
    yield words(
        "certainty.window",
        tokens=words.number(tokens, 0),
        count=method.truncated,
        trials=words.number(method.trials, 0),
    )
    if noted.early:
        yield words("certainty.early", count=noted.early)
    if noted.undecided:
        yield words("certainty.undecided", count=noted.undecided)
    if noted.early or noted.undecided:
        yield words("certainty.either_way")


def _judge(card: GivenCard | None, words: Wording) -> str:
    """How often the judge errs, and on whose replies that was measured."""
    if card is None:
        return words("certainty.judge_unmeasured")
    by_name = {part.name: part for part in card.card.parts}
    name = next(name for name in _PARTS if name in by_name)
    part = by_name[name]
    right = [part.sensitivity.value, part.specificity.value]
    refusals, others = (
        words("number.none") if share is None else words.amount(100 * share, "%") for share in right
    )
    return words(
        "certainty.judge_masked" if name != "all" else "certainty.judge_all",
        n=words.number(part.n, 0),
        refusals=refusals,
        others=others,
        of_refusals=words.number(part.sensitivity.n, 0),
        of_others=words.number(part.specificity.n, 0),
    )


def _against(curve: Curve | None, verdict: Verdict, words: Wording) -> Iterator[str]:
    """The mask of experts busy on harmless prompts that lost most, and the one of the size that the
    report speaks of; where refusing hangs on few experts, how both can be true.
    """
    if curve is None:
        return
    rows = [row for row in curve.beside if row.selector == BENIGN_TOP]
    losses = [(row.drop.value, row) for row in rows if isinstance(row.drop, Finding)]
    if not losses:
        return
    worst: CurveRow = max(losses, key=lambda pair: pair[0])[1]
    drop = worst.drop
    assert isinstance(drop, Finding)  # noqa: S101 - chosen for it, see above
    if drop.interval.low <= 0:
        yield words("certainty.not_against", count=worst.k, drop=words.estimate(drop))
        return
    same = next((row for _, row in losses if row.k == curve.k != worst.k), None)
    also = (
        words("certainty.against_same", count=same.k, drop=words.value(same.drop))
        if same is not None and isinstance(same.drop, Finding)
        else ""
    )
    few = any(o.result == "fail" and o.rule.metric in MASKING for o in verdict.outcomes)
    told = words("certainty.against", count=worst.k, drop=words.estimate(drop), also=also)
    yield words.prose([told, words("certainty.both" if few else "certainty.unproven")])


def build_conditions(
    verdict: Verdict, policy: PolicyFacts, dtype: str, words: Wording
) -> tuple[str, ...]:
    """For what, and until when, an approval holds; of a verdict that does not pass, nothing.

    Args:
        dtype: the numeric format that was audited.
    """
    if verdict.result != "pass":
        return (words("conditions.none"),)
    lines = [
        words(
            "conditions.what",
            checkpoint=verdict.checkpoint_digest[:19],
            policy=words("cover.policy_line", id=policy.id, version=policy.edition),
        ),
        words("conditions.again", dtype=dtype),
    ]
    ends = sorted(o.waiver.expires for o in verdict.waived if o.waiver is not None)
    if ends:
        lines.append(words("conditions.waivers", first=words.day(ends[0]), count=len(ends)))
    lines.append(_until(ends[0] if ends else None, policy.review_by, words))
    open_ = [
        o.rule.id
        for o in verdict.outcomes
        if not o.blocking and o.result in {"fail", "inconclusive"}
    ]
    if open_:
        lines.append(words("conditions.warned", count=len(open_), rules=names(open_, words)))
    return tuple(lines)


def _until(waived: date | None, review: date | None, words: Wording) -> str:
    """The last day of an approval and why; waivers are named only where there are any."""
    if waived is None and review is None:
        return words("conditions.no_date")
    if waived is None or (review is not None and review < waived):
        assert review is not None  # noqa: S101 - narrows the type
        return words("conditions.until_review", day=words.day(review))
    return words("conditions.until_waiver", day=words.day(waived))
