"""A random model in the shape of Qwen3-30B-A3B, as many layers of it as fit: time and ceilings.

Load time, what capture and masks cost, how near reading and writing come to the card's measured
ceilings (roofline: Williams, Waterman and Patterson 2009), the sweep beside the naive peer, and
what `estimate` would have said.
"""

from __future__ import annotations

import math
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from benchmarks import peer
from gatekeeper.checkpoint.describe import describe
from gatekeeper.checkpoint.open import open_checkpoint
from gatekeeper.engine.generate.decode import decode
from gatekeeper.engine.model.expert_counts import Counter
from gatekeeper.engine.model.hooks import Instrument
from gatekeeper.engine.model.load import LoadedModel, load_model
from gatekeeper.engine.model.mask_tables import mask_tables, width_of
from gatekeeper.estimate.estimate import BEST, WORST
from gatekeeper.estimate.hardware import Device
from gatekeeper.estimate.model_size import shape_of
from gatekeeper.estimate.roofline import Format, Forward, Reach, Shape, seconds
from gatekeeper.records.trial import Mask, bare_mask
from tools.gpu_check.result import Part
from tools.shapes.config import config_of
from tools.shapes.write import stored, write

_NAME = "qwen3-30b-a3b"
#: Of the device's memory that weights may take, and of the free disk; bytes at most.
_OF_MEMORY, _OF_DISK, _MOST = 0.4, 0.5, 24 << 30
_REPETITIONS = 5
_BFLOAT16 = Format(weight=2.0, cache=2.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How large the model and the work are.

    Attributes:
        layers: None for as many as fit.
        scale: of widths.
        rows, tokens, steps: of prompts side by side, of each, and of each reply.
        side, copied: of the matrices whose product is timed; bytes that are read.
    """

    layers: int | None
    scale: float
    rows: int
    tokens: int
    steps: int
    side: int
    copied: int


WHOLE = Size(layers=None, scale=1.0, rows=64, tokens=128, steps=17, side=8192, copied=4 << 30)
SMALL = Size(layers=2, scale=0.125, rows=8, tokens=16, steps=5, side=512, copied=64 << 20)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Bench:
    """The loaded model, its sizes, and the ceilings of the device."""

    loaded: LoadedModel
    shape: Shape
    device: Device
    size: Size

    def prompts(self) -> list[list[int]]:
        """Random tokens of the demo's tokenizer."""
        generator = torch.Generator().manual_seed(1)
        top = len(self.loaded.tokenizer)
        ids = torch.randint(10, top, (self.size.rows, self.size.tokens), generator=generator)
        return [list(map(int, row)) for row in ids]

    def masks(self) -> list[Mask]:
        """Eight masks of four experts, in turn."""
        sites = self.loaded.sites
        some = [sites[i * (len(sites) - 1) // 3] for i in range(4)]
        return [
            bare_mask([(s.layer, (7 * n) % s.experts_count) for s in some])
            for n in range(min(8, self.size.rows))
        ]


def check(device: torch.device, out: Path, size: Size) -> Part:
    """All of it on one model.

    Args:
        out: a folder that is not there yet; it is removed again.
    """
    part = Part(name="a large model")
    layers = size.layers or _fitting(device, out.parent)
    try:
        write(config_of(_NAME, layers, size.scale), out)
        bench = _loaded(part, device, out, size)
    finally:
        shutil.rmtree(out, ignore_errors=True)
    part.figure("layers of 48", [float(layers)], "", 1)
    part.figure("parameters", [bench.shape.parameters / 1e9], "10^9", 1)
    _hooks(part, bench)
    _ceilings(part, bench)
    _sweep(part, bench)
    return part


def _fitting(device: torch.device, folder: Path) -> int:
    """How many layers there is room for."""

    def bytes_of(layers: int) -> int:
        return sum(2 * math.prod(s) for s in stored(config_of(_NAME, layers)).values())

    one = bytes_of(1)
    room = min(_OF_DISK * shutil.disk_usage(folder).free, _MOST)
    if device.type == "cuda":
        room = min(room, _OF_MEMORY * torch.cuda.mem_get_info(device)[0])
    return max(1, min(48, 1 + int((room - one) // (bytes_of(2) - one))))


def _loaded(part: Part, device: torch.device, path: Path, size: Size) -> _Bench:
    opened = open_checkpoint(path)
    description = describe(opened)
    begun = time.perf_counter()
    loaded = load_model(opened.path, description, device=device, dtype=torch.bfloat16)
    _wait(device)
    taken = time.perf_counter() - begun
    stored_bytes = sum(f.stat().st_size for f in path.glob("*.safetensors"))
    part.figure("loading", [taken], "s", 1)
    part.figure("loaded", [stored_bytes / taken / 1e9], "GB/s", 1)
    if device.type == "cuda":
        most = torch.cuda.max_memory_allocated(device)
        part.claim(
            "loading's memory", most <= 1.1 * stored_bytes, f"{most / stored_bytes:.2f} of weights"
        )
    flops, bandwidth = _rates(device, size)
    part.figure("ceiling, matrix product", [flops / 1e12], "TFLOP/s", _REPETITIONS)
    part.figure("ceiling, reading memory", [bandwidth / 1e9], "GB/s", _REPETITIONS)
    return _Bench(
        loaded=replace(loaded, end_ids=frozenset()),
        shape=shape_of(opened, description),
        device=Device(name=str(device), flops=flops, bandwidth=bandwidth, memory=0.0),
        size=size,
    )


def _rates(device: torch.device, size: Size) -> tuple[float, float]:
    """Operations and bytes a second at best, in bfloat16."""
    square = torch.randn(size.side, size.side, dtype=torch.bfloat16, device=device)
    tall = torch.zeros(size.copied // 2, dtype=torch.bfloat16, device=device)
    product = min(_times(device, lambda: square @ square))
    read = min(_times(device, tall.sum))
    return 2 * size.side**3 / product, size.copied / read


def _times(device: torch.device, work: Callable[[], object]) -> list[float]:
    """Seconds of each repetition, after one to warm up."""
    taken = []
    for _ in range(_REPETITIONS + 1):
        _wait(device)
        begun = time.perf_counter()
        work()
        _wait(device)
        taken.append(time.perf_counter() - begun)
    return taken[1:]


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


@torch.inference_mode()
def _hooks(part: Part, bench: _Bench) -> None:
    """What capture and masks cost beside the plain model, reading and writing."""
    loaded, size, device = bench.loaded, bench.size, bench.loaded.device
    model: Any = loaded.model
    ids = torch.tensor(bench.prompts(), device=device)
    masks = [bench.masks()[i % len(bench.masks())] for i in range(size.rows)]

    def reading() -> None:
        model(input_ids=ids, use_cache=False, logits_to_keep=1)

    def writing() -> None:
        out = model(input_ids=ids[:, :8], use_cache=True, logits_to_keep=1)
        for _ in range(size.steps - 1):
            chosen = out.logits[:, -1:].argmax(dim=-1)
            out = model(input_ids=chosen, past_key_values=out.past_key_values, use_cache=True)

    for name, work, tokens in (("reading", reading, size.tokens), ("writing", writing, None)):
        plain = _times(device, work)
        with Instrument(loaded.sites) as instrument:
            instrument.masks = mask_tables(masks, loaded.sites, device)
            under = _times(device, work)
            instrument.masks = None
            part.figure(f"masks, {name}, over plain", _over(under, plain), "")
            if tokens is not None:
                seen = torch.ones(1, size.rows, tokens, dtype=torch.bool, device=device)
                instrument.counter = Counter(
                    seen, len(loaded.sites), width_of(loaded.sites), gate_weights=True
                )
                part.figure("capture, reading, over plain", _over(_times(device, work), plain), "")


def _over(above: list[float], below: list[float]) -> list[float]:
    return [a / b for a, b in zip(above, below, strict=True)]


def _ours(bench: _Bench, steps: int) -> None:
    masks = bench.masks()
    with Instrument(bench.loaded.sites) as instrument:
        decode(
            bench.loaded,
            instrument,
            bench.prompts(),
            [masks[i % len(masks)] for i in range(bench.size.rows)],
            new_tokens=steps,
        )


def _ceilings(part: Part, bench: _Bench) -> None:
    """Share of the nearer ceiling that the sweep's own decoding reaches; and what was estimated."""
    size, device = bench.size, bench.loaded.device
    first = Forward(rows=size.rows, tokens=size.tokens, context=size.tokens)
    later = [
        (Forward(rows=size.rows, tokens=1, context=size.tokens + step), 1)
        for step in range(1, size.steps)
    ]
    reading = _times(device, lambda: _ours(bench, 1))
    whole = _times(device, lambda: _ours(bench, size.steps))
    writing = [max(w - r, 1e-9) for w, r in zip(whole, reading, strict=True)]
    for name, work, taken in (("reading", [(first, 1)], reading), ("writing", later, writing)):
        ideal, low, high = (
            seconds(bench.shape, work, bench.device, _BFLOAT16, reach)
            for reach in (Reach(efficiency=1.0), BEST, WORST)
        )
        part.figure(f"{name}: share of the ceiling", [100 * ideal / t for t in taken], "%")
        part.figure(f"{name}: took, over the least estimated", [t / low for t in taken], "")
        part.figure(f"{name}: took, over the most estimated", [t / high for t in taken], "")
    tokens = size.rows * (size.steps - 1)
    part.figure("writing", [tokens / t for t in writing], "tokens/s")


def _sweep(part: Part, bench: _Bench) -> None:
    """All masks in one batch, beside one mask at a time by hooks and `generate`."""
    loaded, size = bench.loaded, bench.size
    model: Any = loaded.model
    masks, prompts = bench.masks(), bench.prompts()
    prompts = prompts[: max(1, size.rows // len(masks))]
    model.generation_config.eos_token_id = None

    def folded() -> None:
        with Instrument(loaded.sites) as instrument:
            decode(
                loaded,
                instrument,
                [p for p in prompts for _ in masks],
                [mask for _ in prompts for mask in masks],
                new_tokens=size.steps,
            )

    def one_by_one() -> None:
        for mask in masks:
            experts = [(e.layer, e.expert) for e in mask.experts]
            with peer.masked(model, experts):
                peer.generate(
                    model,
                    loaded.tokenizer,
                    prompts,
                    batch=len(prompts),
                    by_length=False,
                    new_tokens=size.steps,
                )

    ours, theirs = _times(loaded.device, folded), _times(loaded.device, one_by_one)
    part.figure("peer over the sweep in one batch", _over(theirs, ours), "")
