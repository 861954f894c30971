"""Sweeps whose replies are judged by rules, as an audit does it."""

from __future__ import annotations

from gatekeeper import catalog
from gatekeeper.engine.generate.sweep import judged
from gatekeeper.engine.generate.sweep import sweep as sweep_replies


def sweep(*arguments, **options):
    replies, count = sweep_replies(*arguments, **options)
    return judged(replies, catalog.load("judge", "refusal-rules")), count
