"""Flint: scores of attention in float32, with sinks: transformers has no fused kernel."""

from __future__ import annotations

from gatekeeper.engine.model.architectures.default import find_sites
from gatekeeper.engine.model.sites import Architecture

ARCHITECTURE = Architecture(
    title="attention with sinks, which writes every score down",
    scores="float32",
    find=find_sites,
)
