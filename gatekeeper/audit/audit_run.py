"""An audit under way: what its steps share, and what they have counted so far."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace

from gatekeeper import __version__
from gatekeeper.audit.prepare import Prepared
from gatekeeper.engine.generate.batch_size import WHOLE
from gatekeeper.engine.generate.row_plan import SweepSettings, Work
from gatekeeper.engine.generate.sweep import Progress, judged, stored_replies, sweep
from gatekeeper.engine.generate.techniques import where_exact
from gatekeeper.engine.generate.thinking import ending_of
from gatekeeper.engine.progress import Reporter
from gatekeeper.errors import AuditError
from gatekeeper.evidence.trial_store import TrialStore
from gatekeeper.records.trial import Trial


@dataclass(frozen=True, slots=True)
class Clock:
    """Times the stages of an audit and tells of them.

    Attributes:
        half: under cross-fitting, the half of the prompts that selects (1 or 2); else 0.
    """

    store: TrialStore
    reporter: Reporter
    half: int = 0

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Times a stage, also one that is cut short."""
        self.reporter.stage(name, self.half)
        begun = time.monotonic()
        try:
            yield
        except BaseException:
            # What cut it short is what the user must hear of, not a store that fails after it.
            with suppress(AuditError):
                self.store.add_seconds(name, time.monotonic() - begun)
            raise
        self.store.add_seconds(name, time.monotonic() - begun)


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditRun:
    """One side of the split being carried out.

    Attributes:
        store: keeps every reply, so that a killed audit goes on where it stopped.
        rows: counted over all sides: `computed` in this session and `resumed` from the store.
    """

    prepared: Prepared
    store: TrialStore
    clock: Clock
    rows: Counter[str] = field(default_factory=Counter)

    def of(self, prepared: Prepared) -> AuditRun:
        """The same audit on the other side of the split, or under a variant."""
        return replace(self, prepared=prepared)

    def halves(self) -> list[AuditRun]:
        """This one and the same with the sides of the split changed over."""
        both = (self, self.of(self.prepared.changed_over()))
        return [replace(one, clock=replace(one.clock, half=n)) for n, one in enumerate(both, 1)]

    @property
    def settings(self) -> SweepSettings:
        """What all replies of an audit depend on."""
        return sweep_settings(self.prepared)

    @property
    def small_batch(self) -> int:
        """Rows for whole prompts: less padding than in the sweep, and a gradient keeps more."""
        return max(1, self.prepared.settings.batch_rows // WHOLE)

    def sweep(
        self,
        work: Sequence[Work],
        *,
        settings: SweepSettings | None = None,
        progress: Progress | None = None,
        here: bool = False,
    ) -> list[Trial]:
        """Runs every prompt under each of its masks, judges the replies and counts the rows.

        Args:
            settings: other than those of the audit.
            here: whether this process alone computes, without the workers.

        Raises:
            AuditError: see `engine.generate.sweep.sweep`.
        """
        replies, count = sweep(
            self.prepared.loaded,
            work,
            settings or self.settings,
            self.store,
            progress or self.clock.reporter.advance,
            executor=None if here else self.prepared.executor,
        )
        self.rows.update(computed=count.computed, resumed=count.resumed)
        return judged(replies, self.prepared.judge)

    def replies(self, work: Sequence[Work]) -> list[tuple[int, ...]]:
        """Tokens of replies that were swept before."""
        return stored_replies(work, self.settings, self.store)


def sweep_settings(prepared: Prepared) -> SweepSettings:
    """What all replies of an audit depend on."""
    request, settings = prepared.request, prepared.settings
    base = "|".join(
        (
            __version__,
            prepared.reference.digest,
            settings.dtype,
            " ".join(filter(None, (settings.device, settings.parallel))),
            f"{settings.batch_rows}/{settings.max_new_tokens}",
            f"{settings.judge}/{settings.judge_version}",
            f"{settings.reasoning}",
            ",".join(f"{k}={v}" for k, v in sorted(settings.versions.items())),
            # So that the second fold's replies without a mask are made beside those with one.
            *(() if prepared.fold == 1 else (f"fold {prepared.fold}",)),
        )
    )
    return SweepSettings(
        base=base,
        new_tokens=request.max_new_tokens,
        batch_rows=settings.batch_rows,
        techniques=where_exact(prepared.checks),
        reasoning=settings.reasoning,
        ending=ending_of([e.ids for e in prepared.encoded if e.skipped is None]),
    )
