"""Stored findings held against the evidence they came from."""

from __future__ import annotations

import math

from gatekeeper.errors import EvidenceError
from gatekeeper.metrics import measure_all
from gatekeeper.records.evidence import Evidence
from gatekeeper.records.finding import Finding, Missing

#: Another machine's logarithm or sine may differ in the last bits, and a root then too.
_TOLERANCE = 1e-6

_Key = tuple[str, int, tuple[tuple[str, str | int], ...]]


def recheck_findings(evidence: Evidence) -> int:
    """Measures every stored finding again and compares; returns how many were compared.

    A stored finding of a metric version that this Gatekeeper does not have cannot be compared, and
    is not counted.

    Raises:
        EvidenceError: a finding does not follow from the trials.
    """
    current = {_key(f): f for f in measure_all(evidence)}
    stored = {_key(f): f for f in evidence.findings}
    versions = {(metric, version) for metric, version, _ in current}
    compared = 0
    for key, finding in stored.items():
        if key not in current and (key[0], key[1]) not in versions:
            continue
        if key not in current or not _equal(finding, current[key]):
            raise EvidenceError(
                f"the stored finding {finding.metric} does not follow from the trials",
                where="evidence.json",
                remedy="do not trust this bundle; get it again from where the audit wrote it",
            )
        compared += 1
    return compared


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


def _key(finding: Finding | Missing) -> _Key:
    return finding.metric, finding.version, finding.subject.items()


def _equal(a: Finding | Missing, b: Finding | Missing) -> bool:
    if isinstance(a, Missing) or isinstance(b, Missing):
        return isinstance(a, Missing) and isinstance(b, Missing)
    pairs = (
        (a.value, b.value),
        (a.interval.low, b.interval.low),
        (a.interval.high, b.interval.high),
        (a.p_value if a.p_value is not None else -1, b.p_value if b.p_value is not None else -1),
    )
    same = all(math.isclose(x, y, rel_tol=_TOLERANCE, abs_tol=_TOLERANCE) for x, y in pairs)
    return same and (a.n, a.clusters, a.unit) == (b.n, b.clusters, b.unit)
