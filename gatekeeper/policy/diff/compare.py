"""Whether a policy is stricter than another, looser, neither or the same."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from gatekeeper.policy.diff.gap import gap
from gatekeeper.policy.diff.passing import Context, Passing, contexts, passing
from gatekeeper.policy.diff.prompts import Fewer, fewer_prompts
from gatekeeper.policy.diff.rules import Part, parts_of, relation_of
from gatekeeper.policy.diff.witness import Witness, witness
from gatekeeper.records.policy import Policy

#: Experts that stand for any number of them: so many that no share of them is a size written as a
#: number. What holds of these sizes apart holds where two of them happen to be the same.
_ANY = 10**12
#: Models to show a counterexample on: experts of Qwen3-30B-A3B, of smaller and larger ones; at last
#: so many that all shares differ, and so few that none is larger than a size written as a number.
_MODELS = (6144, 64, 128, 512, 1024, 2048, 16384, 60_000, _ANY, 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Loosening:
    """Evidence that one policy passes and the other does not.

    Attributes:
        experts: of the model that it is of, if mask sizes follow from them; else None.
        fewer: prompts that are enough for one policy and too few for the other, if that is why.
    """

    context: Context
    experts: int | None
    witness: Witness | None
    fewer: Fewer | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """A policy beside an older one.

    Attributes:
        relation: of the whole, as of `rules.RELATIONS`.
        looser: evidence that the new one passes and the old one does not; None: proved that there
            is none. `stricter`: the other way about.
        parts: rules, needs and waivers, one by one.
        cases: numbers and needs of the old one that were looked at.
    """

    old: Policy
    new: Policy
    relation: str
    looser: Loosening | None
    stricter: Loosening | None
    parts: tuple[Part, ...]
    cases: int

    @property
    def unmarked(self) -> bool:
        """Whether the files differ under the same id and version."""
        a, b = self.old, self.new
        alike = (a.id, a.version, a.tier) == (b.id, b.version, b.tier)
        return alike and a.digest != b.digest


def compare(old: Policy, new: Policy, today: date) -> Comparison:
    """How a policy compares to an older one, on any evidence.

    Args:
        today: from which day on; waivers that have ended by then count for nothing.
    """
    looser, stricter = _loosening(new, old, today), _loosening(old, new, today)
    whole = passing(old.sized(_ANY), Context(today=today), old)
    numbers = {ask for clause in whole.clauses for way in clause.ways for ask in way}
    return Comparison(
        old=old,
        new=new,
        relation=relation_of(implies=looser is None, implied=stricter is None),
        looser=looser,
        stricter=stricter,
        parts=parts_of(old, new),
        cases=len(numbers) + len(whole.needs),
    )


def _loosening(new: Policy, old: Policy, today: date) -> Loosening | None:
    """Evidence that `new` passes and `old` does not; None if there is none."""
    for context in contexts((new, old), today):
        a, b = (passing(p.sized(_ANY), context, p) for p in (new, old))
        if gap(a, b) is None:
            continue
        for experts, sized_new, sized_old in _sized(new, old, context):
            found = gap(sized_new, sized_old)
            if found is not None:
                shown = witness(sized_new, sized_old, found)
                return Loosening(context=context, experts=experts, witness=shown)
    context = Context(today=today)
    for experts, sized_new, sized_old in _sized(new, old, context):
        fewer = fewer_prompts(sized_new.policy, sized_old.policy)
        if fewer is not None:
            return Loosening(context=context, experts=experts, witness=None, fewer=fewer)
        break
    return None


def _sized(
    new: Policy, old: Policy, context: Context
) -> Iterator[tuple[int | None, Passing, Passing]]:
    """Both policies for one model after the other; once where none matters."""
    shares = any(p.needs.shares or any(r.shares for r in p.rules) for p in (new, old))
    for experts in _MODELS if shares else (None,):
        pair = [p if experts is None else p.sized(experts) for p in (new, old)]
        yield experts, passing(pair[0], context), passing(pair[1], context)
