"""NLLB-MoE: an encoder-decoder for translation."""

from __future__ import annotations

from gatekeeper.engine.model.sites import Architecture

ARCHITECTURE = Architecture(
    title="refused: encoder-decoder",
    find=lambda _model: [],
    refused="an encoder-decoder for translation, which refuses nothing",
    remedy="Gatekeeper audits decoder-only chat models",
)
