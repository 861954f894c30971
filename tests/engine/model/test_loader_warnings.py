"""Warnings of other libraries: each a line of ours, and none on the terminal."""

from __future__ import annotations

import logging
import warnings
from pathlib import Path

import pytest

from gatekeeper.engine.model.load import load_tokenizer, quiet_transformers
from gatekeeper.engine.model.loader_warnings import listening
from tests.e2e.cli import HARDENED

LOG = logging.getLogger("transformers.tokenization_utils_base")


def test_what_is_warned_of_is_told_once_and_not_printed(
    capfd: pytest.CaptureFixture[str],
) -> None:
    quiet_transformers()
    with listening() as told:
        for _ in range(3):
            LOG.warning("an incorrect regex\npattern in %s\x1b[2J", "tokenizer.json")
        LOG.info("nothing of note")
        LOG.warning("does not %d", "fit")
        warnings.warn("a second thing", UserWarning, stacklevel=1)
        warnings.warn("for developers", DeprecationWarning, stacklevel=1)
        LOG.warning("Qwen3MoeForCausalLM LOAD REPORT from: candidate")
    assert told == [
        "transformers warns: an incorrect regex pattern in tokenizer.json�[2J",
        "transformers warns: does not %d",
        "transformers warns: a second thing",
    ]
    assert capfd.readouterr() == ("", "")


def test_no_more_than_ten_are_told_apart() -> None:
    with listening() as told:
        for number in range(25):
            LOG.warning("thing %d %s", number, "x" * 900)
    assert len(told) == 11
    assert told[-1] == "transformers warns of 15 things more"
    assert all(len(line) < 400 for line in told)


def test_the_tokenizer_is_listened_to_while_it_is_loaded() -> None:
    quiet_transformers()
    level = logging.getLogger("transformers").level
    with listening() as told:
        load_tokenizer(Path(HARDENED))
        LOG.warning("heard")
    assert told == ["transformers warns: heard"]
    assert logging.getLogger("transformers").level == level


def test_an_error_ends_the_listening_too() -> None:
    before = logging.getLogger("transformers").handlers[:]
    with pytest.raises(ValueError, match="x"), listening():
        raise ValueError("x")
    assert logging.getLogger("transformers").handlers == before
