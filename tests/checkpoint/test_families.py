"""What is read of a family's file without torch is what the file says to those who import it."""

from __future__ import annotations

from dataclasses import fields

import pytest

from gatekeeper import catalog
from gatekeeper.checkpoint.families import Family, entry_of, family


@pytest.mark.parametrize("entry", catalog.names("architecture"))
def test_facts_are_those_of_the_constant(entry: str) -> None:
    pytest.importorskip("torch")
    made, read = catalog.load("architecture", entry), family(entry)
    for fact in fields(Family):
        assert getattr(read, fact.name) == getattr(made, fact.name)


@pytest.mark.parametrize(
    ("model_type", "entry"),
    [
        ("zaya", "zaya"),
        ("deepseek_v4", "deepseek-v4"),
        ("llama4_text", "llama4"),
        ("inkling_text", "inkling"),
        ("inkling_mm_model", "inkling"),
        ("inkling_audio", "default"),
        ("inkling2", "inkling2"),
        ("mixtral", "default"),
        ("../inkling", "default"),
    ],
)
def test_a_model_type_finds_the_file_of_its_family(model_type: str, entry: str) -> None:
    assert entry_of(model_type) == entry


def test_who_says_what() -> None:
    """The families of each fact; what a family ties is held against transformers elsewhere."""
    read = {entry: family(entry) for entry in catalog.names("architecture")}
    of = {f: [e for e, facts in read.items() if getattr(facts, f)] for f in Family.__slots__}
    assert of["extra_columns"] == ["inkling", "longcat-flash", "zaya"]
    assert of["gate_bias_routes"] == ["deepseek-v4", "inkling", "inkling2"]
    assert of["unpacks_mxfp4"] == ["gpt-oss"]
