"""What capture and masks cost beside the plain model, in prefill and decode.

    make bench-all

Equality first: with an empty mask logits are bit-identical, and counts are those of the router
logits that transformers can return itself. Then time, and the memory that each way keeps.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import torch
from torch import Tensor

from benchmarks.page import write_section
from benchmarks.timing import Ratios, compare, machine
from gatekeeper.engine.model.architectures import architecture_of
from gatekeeper.engine.model.expert_counts import Counter
from gatekeeper.engine.model.hooks import Instrument
from gatekeeper.engine.model.mask_tables import mask_tables, width_of
from gatekeeper.records.model import ExpertId
from gatekeeper.records.trial import Mask

_EXPERTS, _TOP_K, _LAYERS = 32, 4, 8


def _model() -> Any:
    """A random Qwen3-MoE of about 100 M parameters: wide enough that arithmetic costs most."""
    from transformers import AutoModelForCausalLM, Qwen3MoeConfig

    torch.manual_seed(0)
    config = Qwen3MoeConfig(
        vocab_size=4096,
        hidden_size=512,
        intermediate_size=1024,
        moe_intermediate_size=256,
        num_hidden_layers=_LAYERS,
        num_attention_heads=8,
        num_key_value_heads=4,
        head_dim=64,
        num_experts=_EXPERTS,
        num_experts_per_tok=_TOP_K,
        norm_topk_prob=True,
    )
    return AutoModelForCausalLM.from_config(config).eval().requires_grad_(False)


def _mask(k: int) -> Mask:
    experts = tuple(ExpertId(i % _LAYERS, 3 * (i // _LAYERS) + 1) for i in range(k))
    return Mask(
        name="bench", arm="selected", mode="reroute", selector=None, k=k, control=None,
        experts=experts,
    )  # fmt: skip


class _BatchPlanner:
    """One batch of prompts and the ways to run it."""

    def __init__(self, rows: int, length: int, steps: int) -> None:
        self.model = _model()
        self.sites = architecture_of("qwen3_moe").find(self.model)
        self.instrument = Instrument(self.sites)
        generator = torch.Generator().manual_seed(1)
        self.ids = torch.randint(3, 4096, (rows, length), generator=generator)
        self.steps = steps
        self.rows = rows

    def prefill(self, **more: Any) -> Any:
        return self.model(input_ids=self.ids, use_cache=False, **more)

    def decode(self, **more: Any) -> None:
        """`steps` greedy steps behind a prefill of 8 tokens, which is not what is measured."""
        out = self.model(input_ids=self.ids[:, :8], use_cache=True)
        for _ in range(self.steps):
            chosen = out.logits[:, -1:].argmax(dim=-1)
            out = self.model(
                input_ids=chosen, past_key_values=out.past_key_values, use_cache=True, **more
            )

    def masked(self, work: Callable[[], object], k: int) -> None:
        masks = [_mask(k)] * self.rows
        with self.instrument as instrument:
            instrument.masks = mask_tables(masks, self.sites, torch.device("cpu"))
            work()
            instrument.masks = None

    def counting(self, work: Callable[[], object], length: int) -> Counter:
        valid = torch.ones(2, self.rows, length, dtype=torch.bool)
        valid[1, :, :-4] = False
        with self.instrument as instrument:
            instrument.counter = Counter(
                valid, len(self.sites), width_of(self.sites), gate_weights=True
            )
            work()
            counter, instrument.counter = instrument.counter, None
        return counter

    def counted_decode(self) -> None:
        with self.instrument as instrument:
            out = self.model(input_ids=self.ids[:, :8], use_cache=True)
            valid = torch.ones(1, self.rows, 1, dtype=torch.bool)
            instrument.counter = Counter(
                valid, len(self.sites), width_of(self.sites), gate_weights=True
            )
            for _ in range(self.steps):
                chosen = out.logits[:, -1:].argmax(dim=-1)
                out = self.model(
                    input_ids=chosen, past_key_values=out.past_key_values, use_cache=True
                )
            instrument.counter = None


def _check_equal(bench: _BatchPlanner) -> tuple[int, int]:
    """Raises AssertionError if results differ; gives the bytes that both ways keep."""
    plain = bench.prefill(output_router_logits=True)
    bench.masked(lambda: _same(bench.prefill().logits, plain.logits), 0)
    counter = bench.counting(bench.prefill, bench.ids.shape[1])
    counts = counter.counts()[0]
    kept = 0
    for layer, logits in enumerate(plain.router_logits):
        kept += logits.numel() * logits.element_size()
        chosen = logits.topk(_TOP_K, dim=-1).indices
        hits = torch.nn.functional.one_hot(chosen, _EXPERTS).sum(dim=1)
        by_row = hits.view(bench.rows, -1, _EXPERTS).sum(dim=1)
        assert torch.equal(by_row.to(counts.dtype), counts[:, layer])
    ours = 2 * counts.numel() * counts.element_size()  # counts and gate weights
    return kept, ours


def _same(a: Tensor, b: Tensor) -> None:
    assert torch.equal(a, b)


_HEAD = """## What the hooks cost

A random Qwen3-MoE ({layers} layers, {experts} experts, top-{top_k}, hidden 512), {rows} rows x
{length} tokens of prompt, {steps} decode steps behind 8; n = {repetitions}. {machine}. A mask of 8
or 24 experts touches every layer. On models as tiny as the demo's the Python of the hooks weighs
more. Logits with an empty mask are equal to the bit, and counts to those of the router logits that
transformers returns.

"""


@click.command()
@click.option("--rows", default=16, show_default=True)
@click.option("--length", default=192, show_default=True)
@click.option("--steps", default=12, show_default=True)
@click.option("--repetitions", default=5, show_default=True)
@click.option("--page", type=click.Path(path_type=Path), help="Write it to this file.")
def main(rows: int, length: int, steps: int, repetitions: int, page: Path | None) -> None:
    """Measure what capture and masks cost, in prefill and decode."""
    torch.set_num_threads(1)
    bench = _BatchPlanner(rows, length, steps)
    with torch.inference_mode():
        kept, ours = _check_equal(bench)
        tables = {"prefill": _prefill(bench, repetitions), "decode": _decode(bench, repetitions)}
    text = _HEAD.format(
        layers=_LAYERS,
        experts=_EXPERTS,
        top_k=_TOP_K,
        rows=rows,
        length=length,
        steps=steps,
        repetitions=repetitions,
        machine=machine(),
    )
    text += "".join(_table(phase, table) for phase, table in tables.items())
    text += (
        f"Kept by `output_router_logits=True`: {kept:,} bytes; by capture (one window, counts and "
        f"gate weights): {ours:,} bytes: {kept / ours:.0f} times less, whatever the model; the "
        "factor is the number of tokens of a prompt over two.\n"
    )
    print(text)
    if page is not None:
        write_section(page, "hooks", text)


def _prefill(bench: _BatchPlanner, repetitions: int) -> dict[str, Ratios]:
    length = bench.ids.shape[1]
    return compare(
        {
            "plain": bench.prefill,
            "capture, 2 windows": lambda: bench.counting(bench.prefill, length),
            "mask of 8": lambda: bench.masked(bench.prefill, 8),
            "mask of 24": lambda: bench.masked(bench.prefill, 24),
            "`output_router_logits=True`": lambda: bench.prefill(output_router_logits=True),
        },
        repetitions,
    )


def _decode(bench: _BatchPlanner, repetitions: int) -> dict[str, Ratios]:
    return compare(
        {
            "plain": bench.decode,
            "capture": bench.counted_decode,
            "mask of 8": lambda: bench.masked(bench.decode, 8),
            "mask of 24": lambda: bench.masked(bench.decode, 24),
            "`output_router_logits=True`": lambda: bench.decode(output_router_logits=True),
        },
        repetitions,
    )


def _table(phase: str, table: dict[str, Ratios]) -> str:
    lines = [
        f"| {phase}, time over plain | wall: median (lowest to highest) | processor time |",
        "| --- | --- | --- |",
        *(f"| {name} | {ratios.row()} |" for name, ratios in table.items()),
    ]
    return "\n".join(lines) + "\n\n"


if __name__ == "__main__":
    main()
