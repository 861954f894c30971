"""A tiny run: the product selects what the loop does, and sections keep out of each other's way."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from typing import Any

import numpy as np
import pytest

from benchmarks import selection
from benchmarks.page import write_section
from gatekeeper.analysis.resampling import bootstrap

TINY = selection.Size(
    prompts=30, layers=2, experts=16, resamples=40, looped=9, repetitions=2, size=5
)


def test_the_product_selects_what_the_loop_does():
    found = selection.measure(TINY)
    assert len(found.product) == len(found.loop) == 2
    assert 0 <= found.differing <= 9 * 5
    assert found.peak >= found.held > 0


def test_another_selection_is_noticed(monkeypatch):
    real = selection.product

    def shifted(size, scores):
        found = real(size, scores)
        return replace(found, chosen=(found.chosen + 1).astype(np.int32))

    monkeypatch.setattr(selection, "product", shifted)
    with pytest.raises(AssertionError):
        selection.measure(TINY)


def test_it_draws_what_the_bootstrap_draws():
    drawn = selection.drawn_rows(TINY)
    counts = bootstrap(np.ones((30, 1)), 40, 0).weights(slice(0, 9))
    assert [np.bincount(rows, minlength=30).tolist() for rows in drawn] == counts.tolist()


def test_frequencies_are_shares_with_many_ties():
    found = selection.frequencies(TINY)
    assert found.shape == (30, 32)
    assert found.min() == 0 and found.max() == 1
    assert len(np.unique(found)) < 30


def test_a_size_is_measured_apart_without_a_limit_of_threads(monkeypatch):
    given: dict[str, Any] = {}

    class Done:
        stdout = json.dumps(
            {"product": [1.0], "loop": [2.0], "peak": 2**30, "held": 1, "differing": 3, "tied": 1}
        )

    def run(command, **more):
        given.update(more, command=command)
        return Done

    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setattr("subprocess.run", run)
    found = selection.apart(TINY)
    assert "OMP_NUM_THREADS" not in given["env"]
    assert json.loads(given["command"][-1]) == asdict(TINY)
    text = selection._section([(TINY, found)])
    # 2 s for 9 of 40 resamples are 8.9 s, against 1 s.
    assert "| 30 x 32 | 40 | 1.0 (1.0 to 1.0) s | 9 (9 to 9) s, from 9 | 8.9 (8.9 to 8.9) |" in text
    assert "3 of 45 memberships otherwise" in text


def test_sections_are_replaced_one_by_one(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("# Something older\n")
    write_section(page, "a", "one\n")
    write_section(page, "b", "second")
    write_section(page, "a", "third")
    text = page.read_text()
    assert text.startswith("# Benchmarks\n") and "one\n" not in text
    assert text.index("third") < text.index("second")
    write_section(page, "b", "second")
    write_section(page, "a", "third")
    assert page.read_text() == text
