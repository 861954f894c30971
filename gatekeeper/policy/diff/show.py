"""A comparison of two policies in words, for a terminal and for a pull request."""

from __future__ import annotations

from collections.abc import Iterator

from gatekeeper.errors import excerpt
from gatekeeper.policy.decide_rules import CONFIDENCE
from gatekeeper.policy.diff.compare import Comparison, Loosening
from gatekeeper.policy.diff.rules import Part
from gatekeeper.policy.testing.asks import Asks
from gatekeeper.policy.testing.numbers import Number, finding
from gatekeeper.policy.testing.told import CHECKPOINT, Told
from gatekeeper.policy.wording import rounded
from gatekeeper.records.finding import Finding, Subject
from gatekeeper.records.policy import Policy

_MEANS = {
    "same": "the new policy passes exactly what the old one passes",
    "stricter": "all that the new policy passes, the old one passes too, and not the other way",
    "looser": "the new policy passes all that the old one passes, and more",
    "incomparable": "each passes something that the other does not",
}


def as_text(found: Comparison) -> str:
    """The comparison as lines for a terminal; ends with a line end."""
    lines = [f"{_name(found.old)} → {_name(found.new)}: {found.relation}"]
    lines.append(f"  {_MEANS[found.relation]}")
    lines += [f"  {line}" for line in _about_files(found)]
    lines += ["", *_shown(found)]
    for title, parts in _groups(found):
        lines += ["", title]
        width = max(len(part.name) for part in parts)
        lines += [f"  {p.name:<{width}}  {p.relation:<12}  {p.change}".rstrip() for p in parts]
    return "\n".join(lines) + "\n"


def as_markdown(found: Comparison) -> str:
    """The comparison as Markdown for a pull request; ends with a line end."""
    lines = [f"### Policy {_code(_name(found.old))} → {_code(_name(found.new))}: {found.relation}"]
    lines += ["", f"{_MEANS[found.relation].capitalize()}."]
    for line in _about_files(found):
        lines += ["", f"**{line}**"]
    first, *rest = _shown(found)
    lines += ["", first]
    if rest:
        lines += ["", "```yaml", *(line.removeprefix("  ") for line in rest), "```"]
    for title, parts in _groups(found):
        lines += ["", f"| {title.lower()} | | |", "|---|---|---|"]
        lines += [f"| {_code(p.name)} | {p.relation} | {_cell(p.change)} |" for p in parts]
    return "\n".join(lines) + "\n"


def _name(policy: Policy) -> str:
    tier = f", tier {excerpt(policy.tier)}" if policy.tier else ""
    return f"{excerpt(policy.id)} {excerpt(policy.version)}{tier}"


def _about_files(found: Comparison) -> Iterator[str]:
    files = [(policy.digest, policy.waivers_digest) for policy in (found.old, found.new)]
    if files[0] == files[1]:
        yield "both files are the same"
    elif found.unmarked:
        yield (
            f"id and version are the same ({_name(found.new)}), and the files are not → raise the "
            "version"
        )


def _shown(found: Comparison) -> Iterator[str]:
    """Evidence that the new policy passes and the old one does not, or that there is none."""
    loosening = found.looser
    if loosening is None:
        yield (
            "There is no evidence that the new policy passes and the old one does not: each of "
            f"{found.cases} numbers and needs that the old one asks for, the new one bounds at "
            "least as tightly (proved case by case)."
        )
        return
    yield f"The new policy passes this, and the old one does not{_where(loosening)}:"
    if loosening.fewer is not None:
        fewer = loosening.fewer
        needed = "no number is" if fewer.needed is None else f"{fewer.needed} are"
        yield (
            f"  {fewer.prompts} prompts behind rule {fewer.rule}, and every number within its "
            f"limit; {needed} enough for the old one (evidence.power)"
        )
    shown = loosening.witness
    if shown is None:
        return
    for ask, number in shown.numbers:
        yield f"  - {_entry(ask, number)}"
        yield f"    # {_measured(ask, number)}"
    if shown.need is not None:
        yield f"  # the evidence lacks {_need(found, shown.need)}"
    count = len(shown.told) - len(shown.numbers)
    others = f"all {count} other numbers" if shown.numbers else "all numbers"
    yield f"  # {others} within the limits; new: {_came(shown.passes)}; old: {_came(shown.other)}"


def _need(found: Comparison, name: str) -> str:
    change = next((p.change for p in found.parts if p.kind == "need" and p.name == name), "")
    return f"{name} as the old one asks for it ({change})" if change else name


def _where(loosening: Loosening) -> str:
    context, words = loosening.context, ""
    if context.checkpoint != CHECKPOINT:
        day = context.today.isoformat()
        words += f", for the checkpoint {context.checkpoint[:19]}… on {day}"
    if loosening.experts is not None:
        words += f", of a model with {loosening.experts:,} experts"
    if context.fail_on == "warn":
        words += ", where warnings count (--fail-on warn)"
    return words


def _entry(ask: Asks, number: Number) -> str:
    """A number as a test file has it."""
    at = ", ".join(f"{key}: {value}" for key, value in ask.subject.items())
    parts = [f"metric: {ask.metric}", *([f"at: {{{at}}}"] if at else [])]
    told = "regression" if ask.regression else "is"
    if ask.interval != "suite":
        parts.append(f"interval: {ask.interval}")
    if number.missing is not None:
        parts.append("baseline: missing" if ask.regression else f"missing: {number.missing}")
    elif number.count is not None:
        parts.append(f"{told}: {number.count:g} of {number.n}")
    else:
        unit = ask.answered.unit
        parts.append(f"{told}: {number.value:g} {unit}, low: {number.low:g}, high: {number.high:g}")
    if number.early:
        parts.append("early: true")
    return f"{{{', '.join(parts)}}}"


def _measured(ask: Asks, number: Number) -> str:
    found = finding(ask.answered, Subject(), number, CONFIDENCE)
    if not isinstance(found, Finding):
        return "not measured"
    low, high = (rounded(end, 2) for end in (found.interval.low, found.interval.high))
    n = f", n = {number.n}" if number.count is not None else ""
    n += ", of a run that stopped early, which a limit on the estimate does not take" * number.early
    return f"{rounded(found.value, 2)} {found.unit} (95 % interval {low} to {high}{n})"


def _came(told: Told) -> str:
    open_ = [o for o in told.outcomes if o.result in {"fail", "inconclusive"}]
    open_.sort(key=lambda outcome: not outcome.blocking)
    by = f" by {open_[0].rule.id}" if open_ and told.exit_code else ""
    return f"{told.headline}{by}, exit code {told.exit_code}"


def _groups(found: Comparison) -> Iterator[tuple[str, list[Part]]]:
    """Parts that differ, by kind; and a line for those that do not."""
    for kind, title in (("rule", "Rules"), ("need", "Evidence"), ("waiver", "Waivers")):
        own = [part for part in found.parts if part.kind == kind]
        changed = [part for part in own if part.change]
        if changed:
            yield f"{title} (the other {len(own) - len(changed)} are the same)", changed


def _code(text: str) -> str:
    return f"`{text.replace('`', '')}`"


def _cell(text: str) -> str:
    return excerpt(text, 400).replace("|", "\\|")
