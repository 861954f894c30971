"""Lists facts of model families that can be told from checkpoints alone.

Each family that differs from the rest is one file in `engine/model/architectures/`. That file
imports torch, for its hooks, and this package does without: so the facts below are read from its
text, where they are written out as they are.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cache

from gatekeeper import catalog

#: Endings of a family's model types: the text part of it, or the whole around a text part.
_ENDINGS = ("", "_text", "_mm_model")


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """Facts of one family that need no torch.

    Attributes:
        title: what sets the family apart, for the catalog.
        extra_columns: whether its routers score more choices than there are routed experts: shared,
            skip or identity experts.
        gate_bias_routes: whether `gate.bias` in its checkpoints is the correction bias of the
            routing, which transformers keeps as a buffer. Elsewhere it is a weight.
        tied_by_default: whether the output head is the embedding unless the config says no.
        unpacks_mxfp4: whether transformers can unpack its MXFP4 experts while loading.
        scores: the format in which its attention writes down a score for every pair of tokens,
            `own` of the model or `float32`; empty where transformers runs it fused.
        refused: why the family cannot be audited, or None.
        remedy: what to do about it.
    """

    title: str
    extra_columns: bool = False
    gate_bias_routes: bool = False
    tied_by_default: bool = False
    unpacks_mxfp4: bool = False
    scores: str = ""
    refused: str | None = None
    remedy: str = ""


def entry_of(model_type: str) -> str:
    """The catalog's architecture for a model type: its own, that of its family, or the default."""
    known = catalog.names("architecture")
    stems = (model_type.removesuffix(ending).replace("_", "-") for ending in _ENDINGS)
    return next((stem for stem in stems if stem in known), "default")


@cache
def family(entry: str) -> Family:
    """The facts of an architecture of the catalog; nothing of it is imported."""
    return Family(**catalog.written("architecture", entry, [f.name for f in fields(Family)]))
