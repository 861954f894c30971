"""The longest prompt is counted by the checkpoint's own tokenizer, where that can be read."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from transformers import AutoTokenizer

from gatekeeper.engine.generate.prompt_tokens import longest_prompt
from gatekeeper.estimate.prompt_lengths import TEMPLATE, approximate_lengths
from gatekeeper.records.suite import Suite
from gatekeeper.suites.read import read_suite
from tests.e2e.cli import HARDENED, SUITE


@pytest.fixture
def suite() -> Suite:
    """One prompt is long, in a script of which the demo's tokenizer makes a token of each byte."""
    read = read_suite(SUITE)
    first, *others = read.prompts[:30]
    return replace(read, prompts=(replace(first, text="Ж" * 400), *others))


def test_tokens_are_counted_and_not_guessed(suite: Suite) -> None:
    tokenizer = AutoTokenizer.from_pretrained(HARDENED)
    counted = max(len(tokenizer(p.text, add_special_tokens=False).input_ids) for p in suite.prompts)
    system = "Answer in one word."
    more = len(tokenizer(system, add_special_tokens=False).input_ids)
    assert longest_prompt(HARDENED, suite, None) == counted + TEMPLATE
    assert longest_prompt(HARDENED, suite, system) == counted + more + TEMPLATE
    assert counted > 2 * max(approximate_lengths(suite, None).values())


@pytest.mark.parametrize("text", [None, "{", '{"model": {"type": "BPE"}}'])
def test_without_a_fit_tokenizer_characters_count(
    suite: Suite, tmp_path: Path, text: str | None
) -> None:
    shutil.copy(HARDENED / "config.json", tmp_path)
    if text is not None:
        (tmp_path / "tokenizer.json").write_text(text)
    about = max(approximate_lengths(suite, None).values())
    assert longest_prompt(tmp_path, suite, None) == about
