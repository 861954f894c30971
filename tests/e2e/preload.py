"""Imports what commands import, once, in the process that `tests.e2e.cli` forks them from.

An audit imports for five seconds before it begins, and most commands here then take one.
"""

from __future__ import annotations

import gc
import importlib
import pkgutil

import transformers.models.auto.tokenization_auto
import transformers.models.qwen3_moe.modeling_qwen3_moe
import weasyprint  # noqa: F401

import gatekeeper

#: Not on their import: what is a script, and what needs a package that may be missing.
_LEFT_OUT = ("gatekeeper.__main__", "gatekeeper._bundled", "gatekeeper.engine.workers.ray")

for found in pkgutil.walk_packages(gatekeeper.__path__, "gatekeeper."):
    if not found.name.startswith(_LEFT_OUT):
        importlib.import_module(found.name)

# What is here stays as long as the process: no collection after a fork need look at it again.
gc.freeze()
