"""One file per family that is an exception to `default.py`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gatekeeper import catalog
from gatekeeper.checkpoint.families import entry_of

if TYPE_CHECKING:  # it needs torch, and the catalog lists this folder without
    from gatekeeper.engine.model.sites import Architecture


def architecture_of(model_type: str) -> Architecture:
    """The architecture of a model type, or of the family it is a part of, or the default."""
    architecture: Architecture = catalog.load("architecture", entry_of(model_type))
    return architecture
