"""The shipped schemas, read to the letter."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import gatekeeper
from gatekeeper.strict_schema import strict_validator

SCHEMAS = sorted(Path(gatekeeper.__file__).parent.glob("*/*-v[0-9].json"))


@pytest.mark.parametrize("value", [1.0, True, "1", 1e30])
def test_only_whole_numbers_are_whole_numbers(tmp_path: Path, value: float | str) -> None:
    path = tmp_path / "schema.json"
    path.write_text('{"type": ["integer", "null"]}')
    assert strict_validator(path).is_valid(1) and strict_validator(path).is_valid(None)
    assert not strict_validator(path).is_valid(value)


def test_what_must_be_there_once_is_looked_for_in_one_pass(tmp_path: Path) -> None:
    """Values of several kinds cannot be sorted, and jsonschema compares each with each."""
    path = tmp_path / "schema.json"
    path.write_text('{"items": {"type": "string"}, "uniqueItems": true}')
    assert strict_validator(path).is_valid(["a", "b"])
    assert strict_validator(path).is_valid("aa")
    assert not strict_validator(path).is_valid(["a", "b", "a"])
    began = time.process_time()
    faults = list(strict_validator(path).iter_errors([*({"a": n} for n in range(3_000)), "x"]))
    assert {fault.validator for fault in faults} == {"type"}
    assert time.process_time() - began < 3  # half a minute otherwise, on a good machine


def test_only_texts_must_be_there_once() -> None:
    """As the validator reads it."""
    for path in SCHEMAS:
        for part in parts(json.loads(path.read_text(encoding="utf-8"))):
            assert "uniqueItems" not in part or part["items"]["type"] == "string", part


def parts(value: Any) -> Iterator[dict[str, Any]]:
    """Every object in a schema."""
    if isinstance(value, dict):
        yield value
    for inner in value.values() if isinstance(value, dict) else value:
        if isinstance(inner, dict | list):
            yield from parts(inner)


@pytest.mark.parametrize("path", SCHEMAS, ids=lambda path: path.stem)
def test_whole_numbers_in_a_list_are_called_integers(path: Path) -> None:
    """1.0 equals 1 there."""
    for part in parts(json.loads(path.read_text(encoding="utf-8"))):
        choices = part.get("enum")
        if isinstance(choices, list) and any(type(one) is int for one in choices):
            assert part.get("type") == "integer", part
