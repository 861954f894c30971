"""Switch Transformers: encoder-decoder, with capacity limits that drop tokens."""

from __future__ import annotations

from gatekeeper.engine.model.sites import Architecture

ARCHITECTURE = Architecture(
    title="refused: encoder-decoder",
    find=lambda _model: [],
    refused="an encoder-decoder whose experts drop tokens over their capacity, no chat model",
    remedy="Gatekeeper audits decoder-only chat models",
)
