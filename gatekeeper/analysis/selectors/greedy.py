"""Grows and shrinks a mask by its measured effect: finds experts that back each other up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from gatekeeper.analysis.nested_masks import START, Path, Search, paired, shrinking, starts
from gatekeeper.analysis.part_ranking import by_part
from gatekeeper.analysis.ranking import (
    Scored,
    groups_of,
    in_turn,
    index_of,
    order_by,
    selection,
)
from gatekeeper.analysis.refused import Refused, refused_by_set
from gatekeeper.analysis.seeds import existing
from gatekeeper.records.model import ExpertId
from gatekeeper.records.plugins import SelectionInput, Selector
from gatekeeper.records.selection import Selection

_ID, _VERSION, _WINDOW = "greedy", 5, "prompt"
_THRESHOLD = 0.9
#: Experts tried one by one, from the others' rankings in turn.
_SHORTLIST = 24
#: Beside them, those that carry most more of a part of a set, which a mean over the set dilutes.
_BY_PART = 8


def most_masks(size: int) -> int:
    """Masks that are measured on all prompts, beside pairs, if the budget allows all."""
    shortlist = _shortlist(size)
    tried = shortlist + _BY_PART
    grown = sum(tried - i for i in range(size))
    grown += sum(tried - i for i in range(2, size))  # from the pair
    return 1 + grown + sum(shrinking(start, size) for start in starts(size, shortlist))


def _shortlist(size: int) -> int:
    return max(_SHORTLIST, START * size)


def rows_needed(size: int, prompts: int) -> int:
    """Rows of a budget that allows every step, for so many experts and measured prompts.

    Of as many experts shortlisted as there can be. The unmasked model is not on the budget.
    """
    pairs = paired(_shortlist(size), prompts) if size > 1 else 0
    return (most_masks(size) - 1) * prompts + pairs


def _select(inputs: SelectionInput) -> Selection | str:
    """Nested masks by measured effect, grown and shrunk; the path that costs more is taken.

    Growing adds at each step the expert of a shortlist whose masking costs most refusal log-odds
    beside those taken before. Two experts that back each other up show nothing singly, so growing
    may pass them by: it also begins with the pair that costs most. Shrinking starts from many
    experts masked at once and gives back the one that is least missed, which leaves larger groups
    to the end. It starts several times: where so many masked experts break the model, nothing tells
    which is missed, and a smaller start may. The path is taken whose masks of 1, 2, 4, … experts
    cost most. Groups of three and more that show neither singly nor in a mask of many are not
    found. Where a mask grows, experts that carry most of one category, language or wrapper are
    tried too. Measured under reroute on refused prompts of the selection split: what is seen is
    what is masked later. Regular prompts and jailbreaks
    count apart: an expert costs what it costs in the set where that is more.

    π̂ of an expert is conditional: how often, over complementary half-samples of the prompts, the
    same step would have been taken to the mask that it completes; 0 where nothing was chosen.
    """
    measure = inputs.measure
    if measure is None:
        return "nothing can be measured here"
    if len(measure.rows) == 0:
        return measure.note
    names = inputs.seeds[measure.rows]
    refused = refused_by_set(inputs.sets[measure.rows], names)
    if isinstance(refused, str):
        return refused
    candidates = _candidates(inputs)
    if not candidates:
        return "no other selector gave a shortlist"
    search = Search(
        inputs=inputs, measure=measure, names=names, sets=refused.rows, left=inputs.budget
    )
    paths = _paths(search, candidates)
    if not paths:
        return (
            f"a budget of {inputs.budget} rows does not allow one step of "
            f"{len(candidates) * len(measure.rows)}"
        )
    return _record(inputs, search, refused, candidates, paths)


def _candidates(inputs: SelectionInput) -> tuple[ExpertId, ...]:
    """The first of the other rankings in turn, then the first by part that are not among them.

    Those by part are tried where a mask grows, and are no part of masks that are shrunk.
    """
    count = _shortlist(inputs.size)
    turns = in_turn(inputs.others, count + _BY_PART)
    first, rest = turns[:count], turns[count:]
    if not first:
        return ()
    more = (*by_part(inputs, count + _BY_PART), *rest)
    return tuple(dict.fromkeys((*first, *more)))[: count + _BY_PART]


def _paths(search: Search, candidates: Sequence[ExpertId]) -> list[Path]:
    """The mask that was grown, then those that were shrunk; none if the budget has no step."""
    size = min(search.inputs.size, len(candidates))
    grown = search.grow(candidates, size)
    if not grown.order:
        return []
    others = [*grown.order, *(e for e in candidates if e not in grown.order)]
    shrunk = [
        search.shrink(candidates[:start], size, others) for start in starts(size, len(candidates))
    ]
    pair = search.best_pair(candidates) if size > 1 else None
    if pair and set(pair.order) == set(grown.order[:2]):
        pair = None  # what was grown from one expert goes on from it already
    from_pair = search.grow(candidates, size, pair) if pair else None
    # Paths are held against each other at the sizes of the shortest: one cut short tells nothing.
    whole = from_pair if from_pair and len(from_pair.order) >= len(grown.order) else None
    return [grown, *(path for path in (*shrunk, whole) if path)]


def _record(
    inputs: SelectionInput,
    search: Search,
    refused: Refused,
    candidates: Sequence[ExpertId],
    paths: Sequence[Path],
) -> Selection:
    path = search.best(paths)
    slots = existing(inputs)
    score = np.where(slots, 0.0, -np.inf)
    probability, rank = np.zeros(len(slots)), np.zeros(len(slots))
    added = np.diff(search.costs(path.effects), axis=0, prepend=0.0).max(axis=1)
    for i, expert in enumerate(path.order):
        place = index_of(inputs, expert)
        score[place] = added[i]
        probability[place] = path.steps[i]
    rest = [expert for expert in candidates if expert not in path.order]
    for i, expert in enumerate((*path.order, *rest)):
        rank[index_of(inputs, expert)] = len(slots) - i
    stable = (probability >= _THRESHOLD) & (score > 0)
    scored = Scored(
        score=score,
        probability=probability,
        order=order_by(rank),
        groups=groups_of(np.zeros_like(stable), stable),
        forwards=search.spent,
    )
    record = selection(
        inputs,
        scored,
        selector=_ID,
        version=_VERSION,
        window=_WINDOW,
        prompts=refused.seeds,
        resamples=inputs.resamples + inputs.resamples % 2,
        threshold=_THRESHOLD,
        notes=[*_notes(inputs, search, candidates, paths, path), *filter(None, (refused.note,))],
    )
    return replace(record, cut=search.cut)


def _notes(
    inputs: SelectionInput,
    search: Search,
    candidates: Sequence[ExpertId],
    paths: Sequence[Path],
    best: Path,
) -> list[str]:
    notes = [
        search.measure.note,
        f"{search.spent} rows measured of a budget of {inputs.budget}; {len(candidates)} experts "
        f"shortlisted from {len(inputs.others)} other rankings; masks were "
        f"{', '.join(path.how for path in paths)}; taken was the one {best.how}.",
        "The selection probability of an expert is conditional on the step that it completes.",
    ]
    if search.passed:
        notes.append(
            f"The budget did not allow masks {', '.join(search.passed)}: groups may have been "
            "passed by."
        )
    if len(best.order) < min(inputs.size, len(candidates)):
        notes.append(
            f"The budget ran out after {len(best.order)} experts; the order of the others is that "
            "of the shortlist."
        )
    return notes


SELECTOR = Selector(
    id=_ID,
    version=_VERSION,
    title="Greedy by measured effect",
    needs_attribution=True,
    select=_select,
    rows_needed=rows_needed,
)
