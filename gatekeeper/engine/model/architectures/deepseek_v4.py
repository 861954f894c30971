"""DeepSeek-V4: the first MoE layers are hash routers, a fixed table from token ids to experts.

Nothing chooses there, so nothing can be rerouted: those layers are listed, and never masked. Its
attention compresses windows of tokens counted from the start of the row, padding included, so
padding changes results (about 7e-4 in logits of order 1 on a tiny random model).
"""

from __future__ import annotations

from functools import partial

from gatekeeper.engine.model.architectures.default import find_sites
from gatekeeper.engine.model.sites import Architecture

ARCHITECTURE = Architecture(
    title="first layers route by a fixed table of token ids: listed, never masked",
    gate_bias_routes=True,
    pads=False,
    scores="own",
    find=partial(find_sites, routed=lambda router: not hasattr(router, "tid2eid")),
)
