"""Imports what commands import, once, in the process that `tests.e2e.cli` forks them from.

An audit imports for five seconds before it begins, and most commands here then take one.
"""

from __future__ import annotations

import gc
import importlib
import pkgutil

import gatekeeper

#: The demo's family, and what reports are made with.
_OTHERS = (
    "transformers.models.auto.tokenization_auto",
    "transformers.models.qwen3_moe.modeling_qwen3_moe",
    "weasyprint",
)
#: Not to be imported: what is a script, and what needs a package that may be missing.
_LEFT_OUT = ("gatekeeper.__main__", "gatekeeper._bundled", "gatekeeper.engine.workers.ray")

for name in _OTHERS:
    importlib.import_module(name)
for found in pkgutil.walk_packages(gatekeeper.__path__, "gatekeeper."):
    if not found.name.startswith(_LEFT_OUT):
        importlib.import_module(found.name)

# What is here stays as long as the process: no collection after a fork need look at it again.
gc.freeze()
