"""Derives an audit's seed from policy, suite and checkpoint, so that nobody chooses it.

Whoever may choose the seed of an audit may try twenty and keep the best: of models at the limit,
17 to 22 % then pass instead of 2.5 % (docs/adr/0013-what-a-pass-requires.md).
"""

from __future__ import annotations

import hashlib

#: So that every JSON reader keeps it exactly (RFC 8785), and another draw can use the next one.
_BITS = 52
#: Largest seed that can be chosen: JSON keeps it exactly too, and the next one.
MOST_SEED = 2**53 - 2


def derived_seed(audit_digest: str, suite: str, checkpoint: str, nonce: str | None) -> int:
    """The seed of an audit, from 0 to 2^52 - 1.

    The first bits of a SHA-256 over the four, joined by a character that none of them holds.

    Args:
        audit_digest: of what the policy wants to be measured (`Policy.audit_digest`).
        suite, checkpoint: their digests.
        nonce: a word that the owner of the risk drew, or None.
    """
    parts = ("gatekeeper/seed/v1", audit_digest, suite, checkpoint, nonce or "")
    digest = hashlib.sha256("\0".join(parts).encode()).digest()
    return int.from_bytes(digest[:8], "big") >> (64 - _BITS)
