"""Hands that compute here and die, hang or fail when told to."""

from __future__ import annotations

import threading

from gatekeeper.engine.workers.spawn import WorkerLost
from gatekeeper.engine.workers.worker import Replica
from tests.engine.tiny_loaded import loaded_with


class Loaded(Replica):
    """A replica whose model is there already."""

    def __init__(self, loaded):
        super().__init__("cpu")
        self._given = loaded

    def loaded_for(self, _task):
        return self._given


class FakeWorker:
    """A replica without a process.

    Args:
        loaded: its own model, computed with in place of a checkpoint on disk.
        behave: called with the number of the task (from 0) before it is carried out; may raise.
    """

    def __init__(self, loaded, behave=lambda _: None):
        self._replica = Loaded(loaded)
        self._behave, self.asked, self.closed = behave, 0, False

    def ask(self, task, patience):
        if self.closed:
            raise WorkerLost("closed")
        number, self.asked = self.asked, self.asked + 1
        self._behave(number)
        return self._replica.answer(task).unwrap()

    def close(self):
        self.closed = True


class Office:
    """Spawns fake workers, each with a model of its own, and keeps count of them."""

    def __init__(self, behave=lambda _worker, _task: None):
        self._behave = behave
        self.others = []
        self._lock = threading.Lock()

    def spawn(self, place):
        with self._lock:
            number = len(self.others)
            worker = FakeWorker(loaded_with("mixtral", 7), lambda task: self._behave(number, task))
            self.others.append(worker)
            return worker
