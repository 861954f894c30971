"""The rows of an audit by stage, counted as the audit plans them; torch is not needed.

Counts are upper bounds where the audit itself decides: that all selectors find masks, that no two
masks of different selectors are the same set, that every harmful prompt is refused unmasked and
every benign one answered.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from gatekeeper import catalog
from gatekeeper.estimate.roofline import Forward, Shape, reading, replies
from gatekeeper.records.audit_config import AuditConfig
from gatekeeper.records.plugins import Selector
from gatekeeper.records.positive import MADE_FROM, MADE_OF, SETS_RUN, TRIED, tried_layers
from gatekeeper.records.suite import HARMFUL_SETS, SETS, Prompt
from gatekeeper.records.trial import Mask, on_every_set, what_it_does
from gatekeeper.suites.split import MEASUREMENT, SELECTION, limit, split_seeds

#: Prompts of each harmful set that an effect is measured on, at most
#: (`engine.measure.mask_effects`).
MEASURED = 32
#: Bytes that log-probabilities of a batch may take (`engine.measure.usefulness`).
LOG_BYTES = 256 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What decides how much an audit computes.

    Attributes:
        lengths: tokens of each prompt as the model sees it, by prompt id.
        masks: those of the audit, or as many (`stand_in`).
        thought: tokens of reasoning that may come before each reply.
    """

    prompts: tuple[Prompt, ...]
    lengths: Mapping[str, int]
    config: AuditConfig
    masks: tuple[Mask, ...]
    batch_rows: int
    thought: int = 0

    @property
    def new_tokens(self) -> int:
        """Tokens that a row may make."""
        return self.config.max_new_tokens + self.thought

    def sides(self) -> list[tuple[list[Prompt], list[Prompt]]]:
        """(selecting, measuring) prompts of each fold."""
        config = self.config
        prompts = limit(self.prompts, config.max_prompts, config.seed)
        split = split_seeds(prompts, config.selection_share, config.seed)
        selecting = [p for p in prompts if split[p.seed_id] == SELECTION]
        measuring = [p for p in prompts if split[p.seed_id] == MEASUREMENT]
        pair = (selecting, measuring)
        return [pair, (measuring, selecting)] if config.cross_fit else [pair]

    def run_on(self, name: str) -> tuple[Mask, ...]:
        """Masks that each prompt of a set is run under; of equal ones, which share a row, one."""
        run = [mask for mask in self.masks if name == "regular" or on_every_set(mask)]
        return tuple({what_it_does(mask): mask for mask in run}.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """A part of an audit: its rows, and the forwards that they take."""

    name: str
    rows: int
    forwards: tuple[tuple[Forward, int], ...]


class _Tally:
    """Rows and forwards by stage, in the order of their first mention."""

    def __init__(self) -> None:
        self._rows: dict[str, int] = {}
        self._forwards: dict[str, list[tuple[Forward, int]]] = {}

    def add(self, name: str, rows: int, forwards: Iterable[tuple[Forward, int]]) -> None:
        """More rows of a stage."""
        self._rows[name] = self._rows.get(name, 0) + rows
        self._forwards.setdefault(name, []).extend(forwards)

    def stages(self) -> tuple[Stage, ...]:
        """All stages."""
        return tuple(
            Stage(name=name, rows=rows, forwards=tuple(self._forwards[name]))
            for name, rows in self._rows.items()
        )


def stages(plan: Plan, shape: Shape, alive: Sequence[float]) -> tuple[Stage, ...]:
    """Every stage that runs the model, over both folds.

    Args:
        alive: share of rows still running at each step after the first.
    """
    tally = _Tally()
    run = {name: len(plan.run_on(name)) for name in SETS}
    for selecting, measuring in plan.sides():
        _selection(plan, selecting, alive, tally)
        rows = [plan.lengths[p.id] for p in measuring for _ in range(run[p.set])]
        tally.add("trials", len(rows), replies(rows, plan.batch_rows, alive))
        lengths = [plan.lengths[p.id] for p in measuring]
        tally.add("trials", len(lengths), replies(lengths, max(1, plan.batch_rows * 5 // 8), alive))
        if plan.config.positive_control:
            _positive(plan, shape, (selecting, measuring), alive, tally)
        _usefulness(plan, shape, measuring, tally)
    return tally.stages()


def _selection(
    plan: Plan, selecting: Sequence[Prompt], alive: Sequence[float], tally: _Tally
) -> None:
    lengths = [plan.lengths[p.id] for p in selecting]
    tally.add("unmasked", len(lengths), replies(lengths, plan.batch_rows, alive))
    small = max(1, plan.batch_rows // 8)
    read = [n + plan.new_tokens - 1 for n in lengths]
    tally.add("profile", len(read), reading(read, small))
    chosen = [selector(name) for name in plan.config.selectors]
    harmful = [[plan.lengths[p.id] for p in selecting if p.set == name] for name in HARMFUL_SETS]
    if any(s.needs_attribution for s in chosen):
        refused = [length for group in harmful for length in group]
        tally.add("attribution", len(refused), reading(refused, small, passes=2))
    if any(s.measures for s in chosen):
        measured = sorted(n for group in harmful for n in _spread(group))
        rows = min(searched(chosen, plan.config.size, len(measured)), plan.config.budget)
        repeated = [n for n in measured for _ in range(rows // max(len(measured), 1))]
        tally.add("select", rows, reading(repeated, plan.batch_rows))


def _positive(
    plan: Plan,
    shape: Shape,
    sides: tuple[Sequence[Prompt], Sequence[Prompt]],
    alive: Sequence[float],
    tally: _Tally,
) -> None:
    """Prompts that make the direction, that each layer is tried on, and that measure."""
    selecting = [sorted(plan.lengths[p.id] for p in sides[0] if p.set == name) for name in MADE_OF]
    longest = [length for lengths in selecting for length in lengths[-MADE_FROM:]]
    tally.add("positive control", len(longest), reading(longest, max(1, plan.batch_rows // 8)))
    tried = [n for lengths, most in zip(selecting, TRIED, strict=True) for n in lengths[-most:]]
    measured = [plan.lengths[p.id] for p in sides[1] if p.set in SETS_RUN]
    for lengths in [tried] * len(tried_layers(shape.layers)) + [measured]:
        falling = sorted(lengths, reverse=True)
        tally.add("positive control", len(falling), replies(falling, plan.batch_rows, alive))


def _spread(lengths: Sequence[int]) -> list[int]:
    """The lengths of as many prompts as effects are measured on, spread over all lengths."""
    ordered = sorted(lengths)
    if len(ordered) <= MEASURED:
        return ordered
    return [ordered[i * len(ordered) // MEASURED] for i in range(MEASURED)]


def _usefulness(plan: Plan, shape: Shape, measuring: Sequence[Prompt], tally: _Tally) -> None:
    benign = [plan.lengths[p.id] + plan.new_tokens - 1 for p in measuring if p.set == "benign"]
    most = max(1, LOG_BYTES // (4 * shape.vocabulary * plan.new_tokens))
    masks = 1 + sum(mask.arm == "selected" for mask in plan.run_on("benign"))
    size = min(plan.batch_rows, most)
    forwards = reading(benign, size, kept=plan.new_tokens, times=masks)
    tally.add("usefulness", len(benign) * masks, forwards)


def searched(selectors: Iterable[Selector], size: int, prompts: int) -> int:
    """Rows that the selectors which measure can need, those of the unmasked model among them."""
    needed = [s.rows_needed(size, prompts) + prompts for s in selectors if s.rows_needed]
    return sum(needed)


def selector(name: str) -> Selector:
    """The selector of a name.

    Raises:
        UsageError: there is none.
    """
    loaded: Selector = catalog.load("selector", name)
    return loaded
