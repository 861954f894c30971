"""Hunyuan V4: attention has sinks, and no fused kernel."""

from __future__ import annotations

from gatekeeper.engine.model.architectures.default import find_sites
from gatekeeper.engine.model.sites import Architecture

ARCHITECTURE = Architecture(
    title="attention with sinks, which writes every score down",
    scores="own",
    find=find_sites,
)
