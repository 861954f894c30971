"""Inkling: the router scores the shared experts too, in its last columns.

They share the normalisation of the weights, but are always on: they can't be masked.
"""

from __future__ import annotations

from functools import partial

from torch import nn

from gatekeeper.engine.model.architectures.default import find_sites, first_int
from gatekeeper.engine.model.sites import Architecture


def _columns(router: nn.Module, _experts: int) -> int | None:
    return first_int(router, "n_total_experts")


ARCHITECTURE = Architecture(
    title="the router's last columns are the shared experts, which are always on",
    extra_columns=True,
    gate_bias_routes=True,
    find=partial(find_sites, columns=_columns),
)
