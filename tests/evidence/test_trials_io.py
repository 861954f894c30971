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
        (lambda row: row[:-1] + ', "mask": "unmasked"}', "not a readable trial"),
        (lambda row: row.replace('"tokens": 8', '"tokens": ' + "9" * 4000), "not a readable trial"),
        (lambda row: row.replace('"tokens": 8', '"tokens": 1e4000'), "not a readable trial"),
        (lambda row: row.replace('"tokens": 8', '"tokens": NaN'), "not a readable trial"),
        (lambda row: row.replace('"tokens": 8', '"tokens": 9999999999'), "too many tokens"),
        (lambda row: json.dumps({**json.loads(row), "reason": "a\nb"}), "its reason is no word"),
        (lambda row: json.dumps({**json.loads(row), "second": None}), "not a known outcome"),
    ],
)
def test_a_line_that_is_no_trial_is_named(alter, words) -> None:
    rows = gzip.decompress(trials_to_bytes(TRIALS)).decode().split("\n")
    rows[1] = alter(rows[1])
    with pytest.raises(EvidenceError, match=words) as caught:
        trials_from_bytes(gzip.compress("\n".join(rows).encode()), where="trials")
    assert "trials:2" in str(caught.value)


@pytest.mark.parametrize(
    ("alter", "words"),
    [
        (lambda data: data + data, "something follows"),
        (lambda data: data + b"x", "something follows"),
        (lambda data: data[:-3], "ends too early"),
        (lambda data: data[: len(data) // 2], "ends too early"),
        (lambda data: b"", "ends too early"),
        (lambda data: gzip.compress(gzip.decompress(data)[:-1]), "last line has no end"),
        (lambda data: data[:40] + bytes([data[40] ^ 255]) + data[41:], "not readable gzipped text"),
    ],
)
def test_what_is_no_whole_file_of_one_member_is_refused(alter, words) -> None:
    with pytest.raises(EvidenceError, match=words):
        trials_from_bytes(alter(trials_to_bytes(TRIALS)), where="trials")
