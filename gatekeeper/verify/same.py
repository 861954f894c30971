"""Compares two pieces of JSON."""

from __future__ import annotations

import math

#: Another machine's logarithm or sine may differ in the last bits, and a root then too.
_TOLERANCE = 1e-6


def same_data(stored: object, derived: object) -> bool:
    """Whether two pieces of JSON say the same: numbers to the last few bits, all else exactly."""
    if isinstance(stored, dict) and isinstance(derived, dict):
        return stored.keys() == derived.keys() and all(
            same_data(value, derived[key]) for key, value in stored.items()
        )
    if isinstance(stored, list) and isinstance(derived, list):
        pairs = zip(stored, derived, strict=False)
        return len(stored) == len(derived) and all(same_data(x, y) for x, y in pairs)
    if isinstance(stored, float) or isinstance(derived, float):
        numbers = (stored, derived)
        if any(isinstance(x, bool) or not isinstance(x, int | float) for x in numbers):
            return False
        return math.isclose(stored, derived, rel_tol=_TOLERANCE, abs_tol=_TOLERANCE)  # type: ignore[arg-type]
    return type(stored) is type(derived) and stored == derived
