"""The queue in which shards wait for whoever is free next."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from gatekeeper.engine.generate.row_plan import Row


@dataclass(slots=True, kw_only=True, eq=False)
class Shard:
    """Rows to compute; `losses`: workers that were lost over them."""

    rows: Sequence[Row]
    losses: int = 0


class WorkQueue:
    """Shards that wait, and how many have no replies yet. Threads share it."""

    def __init__(self, shards: Sequence[Shard]) -> None:
        self._waiting = deque(shards)
        self._open = len(shards)
        self._change = threading.Condition()

    def take(self) -> Shard | None:
        """The next shard; waits while others may still come back, None when all are done."""
        with self._change:
            while self._open and not self._waiting:
                self._change.wait()
            return self._waiting.popleft() if self._open else None

    def take_untried(self) -> Shard | None:
        """A shard that no worker was lost over, if one waits.

        For the driver: what kills a worker would kill it too.
        """
        with self._change:
            for shard in self._waiting:
                if not shard.losses:
                    self._waiting.remove(shard)
                    return shard
        return None

    def give_back(self, shard: Shard) -> None:
        """Puts a shard back, before the others."""
        with self._change:
            self._waiting.appendleft(shard)
            self._change.notify()

    def done(self) -> None:
        """Notes that a shard has its replies."""
        with self._change:
            self._open -= 1
            self._change.notify_all()

    def stop(self) -> None:
        """Lets nobody take another shard."""
        with self._change:
            self._open = 0
            self._change.notify_all()

    @property
    def open(self) -> int:
        """How many shards have no replies yet."""
        with self._change:
            return self._open
