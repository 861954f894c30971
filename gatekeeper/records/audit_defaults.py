"""What an audit does unless it is told otherwise, by options or by a policy."""

from __future__ import annotations

#: Tokens generated before a reply is judged.
WINDOW = 32
#: Resamples for the stability of a selection.
RESAMPLES = 1000
#: Rows that selectors may measure, where they need no more for the sizes asked for.
BUDGET = 20_000
#: Random masks per selector and size.
CONTROLS = 20
#: Mask sizes in experts.
KS = (1, 2, 4, 8)
#: Share of the seeds that select.
SELECTION_SHARE = 0.5
SEED = 0
JUDGE = "refusal-rules"
