"""A past audit with all that it is judged by: its evidence, the waivers of then, its baseline."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

from gatekeeper.errors import EvidenceError, UsageError, excerpt
from gatekeeper.evidence.bundle import read_bundle
from gatekeeper.evidence.wire_judge_card import card_from_json
from gatekeeper.history.entry import Entry
from gatekeeper.history.keep import check_home
from gatekeeper.history.packed import nothing
from gatekeeper.history.remember import code_digest
from gatekeeper.history.store import INDEX, History
from gatekeeper.policy.evaluate import evaluate
from gatekeeper.policy.recalled import Memory
from gatekeeper.policy.waiver_files import with_fitting
from gatekeeper.records.bundle_files import BUNDLE, WAIVERS
from gatekeeper.records.evidence import Evidence
from gatekeeper.records.judge_card import JudgeCard
from gatekeeper.records.policy import Policy
from gatekeeper.records.verdict import Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """A past audit that may be judged; it answers from memory as far as that goes.

    Attributes:
        home: the folder of its files.
        baseline: what its verdict of then compares with, if that is in the history too.
    """

    entry: Entry
    home: Path
    memory: Memory
    baseline: Memory | None

    @property
    def evidence(self) -> Evidence:
        """What it answers with."""
        return self.memory.evidence()

    def verdict(self, policy: Policy, day: date | None = None) -> Verdict:
        """The verdict of `check`, without advice on further prompts.

        Args:
            day: on which waivers are held; None: that of the stored verdict, or of the audit.
        """
        return evaluate(
            self.evidence,
            policy,
            self.day(day),
            fail_on=self.entry.fail_on,
            card=self.card,
            baseline=None if self.baseline is None else self.baseline.evidence(),
            advise=False,
        )

    @property
    def card(self) -> JudgeCard | None:
        """The judge's card that its verdict of then rests on."""
        given = self.entry.card
        return None if given is None else card_from_json(given, Path(INDEX))

    def day(self, given: date | None) -> date:
        """The day on which waivers are held, if none is given."""
        return given or self.entry.judged_on or self.entry.finished

    def waived(self, policy: Policy) -> Policy:
        """A policy with the waivers that are kept beside the verdict of then, if there are any.

        Raises:
            EvidenceError: they cannot be read.
        """
        if WAIVERS not in self.entry.files:
            return policy
        path = self.home / WAIVERS
        try:
            return with_fitting(policy, path.read_bytes(), str(path))
        except (OSError, UsageError) as error:
            raise EvidenceError(
                "the waivers of the verdict cannot be read",
                where=excerpt(path),
                remedy="add the audit again from where it wrote its verdict",
            ) from error


class Pasts:
    """The past audits of a history, one after the other.

    Attributes:
        asked: by digest, what each was asked that was not known, as soon as it is asked.
    """

    def __init__(self, history: History, *, anew: bool = False) -> None:
        self.asked = dict[str, dict[str, Any]]()
        self._history, self._code, self._anew = history, code_digest(), anew
        self._last: tuple[str, Memory] | None = None

    def of(self, entry: Entry, *, forgotten: bool = False) -> Past:
        """One of them.

        Args:
            forgotten: whether what is remembered of it is of no use.

        Raises:
            EvidenceError: its files, or those of its baseline, are not as they were.
        """
        memory = self._memory(entry, forgotten=forgotten)
        baseline = self._baseline(entry.baseline, forgotten=forgotten)
        home = self._history.home(entry)
        return Past(entry=entry, home=home, memory=memory, baseline=baseline)

    def _baseline(self, digest: str, *, forgotten: bool) -> Memory | None:
        """The last one again, as a release and the next are often compared with the same."""
        found = self._history.find(digest) if digest else None
        if found is None:
            return None
        if forgotten or self._last is None or self._last[0] != digest:
            self._last = digest, self._memory(found, forgotten=forgotten)
        return self._last[1]

    def _memory(self, entry: Entry, *, forgotten: bool) -> Memory:
        check_home(self._history, entry)
        if forgotten:
            self.asked.pop(entry.digest, None)
        known = (
            nothing()
            if forgotten or self._anew
            else self._history.answers(entry.digest, self._code)
        )
        memory = Memory(known, partial(read_bundle, self._history.home(entry) / BUNDLE), short=True)
        # One audit may be asked for itself and as the baseline of others.
        memory.new = self.asked.setdefault(entry.digest, memory.new)
        return memory
