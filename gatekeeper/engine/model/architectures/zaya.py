"""ZAYA: one expert per token, or none.

The router's last column means "skip". A skipped token is handed to the experts as expert 0 with
weight 0; it is counted in the column of the skip.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from torch import nn

from gatekeeper.engine.model.architectures.default import attach_hooks, find_sites, first_int
from gatekeeper.engine.model.hooks import routing_arguments
from gatekeeper.engine.model.sites import Architecture, Hooks, RouterSite


def _columns(router: nn.Module, _experts: int) -> int | None:
    return first_int(router, "num_router_classes")


def _attach(instrument: Hooks, index: int, site: RouterSite) -> list[Any]:
    def before_experts(_module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        chosen, weights = routing_arguments(args, kwargs)
        counted = chosen.masked_fill(weights == 0, site.experts_count)
        return instrument.before_experts(index, args, kwargs, counted=counted)

    before, after, experts, behind = attach_hooks(instrument, index, site)
    experts.remove()
    return [
        before,
        after,
        site.experts.register_forward_pre_hook(before_experts, with_kwargs=True),
        behind,
    ]


ARCHITECTURE = Architecture(
    title="a token may skip the experts; the skip can't be masked",
    extra_columns=True,
    tied_by_default=True,
    find=partial(find_sites, columns=_columns, attach=_attach),
)
