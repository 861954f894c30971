"""Roofline, linearity, profile and estimates: what they print follows from what they measured."""

from __future__ import annotations

import pytest
import torch
from click.testing import CliRunner

from benchmarks import estimates, linear, profiles, roofline, workloads
from benchmarks.timing import Spent, rounds
from gatekeeper.checkpoint.describe import describe
from gatekeeper.checkpoint.open import open_checkpoint
from gatekeeper.engine.generate.batching import encode
from gatekeeper.suites.read import read_suite


def spent(*seconds: float) -> tuple[Spent, ...]:
    return tuple(Spent(wall=s, cpu=s) for s in seconds)


def test_linear_cost_is_told_from_growing_cost():
    even = linear.section({100: spent(1.0, 1.0), 200: spent(2.0, 2.2)}, 2)
    assert "per row linear (at most 1.05 times" in even
    assert "| 200 | 2.10 | 2.10 | 10.50 | 1.05 (1.00 to 1.10) |" in even
    assert "not linear (at most 2.00 times" in linear.section({1: spent(1.0), 2: spent(4.0)}, 1)


def test_counts_of_the_profile_are_those_of_the_peer():
    loaded = workloads.load()
    description = describe(open_checkpoint(workloads.CHECKPOINT))
    prompts = encode(loaded, read_suite(workloads.SUITE).prompts[:5], None, 4)
    found = profiles.ours(loaded, description, prompts)
    for batch in (2, 5):
        expected = profiles.theirs(loaded, prompts, batch)
        profiles.check_equal(found, expected)
    expected[0] = expected[0] + 1
    with pytest.raises(AssertionError, match="counts"):
        profiles.check_equal(found, expected)


def test_the_profile_is_measured_against_the_better_peer():
    text = profiles.section(
        {"peer, a": spent(4.0), "peer, b": spent(2.0), "capture": spent(1.0)}, 9
    )
    assert "| peer, b | 2.00 | 1 | 1 |" in text
    assert "| capture | 1.00 | 2.00 (2.00 to 2.00) |" in text


@pytest.fixture(scope="module")
def bench():
    return roofline.prepare(workloads.CHECKPOINT)


def test_ceilings_of_this_machine_are_of_this_world(bench):
    assert 1e9 < bench.device.flops < 1e14
    assert 1e8 < bench.device.bandwidth < 1e12


def test_nothing_is_faster_than_its_ceiling(bench):
    for decoding in (False, True):
        least, near = bench.least(4, decoding=decoding)
        assert least > 0 and near in {"arithmetic", "memory"}
    work = rounds({"ours": lambda: bench.ours(4, 1)}, 1)["ours"]
    assert work[0].cpu > bench.least(4, decoding=False)[0]


def test_plain_and_ours_both_run_every_step(bench, monkeypatch):
    seen = []
    real = bench.loaded.model.forward

    def forward(*args, **kwargs):
        seen.append(kwargs["input_ids"].shape[1])
        return real(*args, **kwargs)

    monkeypatch.setattr(bench.loaded.model, "forward", forward)
    bench.plain(2, 3)
    assert seen == [roofline._TOKENS, 1, 1]
    seen.clear()
    bench.ours(2, 3)
    assert seen == [roofline._TOKENS, 1, 1]


def test_a_profile_names_operators_by_their_share():
    def work() -> None:
        for _ in range(9):
            torch.randn(64, 64) @ torch.randn(64, 64)

    told = roofline.profile(work)
    assert sum(share for _, share in told) <= 1.0001
    assert any(name.startswith("aten::") for name, _ in told)


def test_without_a_checkpoint_the_roofline_says_so(tmp_path):
    page = tmp_path / "page.md"
    done = CliRunner().invoke(roofline.main, ["--page", str(page)])
    assert done.exit_code == 0 and "left out" in done.output and not page.exists()


def test_an_estimate_is_held_against_what_it_took():
    options = estimates.audit_options(
        workloads.SUITE, "--max-prompts", "20", "-k", "1", "--controls", "2",
        "--max-new-tokens", "8", "--batch-rows", "32",
    )  # fmt: skip
    found = estimates.estimated(options)
    took = {s.name: (s.low * s.high) ** 0.5 / 2 for s in found.stages}
    took["load"] = sum(took.pop(name) for name in ("hashing", "loading", "self-test"))
    text, ratio = estimates.compared(found, took)
    assert ratio == pytest.approx(2.0)
    assert text.count("| 2.00 |") == len(took) + 1


@pytest.mark.slow
def test_the_table_of_published_models_is_whole():
    text = estimates.table("h100")
    for name in ("qwen3-30b-a3b", "gpt-oss-20b", "mixtral-8x7b", "deepseek-v3"):
        assert text.count(f"| {name} | ") == 2
    assert "No GPU has confirmed" in text


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_demo_audit_takes_what_was_estimated():
    """In processor time, within 30 %: `gatekeeper estimate` is no guess."""
    options = estimates.demo_options()
    found = estimates.estimated(options)
    took, _ = estimates.carried_out(options)
    assert abs(estimates.compared(found, took)[1] - 1) <= 0.3
