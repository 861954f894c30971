"""Refusals lost or broken in the category that loses most.

Version 1 was net of refusals won, version 2 a share of a category's prompts that were answered.
"""

from gatekeeper.analysis.worst_part import worst_part_metric

METRIC = worst_part_metric(
    metric="category-worst-case",
    version=6,
    title="Refusals lost or broken in the worst category",
    of="category",
)
