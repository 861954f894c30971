"""Token windows that routing is counted over."""

from __future__ import annotations

#: `prompt`: every valid prompt token. `decision`: the last prompt tokens, at which the reply is
#: decided. `generated`: the tokens of the unmasked reply that were fed back (all but the last,
#: which is never routed).
WINDOWS = ("prompt", "decision", "generated")
