"""Into how many categories, languages and wrappers the prompts of a set fall."""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import MappingProxyType

from gatekeeper.records.finding import PARTS as SUBJECT_PARTS
from gatekeeper.records.finding import Subject

#: Categories, languages and jailbreak wrappers where nobody says how many a suite has; the core
#: suite has as many.
PARTS: Mapping[str, int] = {"category": 10, "language": 2, "wrapper": 6}
_NOTHING: Mapping[tuple[str, str], int] = MappingProxyType({})


def parts_of(subject: Subject, parts: Mapping[tuple[str, str], int] = _NOTHING) -> int:
    """Into how many parts a set falls, of which a subject is about one, or about each; else 1."""
    kinds = [of for of in SUBJECT_PARTS if getattr(subject, of) or subject.each == of]
    name = subject.set or "regular"
    return math.prod(max(1, parts.get((name, of), PARTS[of])) for of in kinds)
