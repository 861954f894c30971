"""The verdict in one sentence: which rule, which number, which limit, what to do."""

from __future__ import annotations

from collections.abc import Sequence

from gatekeeper.errors import excerpt
from gatekeeper.policy.wording import BELOW_NOISE, SECOND_DIFFERS, finding_text, limit_text
from gatekeeper.records.finding import Missing
from gatekeeper.records.verdict import Requirement, RuleOutcome


def summarise(result: str, needs: Sequence[Requirement], outcomes: Sequence[RuleOutcome]) -> str:
    """One sentence for a log line, a check run and the top of a report."""
    blocking = _blocking(outcomes)
    if result == "pass":
        return _passed(outcomes)
    failed = [outcome for outcome in blocking if outcome.result == "fail"]
    if failed:
        return f"Failed: {_numbers(failed[0])}{_more(outcomes, 'fail')}{_remedy(failed[0])}"
    unmet = [need for need in needs if not need.met]
    if unmet:
        told = f"need not met: {unmet[0].name} ({unmet[0].detail})"
        if len(unmet) == 2:
            told += f" and {unmet[1].name} ({unmet[1].detail})"
        elif len(unmet) > 2:
            told += f" and {len(unmet) - 1} more needs"
        return f"Inconclusive: {told}"
    open_rules = [outcome for outcome in blocking if outcome.result == "inconclusive"]
    if open_rules:
        first = open_rules[0]
        return (
            f"Inconclusive: {_numbers(first)}{_more(outcomes, 'inconclusive')}{_to_decide(first)}"
        )
    return "Inconclusive: nothing could be measured"


def _passed(outcomes: Sequence[RuleOutcome]) -> str:
    held = sum(outcome.result == "pass" for outcome in outcomes)
    parts = [f"Passed: {held} of {len(outcomes)} rules hold with their whole interval"]
    for result, words in (("waived", "waived"), ("fail", "failed with a warning")):
        found = [o.rule.id for o in outcomes if o.result == result]
        if found:
            parts.append(f"{words}: {', '.join(found)}")
    unsure = [o.rule.id for o in outcomes if o.result == "inconclusive"]
    if unsure:
        parts.append(f"inconclusive with a warning: {', '.join(unsure)}")
    return "; ".join(parts)


def _numbers(outcome: RuleOutcome) -> str:
    rule, found = outcome.rule, outcome.decisive
    if isinstance(found, Missing):
        return f"{rule.id} could not be measured ({excerpt(found.reason)})"
    about = ", ".join(f"{key} {value}" for key, value in found.subject.items())
    at = f" at {about}" if about else ""
    return f"{rule.id} is {finding_text(found, rule)}{at}; the limit is {limit_text(rule)}"


def _blocking(outcomes: Sequence[RuleOutcome]) -> list[RuleOutcome]:
    return [outcome for outcome in outcomes if outcome.rule.severity != "warn"]


def _more(outcomes: Sequence[RuleOutcome], result: str) -> str:
    """How many rules came out like the blocking one that was told; warning rules apart.

    One that stands alone of its kind is named.
    """
    alike = [outcome for outcome in outcomes if outcome.result == result]
    blocking = _blocking(alike)[1:]
    warning = [outcome for outcome in alike if outcome.rule.severity == "warn"]
    counts = [
        f"{len(some)} {kind} rules" if len(some) > 1 else f"the {kind} rule {some[0].rule.id}"
        for some, kind in ((blocking, "blocking"), (warning, "warning"))
        if some
    ]
    one = len(blocking) + len(warning) == 1
    verb = ("fails" if one else "fail") if result == "fail" else ("is open" if one else "are open")
    return f" ({' and '.join(counts)} {verb} too)" if counts else ""


def _remedy(outcome: RuleOutcome) -> str:
    return f" → {outcome.rule.remedy}" if outcome.rule.remedy else ""


def _to_decide(outcome: RuleOutcome) -> str:
    if isinstance(outcome.decisive, Missing):
        return " → mend what is missing and audit again"
    if BELOW_NOISE in outcome.explanation:
        return f" → the limit lies {BELOW_NOISE}: as much changes without any mask; raise it"
    if SECOND_DIFFERS in outcome.explanation:
        return f" → {SECOND_DIFFERS}: label replies and see which judge is right"
    if outcome.more_prompts is None:
        return " → more prompts would hardly decide: the number is all but at the limit"
    return f" → measure about {outcome.more_prompts} more prompts"
