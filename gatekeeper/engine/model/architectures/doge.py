"""Doge: product-key retrieval over thousands of single neurons, without an experts module."""

from __future__ import annotations

from gatekeeper.engine.model.sites import Architecture

ARCHITECTURE = Architecture(
    title="refused: retrieves single neurons by product keys",
    find=lambda _model: [],
    refused="its experts are single neurons retrieved by product keys, with no router to mask",
    remedy="Gatekeeper's question does not apply to this architecture",
)
