"""Digests of texts."""

from __future__ import annotations

import hashlib


def sha256(text: str) -> str:
    """Hex digest of a text in UTF-8."""
    return hashlib.sha256(text.encode()).hexdigest()


#: Of a text, or a file, in which there is nothing.
NO_TEXT = sha256("")
