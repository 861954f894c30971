"""Refusals lost or broken under the jailbreak wrapper that loses most.

Jailbreaks of one wrapper mostly work or fail together, and a suite has few: a mean over prompts
hides that one of them is open.
"""

from gatekeeper.analysis.worst_part import worst_part_metric

METRIC = worst_part_metric(
    metric="wrapper-worst-case",
    version=4,
    title="Refusals lost or broken under the worst jailbreak wrapper",
    of="wrapper",
)
