"""Workers that are processes of this machine, each with a device of its own."""

from __future__ import annotations

import multiprocessing
import os
import threading
from multiprocessing import connection
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING

from gatekeeper._process import ended, start_unhearing
from gatekeeper.engine.workers.spawn import WorkerLost
from gatekeeper.engine.workers.worker import Replica, Result
from gatekeeper.evidence.trial_store import StoredReply

if TYPE_CHECKING:
    from multiprocessing.context import SpawnProcess

#: Seconds that a killed process is waited for.
_GONE = 10.0


class ProcessWorker:
    """A started process that loads the model when the first task comes.

    Args:
        device: where it computes.
    """

    def __init__(self, device: str) -> None:
        # Not forked: threads and CUDA do not survive that.
        context = multiprocessing.get_context("spawn")
        self._line, far = context.Pipe()
        self._process: SpawnProcess = context.Process(
            target=_work, args=(far, device), daemon=True, name=f"gatekeeper {device}"
        )
        start_unhearing(self._process)
        far.close()

    @property
    def pid(self) -> int | None:
        """The number of the process."""
        return self._process.pid

    def ask(self, task: bytes, patience: float) -> list[StoredReply]:
        """See `spawn.Worker`."""
        try:
            self._line.send_bytes(task)
            if not self._line.poll(patience):
                raise WorkerLost(f"no answer in {patience:.0f} s")
            answer: Result = self._line.recv()
        except (EOFError, OSError) as error:
            self._process.join(_GONE)
            code = self._process.exitcode
            raise WorkerLost("its pipe broke" if code is None else ended(code)) from error
        return answer.unwrap()

    def close(self) -> None:
        """See `spawn.Worker`."""
        if self._process.is_alive():
            self._process.kill()
        self._process.join(_GONE)


def spawn_process(device: str) -> ProcessWorker:
    """A worker on a device: `cpu`, or `cuda:1`."""
    return ProcessWorker(device)


def _work(line: Connection, device: str) -> None:
    """Runs in the process: answers each task, until the driver goes away."""
    threading.Thread(target=_follow_parent, daemon=True).start()
    replica = Replica(device)
    while True:
        try:
            task = line.recv_bytes()
        except (EOFError, OSError):
            return
        line.send(replica.answer(task))


def _follow_parent() -> None:
    """Ends this process when the driver ends, whatever ended that: no orphan holds a GPU."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        connection.wait([parent.sentinel])
        os._exit(1)
