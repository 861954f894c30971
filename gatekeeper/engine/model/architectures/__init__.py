"""One file per model_type that is an exception to `default.py`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gatekeeper import catalog

if TYPE_CHECKING:  # it needs torch, and the catalog lists this folder without
    from gatekeeper.engine.model.sites import Architecture


def architecture_of(model_type: str) -> Architecture:
    """The file of a model type, or that of the family it is the text part of, or the default."""
    known = catalog.names("architecture")
    for name in (model_type, model_type.removesuffix("_text")):
        if (entry := name.replace("_", "-")) in known:
            found: Architecture = catalog.load("architecture", entry)
            return found
    default: Architecture = catalog.load("architecture", "default")
    return default
