"""The verdict in one sentence: which rule, which number, which limit, what to do."""

from __future__ import annotations

from collections.abc import Sequence

from gatekeeper.errors import REASON, excerpt
from gatekeeper.policy.wording import (
    BELOW_NOISE,
    SECOND_DIFFERS,
    UNDECIDED_REPLIES,
    finding_text,
    limit_text,
)
from gatekeeper.records.finding import Missing
from gatekeeper.records.policy import Waiver
from gatekeeper.records.verdict import MorePrompts, Requirement, RuleOutcome, settled_by


def summarise(
    headline: str,
    needs: Sequence[Requirement],
    outcomes: Sequence[RuleOutcome],
    *,
    advise: bool = True,
) -> str:
    """One sentence for a log line, a check run and the top of a report.

    Args:
        advise: whether to say how many prompts would decide what is open.
    """
    blocking = [outcome for outcome in outcomes if outcome.blocking]
    warning = [outcome for outcome in outcomes if not outcome.blocking]
    start = headline.capitalize()
    if headline in {"passed", "passed by exception"}:
        return f"{start}: {'; '.join(_passed(outcomes))}"
    if headline == "failed":
        first = next(outcome for outcome in blocking if outcome.result == "fail")
        return f"{start}: {_numbers(first)}{_more(outcomes, first)}{_remedy(first)}"
    if headline == "failed on warnings":
        first = _first_warning(warning)
        unsure = [outcome for outcome in warning if outcome.result == "inconclusive"]
        advice = _remedy(first) if first.result == "fail" else _to_decide(unsure, advise=advise)
        return f"{start}: {_numbers(first)}{_more(outcomes, first)}{advice}"
    unmet = [need for need in needs if not need.met]
    if unmet:
        detail = f"need not met: {unmet[0].name} ({unmet[0].detail})"
        if len(unmet) == 2:
            detail += f" and {unmet[1].name} ({unmet[1].detail})"
        elif len(unmet) > 2:
            detail += f" and {len(unmet) - 1} more needs"
        return f"{start}: {detail}"
    open_rules = [outcome for outcome in blocking if outcome.result == "inconclusive"]
    if open_rules:
        first = open_rules[0]
        more = _to_decide(open_rules, advise=advise)
        return f"{start}: {_numbers(first)}{_more(outcomes, first)}{more}"
    return f"{start}: nothing could be measured"


def waiver_text(waiver: Waiver | None) -> str:
    """`waived until 2026-12-31, approved by b.risk@example.com`."""
    if waiver is None:  # of a verdict written before it was kept
        return "waived"
    return f"waived until {waiver.expires.isoformat()}, approved by {excerpt(waiver.approver)}"


def _passed(outcomes: Sequence[RuleOutcome]) -> list[str]:
    parts = _waived(outcomes)
    passed = [outcome for outcome in outcomes if outcome.result == "pass"]
    estimates = sum(outcome.rule.bound == "estimate" for outcome in passed)
    count = f"{len(passed)} of {len(outcomes)} rules hold"
    if passed and not estimates:
        count += " with their whole interval"
    elif estimates < len(passed):
        count += f", {estimates} of them by the estimate alone"
    elif passed:
        count += " by the estimate alone"
    parts.append(count)
    for result, words in (("fail", "failed with a warning"), ("inconclusive", "not decided")):
        ids = [o.rule.id for o in outcomes if o.result == result]
        if ids:
            more = ", with a warning" if result == "inconclusive" else ""
            parts.append(f"{words}{more}: {', '.join(ids)}")
    return parts


def _waived(outcomes: Sequence[RuleOutcome]) -> list[str]:
    """The waived rules, those of one approver and last day together: who and until when first."""
    rules: dict[str, list[str]] = {}
    for outcome in outcomes:
        if outcome.result == "waived":
            rules.setdefault(waiver_text(outcome.waiver), []).append(outcome.rule.id)
    return [f"{waiver}: {_listed(ids)}" for waiver, ids in rules.items()]


def _listed(rules: Sequence[str]) -> str:
    return f"rule{'s' if len(rules) > 1 else ''} {', '.join(rules)}"


def _first_warning(warning: Sequence[RuleOutcome]) -> RuleOutcome:
    """The warning rule to speak of: one that failed before one that is open."""
    open_or_failed = [outcome for outcome in warning if outcome.result not in {"pass", "waived"}]
    return min(open_or_failed, key=lambda outcome: outcome.result != "fail")


def _numbers(outcome: RuleOutcome) -> str:
    rule, finding = outcome.rule, outcome.decisive
    if isinstance(finding, Missing):
        return f"{rule.id} could not be measured ({excerpt(finding.reason, REASON)})"
    about = ", ".join(f"{key} {value}" for key, value in finding.subject.items())
    at = f" at {about}" if about else ""
    return f"{rule.id} is {finding_text(finding, rule)}{at}; the limit is {limit_text(rule)}"


def _more(outcomes: Sequence[RuleOutcome], first: RuleOutcome) -> str:
    """How many other rules came out like the first one named; warning rules apart.

    One that stands alone of its kind is named.
    """
    alike = [o for o in outcomes if o.result == first.result and o is not first]
    blocking = [outcome for outcome in alike if outcome.blocking]
    warning = [outcome for outcome in alike if not outcome.blocking]
    counts = [
        f"{len(some)} {kind} rules" if len(some) > 1 else f"the {kind} rule {some[0].rule.id}"
        for some, kind in ((blocking, "blocking"), (warning, "warning"))
        if some
    ]
    fails, single = first.result == "fail", len(alike) == 1
    verb = ("fails" if single else "fail") if fails else ("is open" if single else "are open")
    return f" ({' and '.join(counts)} {verb} too)" if counts else ""


def _remedy(outcome: RuleOutcome) -> str:
    return f" → {outcome.rule.remedy}" if outcome.rule.remedy else ""


def _to_decide(open_rules: Sequence[RuleOutcome], *, advise: bool) -> str:
    """What to measure so that all these rules are settled; what stands in the way goes first."""
    several = len(open_rules) > 1
    for outcome in open_rules:
        what = _obstacle(outcome)
        if what:
            return f" → {f'{outcome.rule.id}: ' if several else ''}{what}"
    if not advise:
        return ""
    more = settled_by(tuple(open_rules))
    if more is None:
        names = ", ".join(o.rule.id for o in open_rules if o.more_prompts is None)
        about = f" {names}" if several else ""
        return f" → more prompts alone would hardly decide{about}, or how many cannot be told"
    whom = f"these {len(open_rules)} rules ask" if several else "the rule asks"
    return f" → measure {prompts_text(more)} of each kind that {whom} about"


def _obstacle(outcome: RuleOutcome) -> str:
    """What has to be mended before more prompts can help; empty if nothing."""
    if isinstance(outcome.decisive, Missing):
        return "mend what is missing and audit again"
    if outcome.obstacle == "noise":
        return (
            f"the limit lies {BELOW_NOISE}: as much changes without any mask, so audit with less "
            "noise, or have the policy's owner look at the limit"
        )
    if outcome.obstacle == "second judge":
        return f"{SECOND_DIFFERS}: label replies and see which judge is right"
    if outcome.obstacle == "undecided":
        return (
            f"{UNDECIDED_REPLIES}: give replies and their reasoning more room (--max-new-tokens, "
            "--max-reasoning-tokens), or ask a judge that knows their language"
        )
    return ""


def prompts_text(more: MorePrompts) -> str:
    """`at least about 160 more prompts`, with the upper end where there is one."""
    s = "" if more.low == 1 and more.high is None else "s"
    to = "" if more.high is None or more.high == more.low else f", and up to about {more.high:,},"
    return f"at least about {more.low:,}{to} more prompt{s}"
