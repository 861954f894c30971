from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from gatekeeper.evidence.bundle import schema
from gatekeeper.evidence.compiled import compiled
from gatekeeper.evidence.wire import evidence_to_json

from .whole import whole_evidence

WHOLE = json.loads(json.dumps(evidence_to_json(whole_evidence())))
FITS = compiled(schema())
THEIRS = Draft202012Validator(schema())

LEAVES = (
    st.none()
    | st.booleans()
    | st.integers(-3, 70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(["", "regular", "HCDG", "a\x00b", "x\u202e", "f" * 64, "sha256:" + "0" * 64])
    | st.just("y" * 2001)
    | st.lists(st.integers(-1, 3), max_size=3)
    | st.just({})
)


def routes(node, route=()):
    """The way to every value in the data."""
    yield route
    items = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()  # fmt: skip  # noqa: E501
    for key, value in items:
        yield from routes(value, (*route, key))


ROUTES = [route for route in routes(WHOLE) if route]


def test_whole_evidence_fits():
    assert FITS(WHOLE)
    assert THEIRS.is_valid(WHOLE)


@settings(max_examples=400, deadline=None)
@given(st.sampled_from(ROUTES), st.sampled_from(["set", "drop", "add"]), LEAVES)
def test_says_what_jsonschema_says_of_altered_evidence(route, change, value):
    data = json.loads(json.dumps(WHOLE))
    parent = data
    for key in route[:-1]:
        parent = parent[key]
    if change == "drop":
        del parent[route[-1]]
    elif change == "set":
        parent[route[-1]] = value
    elif isinstance(parent, dict):
        parent["another"] = value
    else:
        parent.append(value)
    assert FITS(data) == THEIRS.is_valid(data), (route, change, value)


@pytest.mark.parametrize(
    "unknown",
    [
        {"uniqueItems": True},
        {"properties": {"a": {"not": {}}}},
        {"items": {"$ref": "other.json"}},
        {"enum": [1, 2]},
    ],
)
def test_a_keyword_it_does_not_know_is_never_passed_over(unknown):
    with pytest.raises(ValueError, match="compile"):
        compiled(unknown)


def test_every_keyword_of_the_schema_file_is_compiled():
    text = Path(__file__).parents[2] / "gatekeeper" / "evidence" / "evidence-v1.json"
    assert compiled(json.loads(text.read_text(encoding="utf-8")))(WHOLE)
