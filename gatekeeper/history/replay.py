"""What a policy says of past audits: the verdict of `check` on each, beside the one it got then."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from functools import partial

from gatekeeper.errors import EvidenceError
from gatekeeper.history.entry import Brief, BriefRule, Entry, brief_of
from gatekeeper.history.past import Past
from gatekeeper.history.spread import spread
from gatekeeper.history.store import History
from gatekeeper.records.policy import Policy


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """One past audit under a policy.

    Attributes:
        then: the verdict it is compared with; None if there is none.
        now: what the policy says of it; None if its bundle is broken.
        trouble: what is wrong with the bundle.
        was_read: whether the bundle had to be read, as it was asked something new.
    """

    entry: Entry
    then: Brief | None
    now: Brief | None
    trouble: str | None = None
    was_read: bool = False

    @property
    def flips(self) -> bool:
        """Whether the verdict is another one than then."""
        return None not in (self.then, self.now) and self._heads[0] != self._heads[1]

    @property
    def _heads(self) -> tuple[str, str]:
        return tuple("" if b is None else b.headline for b in (self.then, self.now))  # type: ignore[return-value]

    @property
    def direction(self) -> str:
        """`blocked`, `released` or `other`: what a flip means for the release; empty if none."""
        if not self.flips or self.then is None or self.now is None:
            return ""
        if self.then.passed == self.now.passed:
            return "other"
        return "released" if self.now.passed else "blocked"

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why it flips: each rule with its number and limit, each need that is unmet."""
        if not self.flips or self.then is None or self.now is None:
            return ()
        return tuple(_reasons(self.then, self.now)) or (self.now.summary,)


def _reasons(then: Brief, now: Brief) -> Iterator[str]:
    before = {rule.id: rule for rule in then.rules}
    after = {rule.id: rule for rule in now.rules}
    for rule in now.rules:
        old = before.get(rule.id)
        if old is not None and (old.result, old.blocks) == (rule.result, rule.blocks):
            continue
        if rule.blocks or (old is not None and old.blocks):
            yield _change(old, rule)
    yield from (
        f"{old.id}: {old.result} then; the policy has no such rule"
        for old in then.rules
        if old.blocks and old.id not in after
    )
    yield from (f"unmet: {need}" for need in now.unmet if need not in then.unmet)
    if not now.unmet:
        yield from (f"no longer asked, or met: {need}" for need in then.unmet)


def _change(old: BriefRule | None, rule: BriefRule) -> str:
    was = "new rule" if old is None else old.result
    limit = "" if old is None or old.limit == rule.limit else f" (then {old.limit})"
    return f"{rule.id}: {was} → {rule.result}. {rule.explanation.removesuffix('.')}{limit}"


def replay(
    history: History,
    policy: Policy,
    *,
    against: Policy | None = None,
    day: date | None = None,
    anew: bool = False,
    model: str | None = None,
    processes: int | None = None,
) -> list[Replayed]:
    """Holds every bundle of a history against a policy.

    Waivers kept beside a stored verdict hold as they did then, and a rule on a regression compares
    with the baseline of that verdict. What had to be read from bundles is remembered, if the
    history may be written to.

    Args:
        against: a policy to compare with, instead of the stored verdicts.
        day: on which waivers are held; None: that of each stored verdict, or of its audit.
        anew: whether to believe nothing that is remembered, and read each bundle.
        model: audits of this one only; None: all.
        processes: that share the work; default: as many as there are processors.
    """
    judge = partial(_judge, policy=policy, against=against, day=day)
    entries = [e for e in history.entries() if model in {None, e.model}]
    return [
        Replayed(entry=entry, then=entry.brief, now=None, trouble=str(one))
        if isinstance(one, EvidenceError)
        else one
        for entry, one in spread(history, entries, judge, anew=anew, processes=processes)
    ]


def _judge(past: Past, *, policy: Policy, against: Policy | None, day: date | None) -> Replayed:
    then, now = (
        None if one is None else brief_of(past.verdict(past.waived(one), day))
        for one in (against, policy)
    )
    return Replayed(
        entry=past.entry,
        then=past.entry.brief if against is None else then,
        now=now,
        was_read=past.memory.was_read,
    )
