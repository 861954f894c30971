"""Several replicas share the shards of a sweep: one here, the others wherever a worker can be had.

A shard is the same whoever computes it, so it can be handed out again when a worker dies. Workers
hold nothing that is not also in the store or in the plan; only the driver, this process, writes.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from functools import partial

import torch

from gatekeeper.engine.generate.row_plan import Row, SweepSettings
from gatekeeper.engine.generate.sweep import run_shard
from gatekeeper.engine.model.hooks import Instrument
from gatekeeper.engine.model.load import LoadedModel
from gatekeeper.engine.workers.spawn import Spawn, Worker, WorkerLost
from gatekeeper.engine.workers.work_queue import Shard, WorkQueue
from gatekeeper.engine.workers.worker import make_task
from gatekeeper.errors import AuditError
from gatekeeper.evidence.trial_store import StoredReply

#: Times that a shard is handed out again after it was lost with a worker.
RETRIES = 3

#: Seconds that a shard may take before its worker counts as stuck: as many at least, and twenty
#: times the longest shard so far.
_PATIENCE = 600.0
#: Seconds more for one that has to load its model first.
_LOADING = 3600.0

_LOG = logging.getLogger(__name__)

_Task = Callable[[Sequence[Row]], bytes]
_Replies = queue.SimpleQueue[list[StoredReply] | BaseException]


class PoolExecutor:
    """This process and workers elsewhere: each takes the next shard when it is done with one.

    Args:
        spawn: makes a worker; called again for the place of one that was lost.
        others: how many workers beside this process.
        share_cores: whether they compute on this machine's cores if on any.
        patience: see `_PATIENCE`.
    """

    def __init__(
        self, spawn: Spawn, others: int, *, share_cores: bool, patience: float = _PATIENCE
    ) -> None:
        self._spawn, self._share = spawn, share_cores
        self._workers: list[Worker | None] = [None] * others
        self._patience, self._longest = patience, 0.0
        self._stopped = threading.Event()

    def run(
        self, loaded: LoadedModel, shards: Sequence[Sequence[Row]], settings: SweepSettings
    ) -> Generator[list[StoredReply], None, None]:
        """See `Executor`."""
        work_queue = WorkQueue([Shard(rows=rows) for rows in shards])
        replies: _Replies = queue.SimpleQueue()
        self._stopped.clear()
        with self._cores(loaded) as threads:
            task = partial(make_task, loaded, settings, threads)
            # The driver takes one itself: more workers than the rest would have nothing to do.
            places = range(min(len(self._workers), max(0, len(shards) - 1)))
            helpers = [
                threading.Thread(
                    target=self._serve, args=(place, work_queue, replies, task), daemon=True
                )
                for place in places
            ]
            for helper in helpers:
                helper.start()
            try:
                yield from self._drive(loaded, work_queue, replies, settings)
            finally:
                self._finish(work_queue, helpers)

    def _drive(
        self, loaded: LoadedModel, work_queue: WorkQueue, replies: _Replies, settings: SweepSettings
    ) -> Iterator[list[StoredReply]]:
        """Yields what comes in, and computes a shard whenever nothing waits to be kept."""
        with Instrument(loaded.sites) as instrument:
            while work_queue.open:
                try:
                    result = replies.get_nowait()
                except queue.Empty:
                    shard = work_queue.take_untried()
                    if shard is not None:
                        result = run_shard(loaded, instrument, shard.rows, settings)
                    else:
                        result = replies.get()
                if isinstance(result, BaseException):
                    raise result
                yield result
                work_queue.done()

    def _serve(self, place: int, work_queue: WorkQueue, replies: _Replies, task: _Task) -> None:
        """Computes shards at one place, in a thread; the driver hears of what fails."""
        try:
            while (shard := work_queue.take()) is not None:
                try:
                    replies.put(self._ask(place, task(shard.rows)))
                except WorkerLost as lost:
                    self._let_go(place)
                    if self._stopped.is_set():
                        return
                    shard.losses += 1
                    if shard.losses > RETRIES:
                        raise _lost_too_often(shard, lost) from lost
                    # An audit that goes on, but slower, and that may soon go on no more.
                    _LOG.warning("gatekeeper: warning: %s", _lost_once(shard, lost))
                    work_queue.give_back(shard)
        except BaseException as error:  # the driver raises it
            replies.put(error)

    def _ask(self, place: int, task: bytes) -> list[StoredReply]:
        """One shard's replies from one place."""
        begun, patience = time.monotonic(), max(self._patience, 20 * self._longest)
        worker = self._workers[place]
        if worker is None:
            return self._engage(place).ask(task, patience + _LOADING)
        replies = worker.ask(task, patience)
        self._longest = max(self._longest, time.monotonic() - begun)
        return replies

    def _engage(self, place: int) -> Worker:
        """A new worker for a place, unless all were told to stop in the meantime."""
        worker = self._workers[place] = self._spawn(place + 1)
        if self._stopped.is_set():
            self._let_go(place)
        return worker

    def _finish(self, work_queue: WorkQueue, helpers: Sequence[threading.Thread]) -> None:
        """Ends a sweep: workers stay for the next one, but after an error all are let go."""
        if work_queue.open:
            self._stopped.set()
            work_queue.stop()
            self.close()
        for helper in helpers:
            helper.join(timeout=60)

    @contextmanager
    def _cores(self, loaded: LoadedModel) -> Iterator[int]:
        """This process's share of the cores while the others compute beside it."""
        before = torch.get_num_threads()
        share = before
        if self._share and loaded.device.type == "cpu":
            share = max(1, before // (len(self._workers) + 1))
            torch.set_num_threads(share)
        try:
            yield share
        finally:
            torch.set_num_threads(before)

    def _let_go(self, place: int) -> None:
        worker, self._workers[place] = self._workers[place], None
        if worker is not None:
            worker.close()

    def close(self) -> None:
        """Ends all workers, also in the middle of a shard."""
        for place in range(len(self._workers)):
            self._let_go(place)


def _lost_once(shard: Shard, lost: WorkerLost) -> str:
    return (
        f"a worker was lost ({lost}); its {len(shard.rows)} rows are handed out again, "
        f"{shard.losses} of at most {RETRIES} times"
    )


def _lost_too_often(shard: Shard, lost: WorkerLost) -> AuditError:
    return AuditError(
        f"a worker was lost {shard.losses} times over the same {len(shard.rows)} rows: {lost}",
        remedy="out of memory? Give fewer --batch-rows or --workers and run the same command "
        "again: finished rows are kept",
    )
