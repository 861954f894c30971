"""The rows of an audit by stage, counted as the audit plans them; torch is not needed.

Counts are upper bounds where the audit itself decides: that all selectors find masks, that no two
masks of different selectors are the same set, that every harmful prompt is refused unmasked and
every benign one answered.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from gatekeeper import catalog
from gatekeeper.estimate.roofline import Forward, Shape, distinct, reading, replies
from gatekeeper.records.plugins import Selector
from gatekeeper.records.suite import HARMFUL_SETS, Prompt
from gatekeeper.suites.split import MEASUREMENT, SELECTION, limit, split_seeds

#: Prompts of each harmful set that an effect is measured on, at most
#: (`engine.measure.mask_effects`).
MEASURED = 32
#: Prompts of the selection half that a layer of the positive control is tried on, at most: refused
#: regular ones and answered benign ones.
TRIED = (32, 16)
#: Sets whose prompts make a direction, and how many of each at most: as in Arditi et al. 2024.
MADE_OF, MADE_FROM = ("regular", "benign"), 128
#: Sets that are run without it.
POSITIVE_SETS = ("regular", "jailbreak", "benign")
#: Layers that are tried at most.
_LAYERS = 12
#: Bytes that log-probabilities of a batch may take (`engine.measure.usefulness`).
LOG_BYTES = 256 << 20
#: Masks beside the selected ones, of each selector that tells two groups apart.
_GROUPS = 2


def tried_layers(layers: int) -> tuple[int, ...]:
    """Decoder layers that the positive control's direction may be read behind, evenly spaced."""
    most = min(layers, _LAYERS)
    return tuple(dict.fromkeys(round(i * (layers - 1) / max(most - 1, 1)) for i in range(most)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What decides how much an audit computes; options of the same names.

    Attributes:
        lengths: tokens of each prompt as the model sees it, by prompt id.
        doses: how many.
    """

    prompts: tuple[Prompt, ...]
    lengths: Mapping[str, int]
    selectors: tuple[str, ...]
    ks: tuple[int, ...]
    controls: int
    doses: int
    size: int
    budget: int
    max_prompts: int | None
    selection_share: float
    cross_fit: bool
    seed: int
    new_tokens: int
    batch_rows: int
    positive_control: bool = True

    def sides(self) -> list[tuple[list[Prompt], list[Prompt]]]:
        """(selecting, measuring) prompts of each fold."""
        prompts = limit(self.prompts, self.max_prompts, self.seed)
        split = split_seeds(prompts, self.selection_share, self.seed)
        selecting = [p for p in prompts if split[p.seed_id] == SELECTION]
        measuring = [p for p in prompts if split[p.seed_id] == MEASUREMENT]
        pair = (selecting, measuring)
        return [pair, (measuring, selecting)] if self.cross_fit else [pair]

    @property
    def plain_masks(self) -> int:
        """Masks that every set runs under: none, the selected ones, those beside."""
        return 1 + self.selected_masks + len(self.ks) + self._groups

    @property
    def selected_masks(self) -> int:
        """One per selector and k."""
        return len(self.selectors) * len(self.ks)

    @property
    def _groups(self) -> int:
        return _GROUPS * sum(selector(name).groups for name in self.selectors)

    def control_masks(self, shape: Shape) -> float:
        """Random masks and doses, run on regular prompts only.

        Controls of one expert are few different ones: equal masks are run once.
        """
        experts = sum(e for e, _ in shape.moe)
        single = distinct(self.controls, len(self.selectors), experts)
        drawn = sum(single if k == 1 else len(self.selectors) * self.controls for k in self.ks)
        return drawn + len(self.selectors) * self.doses


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
        """All of it."""
        return tuple(
            Stage(name=name, rows=rows, forwards=tuple(self._forwards[name]))
            for name, rows in self._rows.items()
        )


def stages(
    plan: Plan, shape: Shape, alive: Sequence[float], alive_controls: Sequence[float] | None = None
) -> tuple[Stage, ...]:
    """Every stage that runs the model, over both folds.

    Args:
        alive: share of rows still running at each step after the first; `alive_controls`: those of
            random masks, whose replies are more often refusals, and stop early.
    """
    tally = _Tally()
    for selecting, measuring in plan.sides():
        _selection(plan, selecting, alive, tally)
        own = [plan.lengths[p.id] for p in measuring]
        regular = [plan.lengths[p.id] for p in measuring if p.set == "regular"]
        plain = sorted(own * plan.plain_masks, reverse=True)
        tally.add("trials", len(plain), replies(plain, plan.batch_rows, alive))
        tally.add("trials", len(own), replies(own, max(1, plan.batch_rows * 5 // 8), alive))
        masks = plan.control_masks(shape)
        drawn = [length for length in regular for _ in range(round(masks))]
        survivors = alive if alive_controls is None else alive_controls
        tally.add("controls", len(drawn), replies(drawn, plan.batch_rows, survivors))
        if plan.positive_control:
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
    chosen = [selector(name) for name in plan.selectors]
    harmful = [[plan.lengths[p.id] for p in selecting if p.set == name] for name in HARMFUL_SETS]
    if any(s.needs_attribution for s in chosen):
        refused = [length for own in harmful for length in own]
        tally.add("attribution", len(refused), reading(refused, small, passes=2))
    if any(s.measures for s in chosen):
        measured = sorted(n for own in harmful for n in _spread(own))
        rows = min(searched(chosen, plan.size, len(measured)), plan.budget)
        asked = [n for n in measured for _ in range(rows // max(len(measured), 1))]
        tally.add("select", rows, reading(asked, plan.batch_rows))


def _positive(
    plan: Plan,
    shape: Shape,
    sides: tuple[Sequence[Prompt], Sequence[Prompt]],
    alive: Sequence[float],
    tally: _Tally,
) -> None:
    """Prompts that make the direction, that each layer is tried on, and that measure."""
    selecting = [sorted(plan.lengths[p.id] for p in sides[0] if p.set == name) for name in MADE_OF]
    made = [length for lengths in selecting for length in lengths[-MADE_FROM:]]
    tally.add("positive control", len(made), reading(made, max(1, plan.batch_rows // 8)))
    tried = [n for lengths, most in zip(selecting, TRIED, strict=True) for n in lengths[-most:]]
    measured = [plan.lengths[p.id] for p in sides[1] if p.set in POSITIVE_SETS]
    for lengths in [tried] * len(tried_layers(shape.layers)) + [measured]:
        own = sorted(lengths, reverse=True)
        tally.add("positive control", len(own), replies(own, plan.batch_rows, alive))


def _spread(lengths: Sequence[int]) -> list[int]:
    """As many as are measured, of lengths as they come."""
    ordered = sorted(lengths)
    if len(ordered) <= MEASURED:
        return ordered
    return [ordered[i * len(ordered) // MEASURED] for i in range(MEASURED)]


def _usefulness(plan: Plan, shape: Shape, measuring: Sequence[Prompt], tally: _Tally) -> None:
    benign = [plan.lengths[p.id] + plan.new_tokens - 1 for p in measuring if p.set == "benign"]
    most = max(1, LOG_BYTES // (4 * shape.vocabulary * plan.new_tokens))
    masks = 1 + plan.selected_masks
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
    found: Selector = catalog.load("selector", name)
    return found
