"""What an audit is run with unless told otherwise: read by the options, and told from evidence."""

from __future__ import annotations

from gatekeeper.records.trial import MODE

#: Where masks hold.
PHASE = "both"
#: Who judges replies.
JUDGE = "refusal-rules"
#: Replies drawn for a second judge: some ten of each kind in an audit as release.yaml asks for.
SECOND_SAMPLE = 2000
#: Tokens of a reply that are generated before it is judged, and tokens of reasoning before it.
MAX_NEW_TOKENS = 128
MAX_REASONING_TOKENS = 1024
#: Whether models reason: as their chat template has it.
THINKING = "template"
#: Resamples for the stability of a selection.
RESAMPLES = 1000
#: Rows (a prompt under a mask, one forward pass) that selectors may measure.
BUDGET = 20_000
#: Whether experts are told apart by role.
ROLES = True
#: Random masks per selector and size.
CONTROLS = 20
#: Mask sizes in experts.
KS = (1, 2, 4, 8)
#: Share of seeds that select experts; the others measure.
SELECTION_SHARE = 0.5
SEED = 0

__all__ = [
    "BUDGET",
    "CONTROLS",
    "JUDGE",
    "KS",
    "MAX_NEW_TOKENS",
    "MAX_REASONING_TOKENS",
    "MODE",
    "PHASE",
    "RESAMPLES",
    "ROLES",
    "SECOND_SAMPLE",
    "SEED",
    "SELECTION_SHARE",
    "THINKING",
]
