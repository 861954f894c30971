from __future__ import annotations

import gzip
import json

import pytest

from gatekeeper.errors import EvidenceError
from gatekeeper.evidence.trials_io import trials_from_bytes, trials_to_bytes

from .whole import whole_evidence

TRIALS = whole_evidence().trials[:3]


def test_round_trip() -> None:
    assert trials_from_bytes(trials_to_bytes(TRIALS), where="t") == TRIALS


@pytest.mark.parametrize(
    ("alter", "words"),
    [
        (lambda row: row + row, "more than one trial"),
        (lambda row: row + " ", "more than one trial"),
        (lambda row: row[:-1], "not a readable trial"),
        (lambda row: "", "not a readable trial"),
        (lambda row: "[]", "not a readable trial"),
        (lambda row: json.dumps({**json.loads(row), "more": 1}), "not a readable trial"),
        (lambda row: json.dumps({**json.loads(row), "outcome": "x"}), "not a known outcome"),
    ],
)
def test_a_line_that_is_no_trial_is_named(alter, words) -> None:
    rows = gzip.decompress(trials_to_bytes(TRIALS)).decode().split("\n")
    rows[1] = alter(rows[1])
    with pytest.raises(EvidenceError, match=words) as caught:
        trials_from_bytes(gzip.compress("\n".join(rows).encode()), where="trials")
    assert "trials:2" in str(caught.value)
