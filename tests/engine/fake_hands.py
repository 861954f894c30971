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

    def _model(self, _order):
        return self._given


class FakeHand:
    """A replica without a process.

    Args:
        loaded: its own model, computed with in place of a checkpoint on disk.
        behave: called with the number of the order (from 0) before it is carried out; may raise.
    """

    def __init__(self, loaded, behave=lambda _: None):
        self._replica = Loaded(loaded)
        self._behave, self.asked, self.closed = behave, 0, False

    def ask(self, order, patience):
        if self.closed:
            raise WorkerLost("closed")
        number, self.asked = self.asked, self.asked + 1
        self._behave(number)
        return self._replica.answer(order).unwrap()

    def close(self):
        self.closed = True


class Office:
    """Hires fake hands, each with a model of its own, and keeps count of them."""

    def __init__(self, behave=lambda _hand, _order: None):
        self._behave = behave
        self.hands = []
        self._lock = threading.Lock()

    def hire(self, place):
        with self._lock:
            number = len(self.hands)
            hand = FakeHand(loaded_with("mixtral", 7), lambda order: self._behave(number, order))
            self.hands.append(hand)
            return hand
