"""Inkling 2: `gate.bias` in its checkpoints is the correction bias of the routing, no weight."""

from __future__ import annotations

from gatekeeper.engine.model.architectures.default import find_sites
from gatekeeper.engine.model.sites import Architecture

ARCHITECTURE = Architecture(
    title="`gate.bias` is the correction bias of the routing",
    gate_bias_routes=True,
    scores="float32",
    find=find_sites,
)
