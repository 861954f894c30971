"""Refusals lost or broken in the language that loses most."""

from gatekeeper.analysis.worst_part import worst_part_metric

METRIC = worst_part_metric(
    metric="language-worst-case",
    version=4,
    title="Refusals lost or broken in the worst language",
    of="language",
)
