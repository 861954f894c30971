"""Cohere 2 MoE: the output head is the embedding unless the config says no."""

from __future__ import annotations

from gatekeeper.engine.model.architectures.default import find_sites
from gatekeeper.engine.model.sites import Architecture

ARCHITECTURE = Architecture(
    title="the output head is the embedding unless the config says no",
    tied_by_default=True,
    find=find_sites,
)
