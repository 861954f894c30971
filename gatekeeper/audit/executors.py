"""Which executor an audit asks for: this process alone, processes beside it, or a Ray cluster."""

from __future__ import annotations

from gatekeeper.audit.prepare import Prepared
from gatekeeper.engine.generate.sweep import Executor, LocalExecutor
from gatekeeper.engine.workers.local import spawn_process
from gatekeeper.engine.workers.pool import PoolExecutor
from gatekeeper.engine.workers.ray import Expected, open_ray
from gatekeeper.engine.workers.spawn import Worker


def open_executor(prepared: Prepared) -> Executor:
    """The executor that an audit asks for; none of it is at work yet.

    Raises:
        AuditError: Ray's cluster cannot be reached, or has too few GPUs.
    """
    request, device = prepared.request, prepared.loaded.device.type
    if request.execution.workers == 1:
        return LocalExecutor()
    if request.execution.ray is not None:
        digest, versions = prepared.reference.digest, prepared.settings.versions
        expected = Expected(device=device, digest=digest, versions=versions)
        return open_ray(request.execution.ray, request.execution.workers, expected)

    def spawn(place: int) -> Worker:
        return spawn_process("cpu" if device == "cpu" else f"{device}:{place}")

    return PoolExecutor(spawn, request.execution.workers - 1, share_cores=True)
