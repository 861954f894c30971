"""The interface through which a driver knows a worker elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from gatekeeper.evidence.trial_store import StoredReply


class WorkerLost(Exception):  # noqa: N818 - told as an AuditError, if it happens too often
    """A worker died or does not answer; nothing but its shard is lost."""


class Worker(Protocol):
    """One worker elsewhere."""

    def ask(self, task: bytes, patience: float) -> list[StoredReply]:
        """The replies to a task of `worker.make_task`.

        Raises:
            WorkerLost: it died, or gave no answer within so many seconds.
            AuditError: what it could not do.
        """

    def close(self) -> None:
        """Ends the worker, even in mid-shard; safe to call twice and from another thread."""


#: Makes the worker of a place: 1 is the first beside this process.
Spawn = Callable[[int], Worker]
