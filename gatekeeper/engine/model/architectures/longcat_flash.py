"""LongCat-Flash: the router may also pick identity experts, which pass the token through.

They are columns behind those of the routed experts, have no weights of their own to lose, and can't
be masked. The stacked up-projection has rows for them all the same; the down-projection does not.
"""

from __future__ import annotations

from functools import partial

from torch import nn

from gatekeeper.engine.model.architectures.default import find_sites, first_int
from gatekeeper.engine.model.sites import Architecture


def _count(module: nn.Module) -> int | None:
    down = getattr(module, "down_proj", None)
    stacked = isinstance(down, nn.Parameter) and down.dim() == 3
    return first_int(module, "num_routed_experts") if stacked else None


def _columns(router: nn.Module, _experts: int) -> int | None:
    return first_int(router, "n_routed_experts")


ARCHITECTURE = Architecture(
    title="the router may also pick identity experts, which can't be masked",
    extra_columns=True,
    find=partial(find_sites, count=_count, columns=_columns),
)
