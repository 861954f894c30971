"""Workers that are actors of a Ray cluster, a GPU each. Ray is an extra: imported here only.

Another host may hold another checkpoint at the same path, or other packages: an actor that would
compute something else is refused before its first row.
"""

from __future__ import annotations

import signal
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gatekeeper.checkpoint.open import open_checkpoint
from gatekeeper.engine.generate.sweep import Executor
from gatekeeper.engine.versions import versions
from gatekeeper.engine.workers.pool import PoolExecutor
from gatekeeper.engine.workers.spawn import Worker, WorkerLost
from gatekeeper.engine.workers.worker import Replica, Result
from gatekeeper.errors import AuditError, excerpt
from gatekeeper.evidence.trial_store import StoredReply


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """The versions, checkpoint and device of the driver, which an actor must have too.

    Attributes:
        device: kind of device, `cuda` or `cpu`.
        digest: of the checkpoint.
        versions: of what numbers hang on (`engine.versions`).
    """

    device: str
    digest: str
    versions: Mapping[str, str]


class FarReplica:
    """The replica in an actor, which makes sure first that it computes the same.

    Args:
        device: `cuda` is the GPU that Ray gave it.
        digest: of the driver's checkpoint; `wanted`: its versions of what numbers hang on.
    """

    def __init__(self, device: str, digest: str, wanted: Mapping[str, str]) -> None:
        self._digest, self._wanted = digest, dict(wanted)
        self._replica = Replica(device, self._check)

    def answer(self, task: bytes) -> Result:
        """See `Replica.answer`."""
        return self._replica.answer(task)

    def _check(self, path: Path) -> None:
        other = {n: v for n, v in versions().items() if v != self._wanted.get(n)}
        if other:
            name, version = next(iter(other.items()))
            raise AuditError(
                f"a host of the cluster has {name} {version}, the driver {self._wanted.get(name)}",
                remedy="install the same versions on every host",
            )
        if open_checkpoint(path).reference().digest != self._digest:
            raise AuditError(
                "a host of the cluster has another checkpoint at this path",
                where=path.name,
                remedy="put the same files at the same path on every host",
            )


class RayWorker:
    """An actor; Ray starts it as soon as a host has a GPU to give.

    Args:
        ray: the module.
        gpus, cpus: what it takes.
    """

    def __init__(self, ray: Any, expected: Expected, *, gpus: float, cpus: int) -> None:
        self._ray = ray
        actor = ray.remote(num_gpus=gpus, num_cpus=cpus, max_restarts=0)(FarReplica)
        self._actor = actor.remote(expected.device, expected.digest, dict(expected.versions))

    def ask(self, task: bytes, patience: float) -> list[StoredReply]:
        """See `spawn.Worker`."""
        result = self._actor.answer.remote(task)
        ready, _ = self._ray.wait([result], timeout=patience)
        if not ready:
            raise WorkerLost(f"no answer in {patience:.0f} s")
        try:
            answer: Result = self._ray.get(result)
        except self._ray.exceptions.RayError as error:
            raise WorkerLost(type(error).__name__) from error
        return answer.unwrap()

    def close(self) -> None:
        """See `spawn.Worker`."""
        self._ray.kill(self._actor, no_restart=True)


def open_ray(address: str, workers: int, expected: Expected) -> Executor:
    """An executor of this process and actors of a cluster.

    Args:
        workers: this process among them.

    Raises:
        AuditError: the cluster cannot be reached, or has too few GPUs.
    """
    ray = _connect(address)
    others = workers - 1
    kind = "CPU" if expected.device == "cpu" else "GPU"
    available = int(ray.cluster_resources().get(kind, 0))
    if available < others:
        ray.shutdown()
        raise AuditError(
            f"--workers {others + 1} needs {others} {kind}s of the Ray cluster beside this "
            f"process, it has {available}",
            remedy=f"give --workers {available + 1} or fewer, or add hosts",
        )
    gpus, cpus = (0, 1) if kind == "CPU" else (1, 1)

    def spawn(_place: int) -> Worker:
        return RayWorker(ray, expected, gpus=gpus, cpus=cpus)

    return _OnRay(ray, PoolExecutor(spawn, others, share_cores=False))


class _OnRay:
    """An executor that leaves the cluster when it is let go."""

    def __init__(self, ray: Any, executor: PoolExecutor) -> None:
        self._ray, self._executor = ray, executor
        self.run = executor.run

    def close(self) -> None:
        """See `sweep.Executor`."""
        self._executor.close()
        self._ray.shutdown()


def _connect(address: str) -> Any:
    """Connects to the cluster, and gives the ray module.

    Raises:
        AuditError: there is no cluster at the address.
    """
    import ray

    # Ray takes the signals of a driver for itself; ours end an audit in one line.
    numbers = (signal.SIGINT, signal.SIGTERM)
    ours = {number: signal.getsignal(number) for number in numbers}
    try:
        ray.init(address=address, log_to_driver=False, logging_level="ERROR")
    except (ConnectionError, ValueError, RuntimeError) as error:
        raise AuditError(
            f"no Ray cluster at {excerpt(address)}: {excerpt(error)}",
            remedy="start one with `ray start --head`, or give its HOST:PORT",
        ) from error
    finally:
        for number, handler in ours.items():
            signal.signal(number, handler)
    return ray
