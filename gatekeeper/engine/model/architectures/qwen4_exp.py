"""Qwen4-Exp: positions of all rows are kept on one layer of the cache for the whole model.

A cache with a line per group below the first mask and a line per row above it would need two of
them, so prefixes are not shared.
"""

from __future__ import annotations

from gatekeeper.engine.model.architectures.default import find_sites
from gatekeeper.engine.model.sites import Architecture

ARCHITECTURE = Architecture(
    title="one layer of the cache keeps positions for all: no shared prefixes",
    find=find_sites,
    shares=False,
)
