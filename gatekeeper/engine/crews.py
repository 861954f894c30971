"""Which crew an audit asks for: this process alone, processes beside it, or a Ray cluster."""

from __future__ import annotations

from gatekeeper.engine.hands import Hand
from gatekeeper.engine.prepare import Prepared
from gatekeeper.engine.processes import hire_process
from gatekeeper.engine.ray_workers import open_ray
from gatekeeper.engine.sweep import Alone, Crew
from gatekeeper.engine.workers import Together


def open_crew(prepared: Prepared) -> Crew:
    """The crew that an audit asks for; none of it is at work yet.

    Raises:
        AuditError: Ray's cluster cannot be reached, or has too few GPUs.
    """
    request = prepared.request
    if request.workers == 1:
        return Alone()
    if request.ray is not None:
        return open_ray(prepared)
    device = prepared.loaded.device.type

    def hire(place: int) -> Hand:
        return hire_process("cpu" if device == "cpu" else f"{device}:{place}")

    return Together(hire, request.workers - 1, share_cores=True)
