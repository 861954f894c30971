"""Derives a verdict again from the answers that a report carries."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from gatekeeper.errors import EvidenceError
from gatekeeper.evidence import manifest
from gatekeeper.evidence.merkle import Commitment
from gatekeeper.policy.evaluate import evaluate
from gatekeeper.policy.recalled import HEAD, Memory
from gatekeeper.policy.wire import verdict_to_json
from gatekeeper.records.evidence import Evidence
from gatekeeper.records.policy import Policy
from gatekeeper.records.verdict import Verdict
from gatekeeper.report.disclosed import DisclosedFile
from gatekeeper.verify.disclosed import follows
from gatekeeper.verify.same import same_data

_REMEDY = "do not trust this report; get it again from where it was written"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asker:
    """Asks what a report carries what its verdict asked of the evidence.

    Attributes:
        policy: the attached one, with its waivers.
        read: the attached verdict, whose day, card and so on are taken.
        where: the attachment, for errors.
    """

    shown: DisclosedFile
    policy: Policy
    read: Verdict
    where: str

    def derived(self) -> Verdict:
        """The verdict from all answers.

        Raises:
            EvidenceError: they are none, or lack one.
        """
        read, before = self.read, Memory(self.shown.baseline, self._nobody)
        with self._told():
            return evaluate(
                self._memory().evidence(),
                self.policy,
                read.judged_on,
                fail_on=read.fail_on,
                card=read.card,
                replaces=read.replaces,
                baseline=None if read.baseline is None else before.evidence(),
            )

    def hold_head(self, statement: bytes, commitment: Commitment | None) -> None:
        """Holds what the answers say of tool and checkpoint against the manifest.

        Raises:
            EvidenceError: it is of another.
        """
        with self._told():
            head = self._memory().head()
        if head.digest != self.shown.evidence:
            raise EvidenceError("of other evidence than it says", where=self.where, remedy=_REMEDY)
        manifest.check_statement(
            statement,
            tool_version=head.tool_version,
            checkpoint=head.checkpoint.digest,
            trials=commitment,
            where=self.where,
        )

    @staticmethod
    def is_same(stored: object, verdict: Verdict) -> bool:
        """Whether a verdict's file says what a verdict does."""
        return same_data(stored, json.loads(json.dumps(verdict_to_json(verdict))))

    def _memory(self) -> Memory:
        """The answers; what is asked beyond them, the disclosed record tells, else nobody does."""
        disclosed, answers = self.shown.disclosed, self.shown.answers
        if disclosed is None:
            return Memory(answers, self._nobody)
        known = {q: answer for q, answer in answers.items() if q != HEAD and not follows(q)}
        return Memory(known, lambda: disclosed.evidence)

    def _nobody(self) -> Evidence:
        raise EvidenceError("lacks what the verdict asks", where=self.where, remedy=_REMEDY)

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Answers of a wrong kind are an error of their file."""
        try:
            yield
        except (
            KeyError, TypeError, ValueError, AttributeError, IndexError, ArithmeticError,
        ) as error:  # fmt: skip
            raise EvidenceError(
                "not what a verdict asks", where=self.where, remedy=_REMEDY
            ) from error
