"""As much of Ray as the engine uses, in this process and without a cluster."""

from __future__ import annotations

import signal
from types import SimpleNamespace


class RayError(Exception):
    pass


class ActorDiedError(RayError):
    pass


class _Method:
    def __init__(self, actor, name):
        self._actor, self._name = actor, name

    def remote(self, *arguments):
        return (self._actor, self._name, arguments)


class _Actor:
    def __init__(self, made):
        self._made, self.killed = made, False

    def __getattr__(self, name):
        return _Method(self, name)


class FakeRay:
    """A cluster.

    Args:
        resources: what it has, such as {"CPU": 2}.
        dying: how many actors die over their first call.
        hanging: whether no result is ever ready.
    """

    exceptions = SimpleNamespace(RayError=RayError)

    def __init__(self, resources, dying=0, hanging=False):
        self._resources, self._dying, self._hanging = resources, dying, hanging
        self.actors, self.options, self.address, self.running = [], [], None, False

    def init(self, address, **_options):
        if address == "nowhere":
            raise ConnectionError("could not find any running Ray instance")
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # as Ray does: its own handler
        self.address, self.running = address, True

    def shutdown(self):
        self.running = False

    def cluster_resources(self):
        return self._resources

    def remote(self, **options):
        self.options.append(options)

        def decorated(cls):
            def make(*arguments):
                actor = _Actor(cls(*arguments))
                self.actors.append(actor)
                return actor

            return SimpleNamespace(remote=make)

        return decorated

    def wait(self, results, timeout):
        return ([], results) if self._hanging else (results, [])

    def get(self, result):
        actor, name, arguments = result
        if actor.killed or self.actors.index(actor) < self._dying:
            raise ActorDiedError
        return getattr(actor._made, name)(*arguments)

    def kill(self, actor, no_restart):
        assert no_restart
        actor.killed = True
