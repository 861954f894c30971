"""Decides which rows are computed together: the order of a wave, and its shards.

What a batch costs is the tokens that are read in it, padding and all. Rows of a cluster share a
prefix of their prompts (`prompt_cache.py`), read once for each mask, and a batch pads its prompts
and drafts to the longest of it. So prompts under the same masks are put in an order, and that is
cut into clusters where that leaves the fewest tokens to read: by length, which pads least, or by
their words, which share most; whichever is cheaper. A shard is as many clusters as it has room for.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from gatekeeper.engine.generate.batching import batches, reading_rows
from gatekeeper.engine.generate.prefix_sharing import decoder_layers, share_of_rows
from gatekeeper.engine.generate.prompt_cache import common, least_tokens
from gatekeeper.engine.generate.row_plan import Row, SweepSettings, by_depth, depth
from gatekeeper.engine.generate.techniques import Techniques
from gatekeeper.engine.model.load import LoadedModel
from gatekeeper.records.trial import what_it_does

#: Where rows enter as others end, a shard has at most so many batches, or so many rows if that is
#: more: enough that those whose drafts fell fill a batch.
_REFILLS, _ROWS = 4, 1024

#: Shards that a wave has at least, if a batch is not larger: workers share them. It must not hang
#: on how many workers there are, because replies hang on it by a rounding.
SHARES = 16

#: A batch of fewer rows than this part of a full one is not begun for the prefix that it shares.
_SMALL = 4

#: Share of the masks of a group, or of a prompt, that they have in common at least.
_ALIKE = 0.6

#: Most prompts that are looked at for a prefix they share, and most groups for one that a prompt
#: fits in: where each has masks of its own there are as many groups as prompts.
_PROMPTS, _GROUPS = 24, 16


def shards(loaded: LoadedModel, rows: Sequence[Row], settings: SweepSettings) -> list[list[Row]]:
    """Cuts the rows of a wave into shards, each computed and committed together.

    A batch each; more rows where those that end make room for others.
    """
    using = settings.techniques
    size = settings.batch_rows
    if using.refill:
        size = max(size, min(len(rows) // SHARES, max(_REFILLS * size, _ROWS)))
    if not using.fold:
        return _cut(loaded, rows, size, [what_it_does(row.mask) for row in rows])
    parts = _by_depth(rows, settings.batch_rows // _SMALL) if by_depth(using) else [list(rows)]
    # Batches as small as a cluster pay only where its rows go on beside those of others.
    clusters = using.cache_prompts and using.refill and using.sort_lengths
    if not clusters or not loaded.architecture.pads:
        return [shard for part in parts for shard in _cut(loaded, part, size)]
    cut: list[list[Row]] = []
    for part in parts:
        planner = _BatchPlanner(
            batch=reading_rows(settings.batch_rows, loaded.device),
            size=size,
            least=start_of(loaded, part, using),
        )
        cut += _filled(planner.arranged(part), size)
    return cut


def start_of(loaded: LoadedModel, rows: Sequence[Row], using: Techniques) -> int:
    """The cost of starting a forward of these rows, in tokens of a row."""
    shares = using.share_prefix and loaded.architecture.shares
    layers = decoder_layers(loaded.model, loaded.sites) if shares else None
    share = share_of_rows(layers, min(map(depth, rows), default=math.inf))
    return least_tokens(loaded.device.type == "cuda", share)


def _filled(clusters: Iterable[list[Row]], size: int) -> list[list[Row]]:
    """Puts clusters into shards of up to so many rows."""
    shards: list[list[Row]] = []
    for number, cluster in enumerate(clusters):
        if not shards or len(shards[-1]) + len(cluster) > size:
            shards.append([])
        shards[-1] += [replace(row, cluster=number) for row in cluster]
    return shards


def _cut(
    loaded: LoadedModel, rows: Sequence[Row], size: int, apart: Sequence[str] | None = None
) -> list[list[Row]]:
    """Cuts rows in their order into batches."""
    lengths = [len(row.prompt.ids) for row in rows]
    parts = batches(lengths, size, pads=loaded.architecture.pads, apart=apart)
    return [list(rows[part]) for part in parts]


def _by_depth(rows: Sequence[Row], least: int) -> list[list[Row]]:
    """Cuts rows where the first masked layer is less deep than that of the row before.

    Not before `least` rows have the one before: small batches cost more than a prefix saves.
    """
    parts: list[list[Row]] = [[]]
    for row, before in zip(rows, [None, *rows], strict=False):
        shallower = before is not None and depth(row) < depth(before) < math.inf
        if shallower and len(parts[-1]) >= least:
            parts.append([])
        parts[-1].append(row)
    return parts


@dataclass(frozen=True, slots=True)
class _PromptRows:
    """A prompt and its rows, one to each mask; `draft` is the length of the longest draft."""

    ids: tuple[int, ...]
    draft: int
    rows: tuple[Row, ...]


#: An order of prompts, cut into clusters, as places in a group.
_Cuts = list[list[int]]


@dataclass(frozen=True, slots=True, kw_only=True)
class _BatchPlanner:
    """Puts rows into clusters: at most `batch` rows read side by side, and `size` rows are a shard.

    `least`: tokens that a forward has to save to be worth its start.
    """

    batch: int
    size: int
    least: int

    def arranged(self, rows: Sequence[Row]) -> Iterator[list[Row]]:
        """Puts rows into clusters, prompts under about the same masks together."""
        for places, group in _alike(_by_prompt(rows)):
            # A block leaves room in a batch for rows that are still writing.
            count = -(-len(places) // max(1, self.batch * 3 // 4))
            blocks = {mask: place * count // len(places) for mask, place in places.items()}
            clusters = self._clusters(group, -(-len(places) // count))
            clustered: dict[tuple[int, int], list[Row]] = {}
            for number, cluster in enumerate(clusters):
                for row in (row for place in cluster for row in group[place].rows):
                    clustered.setdefault((blocks[row.mask.name], number), []).append(row)
            for _, its in sorted(clustered.items(), key=lambda item: item[0]):
                yield its

    def _clusters(self, group: Sequence[_PromptRows], masks: int) -> _Cuts:
        """A group's clusters in the cheaper order; the longest prompts of a cluster first."""
        cheaper = min(
            self._by_length(group, masks), self._by_words(group, masks), key=lambda order: order[0]
        )
        lengths = [(len(prompt.ids), prompt.draft) for prompt in group]
        return [sorted(cut, key=lambda i: lengths[i], reverse=True) for cut in cheaper[1]]

    def _by_length(self, group: Sequence[_PromptRows], masks: int) -> tuple[int, _Cuts]:
        """Tokens to read and clusters, if prompts of like length stand together, nothing shared."""
        order = sorted(range(len(group)), key=lambda i: (-group[i].draft, -len(group[i].ids), i))
        apiece, most = max(1, self.batch // masks), max(1, self.size // masks)
        cost = 0
        for part in _runs(order, apiece):
            read = max(len(group[i].ids) for i in part) + max(group[i].draft for i in part)
            cost += self.least + masks * len(part) * read
        return cost, _runs(order, most)

    def _by_words(self, group: Sequence[_PromptRows], masks: int) -> tuple[int, _Cuts]:
        """Tokens to read and the cheapest clusters, if prompts that begin alike stand together."""
        order = sorted(range(len(group)), key=lambda i: group[i].ids)
        ids = [group[i].ids for i in order]
        shared = [0, *(common(pair) for pair in itertools.pairwise(ids))]
        most = min(max(1, self.size // masks), _PROMPTS)
        apiece = max(1, self.batch // masks)
        best: list[tuple[int, int]] = [(0, 0)]
        for stop in range(1, len(order) + 1):
            options, prefix = [], len(ids[stop - 1]) - 1
            longest = draft = unpadded = 0
            for start in range(stop - 1, max(0, stop - most) - 1, -1):
                prompt = group[order[start]]
                longest, draft = max(longest, len(prompt.ids)), max(draft, prompt.draft)
                unpadded += len(prompt.ids) + prompt.draft
                prompts = stop - start
                # Prompts that share no batch pad each other in none.
                read = prompts * (longest + draft) if apiece > 1 else unpadded
                spared = (prompts - 1) * masks * prefix
                cost = masks * read + self.least * -(-prompts // apiece)
                if spared >= self.least:
                    cost += self.least - spared
                options.append((best[start][0] + cost, start))
                prefix = min(prefix, shared[start])
            best.append(min(options))
        cuts, stop = [], len(order)
        while stop:
            start = best[stop][1]
            cuts.append(order[start:stop])
            stop = start
        return best[-1][0], cuts[::-1]


def _alike(prompts: Sequence[_PromptRows]) -> list[tuple[dict[str, int], list[_PromptRows]]]:
    """Prompts in groups under much the same masks, and the place of each mask of the group.

    Not quite the same: some rows run under some masks only, others under every one.
    """
    groups: list[tuple[dict[str, int], list[_PromptRows]]] = []
    for prompt in sorted(prompts, key=lambda a: -len(a.rows)):
        names = [row.mask.name for row in prompt.rows]
        fitting = (
            fit
            for fit in groups[-_GROUPS:]
            if sum(name in fit[0] for name in names) >= _ALIKE * max(len(names), len(fit[0]))
        )
        fit = next(fitting, None)
        if fit is None:
            groups.append(fit := ({}, []))
        places, group = fit
        group.append(prompt)
        for name in names:
            places.setdefault(name, len(places))
    return groups


def _runs(order: Sequence[int], size: int) -> _Cuts:
    return [list(order[i : i + size]) for i in range(0, len(order), size)]


def _by_prompt(rows: Sequence[Row]) -> list[_PromptRows]:
    """Groups rows by their prompts."""
    by_prompt: dict[tuple[int, ...], list[Row]] = {}
    for row in rows:
        by_prompt.setdefault(row.prompt.ids, []).append(row)
    return [
        _PromptRows(ids, max(len(row.draft or ()) for row in its), tuple(its))
        for ids, its in by_prompt.items()
    ]
