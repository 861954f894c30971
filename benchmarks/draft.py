"""Whether the unmasked reply would pay as a free draft: how much of it stands, what reading costs.

    python -m benchmarks.draft --page docs/benchmarks.md

A draft is read in one pass under the row's mask; what the mask leaves standing need not be
decoded. It pays if (share that stands) x (cost of a decoded token / cost of a read one) is well
above 1: what does not stand was read for nothing and is decoded after all.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click
import torch

from benchmarks.page import write_section
from benchmarks.timing import machine, rounds
from benchmarks.workloads import load, short
from gatekeeper.engine.generate.batching import Encoded, left_padded, positions
from gatekeeper.engine.generate.decode import decode
from gatekeeper.engine.model.hooks import Instrument
from gatekeeper.engine.model.load import LoadedModel, quiet_transformers
from gatekeeper.engine.model.mask_tables import mask_tables
from gatekeeper.records.trial import Mask, bare_mask

#: Tokens of a reply.
_WINDOW = 24
#: Of the product, from which it is worth its code (see above).
_WORTH = 1.2
_PLANTED = ((1, 12), (2, 5), (2, 12), (3, 6))


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """Seconds per token and row: one more decoded, or one more read."""

    decoded: tuple[float, ...]
    read: tuple[float, ...]

    @property
    def ratios(self) -> tuple[float, ...]:
        """Repetition by repetition."""
        return tuple(a / b for a, b in zip(self.decoded, self.read, strict=True))


def standing(loaded: LoadedModel, prompts: Sequence[Encoded], masks: Sequence[Mask]) -> float:
    """Mean share of a masked reply that the unmasked reply of its prompt begins with."""
    shares: list[float] = []
    with Instrument(loaded.sites) as instrument:
        ids = [prompt.ids for prompt in prompts]

        def replies(mask: Mask) -> list[tuple[int, ...]]:
            made = decode(loaded, instrument, ids, [mask] * len(ids), new_tokens=_WINDOW)
            return [reply.ids for reply in made]

        plain = replies(bare_mask([]))
        for mask in masks:
            shares += [_common(a, b) / len(b) for a, b in zip(plain, replies(mask), strict=True)]
    return statistics.fmean(shares)


def _common(one: Sequence[int], other: Sequence[int]) -> int:
    count = 0
    for a, b in zip(one, other, strict=False):
        if a != b:
            break
        count += 1
    return count


@torch.inference_mode()
def costs(
    loaded: LoadedModel, prompts: Sequence[Encoded], rows: int, mask: Mask, repetitions: int
) -> Cost:
    """What a token costs behind a prompt that was read, each row under the mask."""
    ids = [prompts[i % len(prompts)].ids for i in range(rows)]
    padded, attention = left_padded(ids, loaded.pad_id, loaded.device)
    more = torch.full((rows, _WINDOW), 5, dtype=torch.int64)
    with Instrument(loaded.sites) as instrument:
        instrument.masks = mask_tables([mask] * rows, loaded.sites, loaded.device)

        def forward(new: torch.Tensor, seen: torch.Tensor, cache: Any) -> Any:
            instrument.positions = positions(seen)
            return loaded.model(
                input_ids=new,
                attention_mask=seen,
                position_ids=positions(seen)[:, -new.shape[1] :],
                past_key_values=cache,
                use_cache=True,
            ).past_key_values

        def prompt() -> Any:
            instrument.phase = "prefill"
            return forward(padded, attention, None)

        def read() -> None:
            cache = prompt()
            instrument.phase = "decode"
            forward(more, torch.cat([attention, torch.ones_like(more)], dim=1), cache)

        def decoded() -> None:
            cache, seen = prompt(), attention
            instrument.phase = "decode"
            for step in range(_WINDOW):
                seen = torch.cat([seen, seen.new_ones(rows, 1)], dim=1)
                cache = forward(more[:, step : step + 1], seen, cache)

        spent = rounds({"prompt": prompt, "read": read, "decoded": decoded}, repetitions)
    tokens = rows * _WINDOW

    def each(name: str) -> tuple[float, ...]:
        pairs = zip(spent[name], spent["prompt"], strict=True)
        return tuple(max(a.cpu - b.cpu, 1e-9) / tokens for a, b in pairs)

    return Cost(decoded=each("decoded"), read=each("read"))


def section(shares: dict[str, float], found: dict[int, Cost], prompts: int) -> str:
    """The tables, and what follows from them."""
    last = statistics.median(found[max(found)].ratios)
    lines = [
        "## Whether a draft would pay",
        "",
        f"The unmasked reply as a free draft of a masked one; demo checkpoint, {prompts} prompts, "
        f"{_WINDOW} tokens. {machine()}.",
        "",
        "| rows | a decoded token over a read one, processor time: median (lowest to highest) |",
        "| --- | --- |",
    ]
    for rows, cost in found.items():
        low, high = min(cost.ratios), max(cost.ratios)
        lines.append(f"| {rows} | {statistics.median(cost.ratios):.2f} ({low:.2f} to {high:.2f}) |")
    lines += ["", "| mask | share of the draft that stands | that x the ratio at the most rows |",
              "| --- | --- | --- |"]  # fmt: skip
    for name, share in shares.items():
        product = share * last
        pays = "pays" if product > _WORTH else "does not pay"
        lines.append(f"| {name} | {100 * share:.0f} % | {product:.2f}: {pays} |")
    return "\n".join(lines)


@click.command()
@click.option("--count", default=64, show_default=True, help="Prompts.")
@click.option("--repetitions", default=3, show_default=True)
@click.option("--threads", default=1, show_default=True)
@click.option("--page", type=click.Path(path_type=Path), help="Write it to this file.")
def main(count: int, repetitions: int, threads: int, page: Path | None) -> None:
    """Measure it."""
    torch.set_num_threads(threads)
    quiet_transformers()
    loaded = load()
    work = {one.name: one for one in short(loaded, count=count)}
    prompts = work["random"].asked[0]
    planted = [bare_mask(_PLANTED[:k]) for k in (1, 2, 4)]
    groups = {
        "planted, k = 1": planted[:1],
        "planted, k = 4": planted[2:],
        "random, k = 2 to 8": work["random"].masks[2:],
        "last two layers": work["deep"].masks[1:],
        "single experts": work["single"].masks[1::8],
    }
    groups = {name: [replace(m, phase="both") for m in masks] for name, masks in groups.items()}
    shares = {name: standing(loaded, prompts, masks) for name, masks in groups.items()}
    found = {
        rows: costs(loaded, prompts, rows, planted[-1], repetitions) for rows in (4, 16, 128, 512)
    }
    text = section(shares, found, len(prompts))
    print(text)
    if page is not None:
        write_section(page, "draft", text)


if __name__ == "__main__":
    main()
