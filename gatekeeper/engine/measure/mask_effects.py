"""Measures the effect of masks on the refusal log-odds of the first reply token."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from gatekeeper.engine.generate.batching import Encoded, batches
from gatekeeper.engine.generate.decode import next_logits
from gatekeeper.engine.generate.out_of_memory import in_halves
from gatekeeper.engine.measure.attribute import TargetTokens, log_odds
from gatekeeper.engine.model.hooks import Instrument
from gatekeeper.engine.model.load import LoadedModel
from gatekeeper.engine.progress import Reporter
from gatekeeper.errors import AuditError
from gatekeeper.evidence.trial_store import TrialStore
from gatekeeper.records.digest import sha256
from gatekeeper.records.model import ExpertId
from gatekeeper.records.trial import UNMASKED, Mask, bare_mask

#: Most prompts of a set that an effect is averaged over.
_MOST_PROMPTS = 32


@dataclass(slots=True, kw_only=True)
class MeasuredEffect:
    """Measures refusal log-odds lost under masks; each result is kept in the store.

    Attributes:
        prompts: the N prompts, and `rows` their rows of the profile; none if nothing can be
            measured.
        base: digest of what else a number depends on.
        note: what is measured, or why nothing can be.
    """

    loaded: LoadedModel
    store: TrialStore
    reporter: Reporter
    prompts: Sequence[Encoded]
    rows: npt.NDArray[np.intp]
    target: TargetTokens
    base: str
    batch_rows: int
    share_prefix: bool
    note: str
    _plain: npt.NDArray[np.float64] | None = field(default=None, init=False)

    def __call__(
        self, masks: Sequence[Sequence[ExpertId]], columns: Sequence[int] | None = None
    ) -> npt.NDArray[np.float64]:
        """Log-odds that each mask takes from each prompt: see `records.plugins.Measure`.

        Raises:
            AuditError: the device's memory does not hold a single row.
        """
        everyone = range(len(self.prompts))
        if self._plain is None:
            self._plain = self._measured([UNMASKED], everyone)[0]
        prompts = everyone if columns is None else columns
        masked = self._measured([bare_mask(experts) for experts in masks], prompts)
        return self._plain[list(prompts)] - masked

    def of_set(self, name: str) -> MeasuredEffect:
        """The same measurement on the prompts of one set alone."""
        members = [i for i, p in enumerate(self.prompts) if p.prompt.set == name]
        return replace(self, prompts=[self.prompts[i] for i in members], rows=self.rows[members])

    def _measured(self, masks: Sequence[Mask], columns: Sequence[int]) -> npt.NDArray[np.float64]:
        """Refusal log-odds per mask and prompt of these columns."""
        effects = np.empty((len(masks), len(self.prompts)))
        # All masks of a prompt stand together, so that they share what lies below the first mask.
        order = sorted(columns, key=lambda i: (-len(self.prompts[i].ids), i))
        plan = [(mask, i) for i in order for mask in range(len(masks))]
        lengths = [len(self.prompts[i].ids) for _, i in plan]
        done = 0
        with Instrument(self.loaded.sites) as instrument:
            for part in batches(lengths, self.batch_rows, pads=self.loaded.architecture.pads):
                rows = plan[part]
                values = self._batch(
                    instrument,
                    [self.prompts[i].ids for _, i in rows],
                    [masks[mask] for mask, _ in rows],
                )
                effects[[mask for mask, _ in rows], [i for _, i in rows]] = values
                done += len(rows)
                self.reporter.advance(done, len(plan))
        return effects[:, list(columns)]

    def _batch(
        self, instrument: Instrument, prompts: Sequence[Sequence[int]], masks: Sequence[Mask]
    ) -> npt.NDArray[np.float64]:
        text = "|".join(
            f"{list(p)} {sorted(m.experts)}" for p, m in zip(prompts, masks, strict=True)
        )
        name = "effect " + sha256(f"{self.base} {self.target} {text}")
        stored = self.store.blob(name)
        if stored is None:
            pairs = list(zip(prompts, masks, strict=True))
            values = np.array(in_halves(pairs, lambda rows: self._run(instrument, rows)))
            if not np.isfinite(values).all():
                raise AuditError(
                    "the model gave logits that are not finite under a mask",
                    remedy="audit in another --dtype, or leave out selectors that measure",
                )
            stored = self.store.put_blob(name, values.tobytes())
        return np.frombuffer(stored, np.float64)

    def _run(
        self, instrument: Instrument, rows: Sequence[tuple[Sequence[int], Mask]]
    ) -> list[float]:
        logits = next_logits(
            self.loaded,
            instrument,
            [ids for ids, _ in rows],
            [mask for _, mask in rows],
            share_prefix=self.share_prefix,
        )
        values: list[float] = log_odds(logits, self.target).tolist()
        return values


def chosen_rows(
    rows: Sequence[int],
    seeds: Sequence[str],
    seed: int,
    most: int = _MOST_PROMPTS,
    parts: Sequence[tuple[str, ...]] = (),
) -> npt.NDArray[np.intp]:
    """Draws at most so many of the rows, of as many seeds as there are, by seed.

    Args:
        parts: what each row is a part of, such as its category; then each part is drawn in
            proportion, as one of which no row is drawn is not looked at.
    """
    order = np.random.default_rng(seed).permutation(len(rows)).tolist()
    first: dict[str, int] = {}
    for i in order:
        first.setdefault(seeds[i], i)
    taken = set(first.values())
    turns = [*first.values()], [i for i in order if i not in taken]
    if parts:
        turns = _in_proportion(turns[0], parts, most), _in_proportion(turns[1], parts, most)
    picked = sorted([*turns[0], *turns[1]][:most])
    return np.array([rows[i] for i in picked], dtype=np.intp)


def _in_proportion(order: Sequence[int], parts: Sequence[tuple[str, ...]], most: int) -> list[int]:
    """The first so many, one by one of the parts that lack most; of equal ones the first in order.

    As seats are given to parties by Sainte-Laguë, a row having several: the sum counts.
    """
    total = Counter(part for i in order for part in parts[i])
    taken: Counter[str] = Counter()
    left, picked = list(order), list[int]()
    while left and len(picked) < most:
        best = min(left, key=lambda i: sum((taken[p] + 0.5) / total[p] for p in parts[i]))
        left.remove(best)
        picked.append(best)
        taken.update(parts[best])
    return picked
