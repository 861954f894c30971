"""The store of finished rows where several ranks carry out one audit: rank 0 has the file.

What an audit does next hangs on what is done. All ranks are therefore told what rank 0's file
holds, so that they decide alike, also after one was killed and all were started again.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from types import TracebackType

from gatekeeper.engine.torchrun.ranks import Ranks
from gatekeeper.evidence.trial_store import StoredReply, TrialStore


class MirroredStore(TrialStore):
    """A `TrialStore` that all ranks use in step.

    Its methods but for those of times wait for all ranks, and raise AuditError on all of them if
    these do not do the same.

    Args:
        path: of the file; opened on rank 0 alone.
        audit: see `TrialStore`.
    """

    def __init__(self, path: Path, ranks: Ranks, *, audit: str = "") -> None:
        self._ranks = ranks
        self.own = set()
        if ranks.rank == 0:
            super().__init__(path, audit=audit)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._ranks.rank == 0:
            super().__exit__(kind, error, trace)

    def get(self, keys: Iterable[str]) -> dict[str, StoredReply]:
        """See `TrialStore`: what rank 0's file holds."""
        rows = list(keys)
        self._ranks.agree("rows", rows)
        return self._ranks.share(super().get(rows) if self._ranks.rank == 0 else {})

    def put(self, replies: Sequence[StoredReply]) -> bool:
        """See `TrialStore`: all ranks must have come to the same replies."""
        self._ranks.agree("replies", list(replies))
        return self._ranks.share(super().put(replies) if self._ranks.rank == 0 else False)

    def blob(self, name: str) -> bytes | None:
        """See `TrialStore`: what rank 0's file holds."""
        self._ranks.agree("steps", name)
        return self._ranks.share(super().blob(name) if self._ranks.rank == 0 else None)

    def put_blob(self, name: str, data: bytes) -> bytes:
        """See `TrialStore`: the value of rank 0 holds, down to the last bit."""
        self._ranks.agree("steps", name)
        held = self._ranks.share(data)
        if self._ranks.rank == 0:
            super().put_blob(name, held)
        return held

    def add_seconds(self, stage: str, seconds: float) -> None:
        """See `TrialStore`: rank 0's time is kept."""
        if self._ranks.rank == 0:
            super().add_seconds(stage, seconds)

    def seconds(self) -> dict[str, float]:
        """See `TrialStore`; nothing on other ranks."""
        return super().seconds() if self._ranks.rank == 0 else {}


def open_store(path: Path, audit: str, ranks: Ranks | None) -> TrialStore:
    """The store of an audit, mirrored where several ranks carry it out.

    Raises:
        AuditError: see `TrialStore`.
    """
    if ranks is None:
        return TrialStore(path, audit=audit)
    return MirroredStore(path, ranks, audit=audit)
