"""The routing profile against the naive peer, which keeps all router logits.

    python -m benchmarks.profiles --page docs/benchmarks.md

Equality first: every count is the same.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import click
import numpy as np
import torch

from benchmarks import peer
from benchmarks.page import write_section
from benchmarks.timing import Spent, machine, ratios, rounds, spread
from benchmarks.workloads import CHECKPOINT, SUITE, load
from gatekeeper.checkpoint.describe import describe
from gatekeeper.checkpoint.open import open_checkpoint
from gatekeeper.engine.generate.batching import Encoded, encode
from gatekeeper.engine.measure.capture import capture
from gatekeeper.engine.model.load import LoadedModel, quiet_transformers
from gatekeeper.records.model import ModelDescription
from gatekeeper.records.profile import ActivationProfile
from gatekeeper.suites.read import read_suite

#: An audit's own: an eighth of its 1024 rows.
_OURS = 128
_PEERS = (16, _OURS)


def ours(
    loaded: LoadedModel, description: ModelDescription, prompts: Sequence[Encoded]
) -> ActivationProfile:
    """Counts and gate weights in one pass."""
    return capture(loaded, description, prompts, [()] * len(prompts), batch_rows=_OURS)


def theirs(loaded: LoadedModel, prompts: Sequence[Encoded], batch: int) -> list[torch.Tensor]:
    """Counts from the router logits of every token."""
    top_k = loaded.sites[0].top_k
    rows = [p.ids for p in prompts]
    return peer.profile(loaded.model, loaded.tokenizer, rows, batch=batch, top_k=top_k)


def check_equal(found: ActivationProfile, expected: Sequence[torch.Tensor]) -> None:
    """Raises AssertionError if a count differs."""
    counts = np.stack([one.numpy() for one in expected])
    assert np.array_equal(found.counts["prompt"], counts), "counts are not those of the peer"


def section(spent: dict[str, tuple[Spent, ...]], prompts: int) -> str:
    """Markdown of it."""
    base = min(
        (name for name in spent if name.startswith("peer")),
        key=lambda name: statistics.median(s.cpu for s in spent[name]),
    )
    lines = [
        "## Routing profile",
        "",
        f"{prompts} prompts of the demo, counts of every expert per prompt; all of them equal. "
        f"Ours counts three windows and sums gate weights too. n = {len(spent[base])}. "
        f"{machine()}.",
        "",
        "| | processor, s | times faster: wall | processor | memory, MiB |",
        "| --- | --- | --- | --- | --- |",
    ]
    for name, one in spent.items():
        ratio = ratios(spent[base], one)
        peaks = [s.peak for s in one if s.peak is not None]
        memory = f"{max(peaks) / 2**20:,.0f}" if peaks else "not told"
        times = "1 | 1" if name == base else f"{spread(ratio.wall, 2)} | {spread(ratio.cpu, 2)}"
        cpu = statistics.median(s.cpu for s in one)
        lines.append(f"| {name} | {cpu:.2f} | {times} | {memory} |")
    return "\n".join(lines) + "\n"


@click.command()
@click.option("--prompts", "count", default=384, show_default=True)
@click.option("--threads", default=1, show_default=True)
@click.option("--repetitions", default=5, show_default=True)
@click.option("--page", type=click.Path(path_type=Path), help="Write it to this file.")
def main(count: int, threads: int, repetitions: int, page: Path | None) -> None:
    """Measure the profile."""
    torch.set_num_threads(threads)
    quiet_transformers()
    loaded, description = load(), describe(open_checkpoint(CHECKPOINT))
    prompts = encode(loaded, read_suite(SUITE).prompts[:count], None, 24)
    for batch in _PEERS:
        check_equal(ours(loaded, description, prompts), theirs(loaded, prompts, batch))
    variants: dict[str, Callable[[], object]] = {
        f"peer, batch {batch}": partial(theirs, loaded, prompts, batch) for batch in _PEERS
    }
    variants["capture"] = partial(ours, loaded, description, prompts)
    text = section(rounds(variants, repetitions), len(prompts))
    print(text)
    if page is not None:
        write_section(page, "profile", text)


if __name__ == "__main__":
    main()
