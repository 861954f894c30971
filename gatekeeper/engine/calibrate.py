"""A short calibration: what this machine reaches of its own roofline in each stage of an audit."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch

from gatekeeper.engine.generate.batching import Encoded
from gatekeeper.engine.generate.decode import next_logits
from gatekeeper.engine.generate.row_plan import Row, SweepSettings, Work, same_mask
from gatekeeper.engine.generate.sweep import stored_replies, sweep
from gatekeeper.engine.generate.techniques import Techniques, where_exact
from gatekeeper.engine.measure.attribute import TargetTokens, attribute
from gatekeeper.engine.measure.capture import capture
from gatekeeper.engine.measure.usefulness import usefulness
from gatekeeper.engine.model.hooks import Instrument
from gatekeeper.engine.model.load import LoadedModel
from gatekeeper.engine.self_test.run import self_test
from gatekeeper.estimate.hardware import Device
from gatekeeper.estimate.roofline import (
    Format,
    Forward,
    Reach,
    Shape,
    reading,
    replies,
    seconds,
    shares,
)
from gatekeeper.estimate.workload import LOG_BYTES, Plan
from gatekeeper.evidence.trial_store import STORE, TrialStore
from gatekeeper.records.model import ModelDescription
from gatekeeper.records.plugins import Judge, Judgement
from gatekeeper.records.trial import UNMASKED, Mask, bare_mask

#: Side of the matrices whose product is timed, and bytes that are read for the bandwidth: far more
#: than a cache holds.
_SIDE, _BYTES = 1536, 512 << 20
#: Seconds that a sample of replies may take, and masks of the one that warms up.
_MOST_SECONDS, _WARM = 6.0, 16


_Item = TypeVar("_Item")


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """What was measured.

    Attributes:
        device: this machine's peak rates, by a matrix product and by reading memory.
        efficiency: share of the roofline that each stage reaches, by name.
        alive: share of rows running at each step; `alive_controls`: those under random masks.
    """

    device: Device
    efficiency: dict[str, float]
    alive: tuple[float, ...]
    alive_controls: tuple[float, ...]


def rates(
    repetitions: int = 7, clock: Callable[[], float] = time.perf_counter
) -> tuple[float, float]:
    """Operations and bytes per second at best: float32 product, and a matrix times a vector."""
    square = torch.randn(_SIDE, _SIDE)
    columns = 4096
    tall, vector = torch.randn(_BYTES // 4 // columns, columns), torch.randn(columns)
    product = min(_timed(lambda: square @ square, clock) for _ in range(repetitions))
    # A product with one vector reads each element once, as decoding does with the weights.
    read = min(_timed(lambda: tall @ vector, clock) for _ in range(repetitions))
    return 2 * _SIDE**3 / product, tall.numel() * 4 / read


def _timed(work: Callable[[], object], clock: Callable[[], float] = time.perf_counter) -> float:
    begun = clock()
    work()
    return clock() - begun


def calibrate(
    loaded: LoadedModel,
    description: ModelDescription,
    shape: Shape,
    plan: Plan,
    encoded: Sequence[Encoded],
    judge: Judge,
    memory: float,
    clock: Callable[[], float] = time.perf_counter,
) -> Calibration:
    """Runs a batch of each stage and holds it against the roofline.

    Masks are drawn at random.

    Args:
        encoded: the suite's usable prompts.
        memory: bytes of this machine.
        clock: seconds; `time.process_time` on a machine that others use too.
    """
    flops, bandwidth = rates(clock=clock)
    device = Device(name="this machine", flops=flops, bandwidth=bandwidth, memory=memory)
    sample = _Sample(
        loaded=loaded,
        description=description,
        shape=shape,
        plan=plan,
        judge=judge,
        device=device,
        clock=clock,
        techniques=where_exact(self_test(loaded, encoded)),
    )
    by_id = {e.prompt.id: e for e in encoded}
    selecting, measuring = plan.sides()[0]
    own = [by_id[p.id] for p in sample.shuffled(measuring) if p.id in by_id]
    regular = [e for e in own if e.prompt.set == "regular"]
    benign = [e for e in own if e.prompt.set == "benign"]
    chosen = [by_id[p.id] for p in sample.shuffled(selecting) if p.id in by_id]
    masks = sample.masks()
    plain, alive, said = sample.replies(own, [UNMASKED, *masks[: plan.plain_masks - 1]])
    controls, alive_controls, _ = sample.replies(regular or own, masks)
    efficiency = {
        "unmasked": plain,
        "trials": plain,
        # Replies like any other, but for the trying of layers, which is little beside them.
        "positive control": plain,
        "controls": controls,
        **sample.reading(chosen, regular or own, benign or own, said, masks),
    }
    return Calibration(
        device=device, efficiency=efficiency, alive=alive, alive_controls=alive_controls
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sample:
    """What samples are made with."""

    loaded: LoadedModel
    description: ModelDescription
    shape: Shape
    plan: Plan
    judge: Judge
    device: Device
    clock: Callable[[], float]
    techniques: Techniques

    def shuffled(self, items: Sequence[_Item]) -> list[_Item]:
        """In an order drawn by the audit's seed."""
        order = np.random.default_rng(self.plan.seed).permutation(len(items))
        return [items[i] for i in order]

    def masks(self) -> list[Mask]:
        """As many random masks as an audit has in all, of its sizes in turn."""
        generator = np.random.default_rng(self.plan.seed)
        pool = [(s.layer, e) for s in self.description.maskable_sites for e in range(s.experts)]
        count = round(self.plan.plain_masks + self.plan.control_masks(self.shape))
        found = []
        for i in range(count):
            k = min(self.plan.ks[i % len(self.plan.ks)], len(pool))
            picked = generator.choice(len(pool), size=k, replace=False)
            found.append(bare_mask([pool[j] for j in picked]))
        return found

    def replies(
        self, prompts: Sequence[Encoded], masks: Sequence[Mask]
    ) -> tuple[float, tuple[float, ...], dict[str, tuple[int, ...]]]:
        """Efficiency, survival, and the unmasked reply to each prompt, of a small sweep.

        As an audit sweeps, with all that saves work: the efficiency may be above 1.
        """
        # Equal masks are one row, which is to be counted once.
        unlike = {same_mask(mask): mask for mask in masks}.values()
        named = [UNMASKED, *(replace(mask, name=f"{i}") for i, mask in enumerate(unlike))]
        settings = SweepSettings(
            base="warm",
            new_tokens=self.plan.new_tokens,
            batch_rows=self.plan.batch_rows,
            judge=replace(self.judge, judge=_unasked, judge_all=None),
            techniques=self.techniques,
        )
        with tempfile.TemporaryDirectory() as folder, TrialStore(Path(folder) / STORE) as store:
            few = [Work(prompt=prompts[0], masks=tuple(named[:_WARM]))]
            warm = _timed(lambda: sweep(self.loaded, few, settings, store, _silent))
            rows = int(_MOST_SECONDS * len(few[0].masks) / warm)
            held = tuple(named[: max(_WARM, rows)])
            work = [Work(prompt=p, masks=held) for p in prompts[: max(1, rows // len(held))]]
            settings = replace(settings, base="timed")
            begun = self.clock()
            trials, _ = sweep(self.loaded, work, settings, store, _silent)
            taken = self.clock() - begun
            said = stored_replies(work, settings, store)
        alive = shares([trial.tokens for trial in trials], self.plan.new_tokens)
        lengths = [len(job.prompt.ids) for job in work for _ in job.masks]
        forwards = replies(sorted(lengths, reverse=True), self.plan.batch_rows, alive)
        spoken = {job.prompt.prompt.id: ids for job, ids in zip(work, said, strict=True)}
        return self._reached(list(forwards), taken), alive, spoken

    def reading(
        self,
        chosen: Sequence[Encoded],
        regular: Sequence[Encoded],
        benign: Sequence[Encoded],
        said: dict[str, tuple[int, ...]],
        masks: Sequence[Mask],
    ) -> dict[str, float]:
        """Efficiency of the stages that only read."""
        filler = next(iter(said.values()))
        small = max(1, self.plan.batch_rows // 8)
        new = self.plan.new_tokens
        return {
            "profile": self._profile(chosen[:small], filler, small),
            "attribution": self._attribution(regular[:small], small),
            "select": self._effects(regular, masks),
            "usefulness": self._usefulness(benign, filler, masks[:1], new),
        }

    def _profile(self, prompts: Sequence[Encoded], filler: tuple[int, ...], size: int) -> float:
        made = [filler] * len(prompts)
        run = lambda: capture(  # noqa: E731
            self.loaded, self.description, prompts, made, batch_rows=size
        )
        lengths = [len(p.ids) + len(filler) - 1 for p in prompts]
        return self._reached(list(reading(lengths, size)), self._second(run))

    def _attribution(self, prompts: Sequence[Encoded], size: int) -> float:
        # Any two tokens do: the gradient costs the same.
        target = TargetTokens(refusal=(0,), compliance=(1,))
        run = lambda: attribute(  # noqa: E731
            self.loaded, prompts, range(len(prompts)), target, batch_rows=size
        )
        lengths = [len(p.ids) for p in prompts]
        return self._reached(list(reading(lengths, size, passes=2)), self._second(run))

    def _effects(self, prompts: Sequence[Encoded], masks: Sequence[Mask]) -> float:
        rows = list(islice(_pairs(prompts, masks), self.plan.batch_rows))
        rows.sort(key=lambda row: -len(row.prompt.ids))
        ids, held = [row.prompt.ids for row in rows], [row.mask for row in rows]
        with Instrument(self.loaded.sites) as instrument:
            taken = self._second(lambda: next_logits(self.loaded, instrument, ids, held))
        lengths = [len(row.prompt.ids) for row in rows]
        return self._reached(list(reading(lengths, len(rows))), taken)

    def _usefulness(
        self, prompts: Sequence[Encoded], filler: tuple[int, ...], masks: Sequence[Mask], new: int
    ) -> float:
        most = max(1, LOG_BYTES // (4 * self.shape.vocabulary * new))
        part = prompts[: min(self.plan.batch_rows, most)]
        said = [filler] * len(part)
        with tempfile.TemporaryDirectory() as folder, TrialStore(Path(folder) / STORE) as store:
            bases = iter(("warm", "timed"))
            taken = self._second(
                lambda: usefulness(
                    self.loaded,
                    part,
                    said,
                    masks,
                    base=next(bases),
                    batch_rows=len(part),
                    store=store,
                    progress=lambda _done, _all: None,
                )
            )
        lengths = [len(p.ids) + len(filler) - 1 for p in part]
        times = 1 + len(masks)
        work = list(reading(lengths, len(part), kept=len(filler), times=times))
        return self._reached(work, taken)

    def _second(self, work: Callable[[], object]) -> float:
        """Seconds of the second time: the first one warms up."""
        work()
        return _timed(work, self.clock)

    def _reached(self, forwards: Sequence[tuple[Forward, int]], taken: float) -> float:
        kind = Format(weight=4.0, cache=4.0)
        ideal = seconds(self.shape, forwards, self.device, kind, Reach(efficiency=1.0))
        return ideal / taken


def _unasked(_prompt: str, _reply: str) -> Judgement:
    """Any outcome does: no reply is judged, so that no judge over a network is asked."""
    return Judgement(outcome="degenerate", reason="calibration")


def _silent(_done: int, _total: int) -> None:
    pass


def _pairs(prompts: Sequence[Encoded], masks: Sequence[Mask]) -> Iterator[Row]:
    """Rows as a sweep packs them: all masks of a prompt together."""
    for prompt in prompts:
        for i, mask in enumerate(masks):
            yield Row(prompt=prompt, mask=mask, key=f"{i:015x}")
