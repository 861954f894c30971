"""The checkpoint and the model in it, as described without running it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

#: The chat template, where a checkpoint has it in a file of its own: the first counts.
TEMPLATES = ("additional_chat_templates/default.jinja", "chat_template.jinja")


class ExpertId(NamedTuple):
    """One routed expert. `layer` counts decoder layers from 0 (not MoE layers)."""

    layer: int
    expert: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckpointRef:
    """Which bytes were audited.

    Attributes:
        source: the path or name as given, without the directories above it.
        revision: a commit or tag, when the caller told one.
        files: sha256 (hex) of every file of the checkpoint, by name.
    """

    source: str
    revision: str | None
    files: Mapping[str, str]

    @property
    def digest(self) -> str:
        """`sha256:` over the sorted `<hash>  <name>` lines, as `sha256sum` prints them."""
        lines = "".join(f"{self.files[name]}  {name}\n" for name in sorted(self.files))
        return "sha256:" + hashlib.sha256(lines.encode()).hexdigest()

    @property
    def template_sha256(self) -> str | None:
        """Digest (hex) of the chat template's file, if it has one of its own."""
        return next((self.files[name] for name in TEMPLATES if name in self.files), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class MoeSite:
    """One MoE layer: `experts` routed experts of which `top_k` work on a token.

    Attributes:
        shared: experts that see every token, always on.
        routing: `learned`, or `table` where a fixed table from token ids to experts decides:
            nothing can be rerouted there, so such a layer is never masked.
    """

    layer: int
    path: str
    experts: int
    top_k: int
    shared: int
    routing: str = "learned"


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelDescription:
    """What a model is, read from its config and tensor headers.

    Attributes:
        parameters: all parameters; tied ones once.
        active_parameters: those that work on one token (top-k of the routed experts).
        context_length: longest sequence in tokens, if the config tells.
    """

    model_type: str
    architecture: str
    dtype: str
    layers: int
    sites: tuple[MoeSite, ...]
    parameters: int
    active_parameters: int
    context_length: int | None

    @property
    def is_moe(self) -> bool:
        """Whether anything is routed at all."""
        return bool(self.sites)

    @property
    def maskable_sites(self) -> tuple[MoeSite, ...]:
        """The layers whose router can be kept from an expert."""
        return tuple(site for site in self.sites if site.routing == "learned")

    @property
    def maskable_experts(self) -> int:
        """Experts that a mask can hold: the largest k there is."""
        return sum(site.experts for site in self.maskable_sites)

    @property
    def routed_experts(self) -> int:
        """Routed experts over all layers."""
        return sum(site.experts for site in self.sites)
