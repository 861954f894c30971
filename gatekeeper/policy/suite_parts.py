"""Rules about one category or language, held against the suite that they are to be measured on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from gatekeeper.errors import did_you_mean, excerpt
from gatekeeper.policy.sense import Fault
from gatekeeper.records.finding import PARTS, Subject
from gatekeeper.records.policy import Policy, Rule
from gatekeeper.records.suite import Prompt, Suite
from gatekeeper.strict_yaml import Route


def strange_parts(
    policy: Policy, routes: Mapping[str, Route], suites: Sequence[Suite], *, pinned: bool
) -> Iterator[Fault]:
    """Names of categories and languages that a suite does not have: measured on nothing.

    Args:
        routes: where each rule stands.
        suites: the one that is meant; or, where that is not at hand, those that there are.
        pinned: whether it is the one that is meant.
    """
    for rule in policy.rules:
        seen = set[str]()
        for subject in rule.subjects:
            for key, message, remedy in _strange(subject, suites, pinned=pinned):
                if key not in seen:
                    seen.add(key)
                    yield Fault((*routes[rule.id], "at", key), message, remedy)


def _strange(
    subject: Subject, suites: Sequence[Suite], *, pinned: bool
) -> Iterator[tuple[str, str, str]]:
    """The key of `at` that names a strange part, what is wrong with it, and what to do."""
    name = subject.set or "regular"
    known = {of: _names(suites, name, of) for of in PARTS}
    about = f"{name.replace('_', '-')} prompts"
    titles = " or ".join(excerpt(suite.id) for suite in suites)
    for of in PARTS:
        part = getattr(subject, of)
        if part is None or part in known[of]:
            continue
        if pinned:
            remedy = did_you_mean(part, known[of])
            if not remedy.startswith("known"):
                remedy += f" Known: {', '.join(known[of])}"
            yield of, f"the suite {titles} has no {about} of {of} {excerpt(part)}", remedy
        else:
            message = f"nothing shows that the suite has {about} of {of} {excerpt(part)}"
            told = ", ".join(known[of])
            yield of, message, f"check it, with lint --suite; {titles} has {told}"
    if pinned and subject.each is not None and not known.get(subject.each):
        message = f"the suite {titles} tells {about} apart by no {subject.each}"
        yield "each", message, "remove the rule, or pin another suite"


def _names(suites: Sequence[Suite], prompt_set: str, of: str) -> list[str]:
    found = {getattr(p, of) for suite in suites for p in suite.prompts if p.set == prompt_set}
    return sorted(name for name in found if name)


def smallest_part(rule: Rule, suite: Suite) -> tuple[int, str] | None:
    """Prompts of the part that a rule is about, of each the smallest, and the part in words.

    None for a rule about a whole set, or about a part that the suite does not have.
    """
    subject = rule.subjects[0]
    own = [p for p in suite.prompts if p.set == (subject.set or "regular")]
    named = {of: getattr(subject, of) for of in PARTS if getattr(subject, of) is not None}
    own = [p for p in own if all(getattr(p, of) == part for of, part in named.items())]
    words = " and ".join(f"{of} {excerpt(part)}" for of, part in named.items())
    if subject.each is None:
        return (len(own), words) if named and own else None
    return min(_sizes(own, subject.each), default=None)


def _sizes(prompts: Sequence[Prompt], of: str) -> list[tuple[int, str]]:
    parts = [getattr(p, of) for p in prompts]
    return [(parts.count(part), f"{of} {excerpt(part)}") for part in sorted(set(parts))]
