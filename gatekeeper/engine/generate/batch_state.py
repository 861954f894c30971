"""Runs a batch of rows that generate: their cache, masks and tokens so far."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from gatekeeper.engine.generate.batching import left_padded, positions
from gatekeeper.engine.generate.decode_context import DecodeContext
from gatekeeper.engine.generate.kv_cache import crop, join, padded, trim
from gatekeeper.engine.generate.prefix_sharing import part_rows

#: How often the reasoning of a row is measured, in tokens of its own; and how often rows that have
#: ended are dropped from the batch, in steps.
LOOK_EVERY = 4

#: How a row ended: by an end token, or at the token window.
END, WINDOW = "end", "window"


class Running:
    """The running rows of a batch.

    Rows that have seen the same tokens form a group. Layers below the first mask depend on tokens
    only, so they run once per group; their cache has a line per group, that of the layers above a
    line per row. Without sharing every row is a group of its own.

    Attributes:
        rows: numbers of the rows, in the order of their lines.
        ends: how those that have ended did.
    """

    def __init__(
        self, context: DecodeContext, rows: Sequence[int], cut: int = 0, stop: int | None = None
    ) -> None:
        """Sets up the forward that reads the prompts.

        Args:
            cut: tokens of every prompt that have been read: `start_from` their cache.
            stop: so many tokens of every prompt are all that is read.
        """
        self.context = context
        self.rows = list(rows)
        self.generated: dict[int, list[int]] = {row: [] for row in rows}
        self.ends: dict[int, str] = {}
        self.masks = context.masks_of(rows)
        self.cache: Any = None  # the model makes the kind it needs
        prompts = [tuple(context.prompts[row][cut:stop]) for row in rows]
        groups = prompts if context.layers is None else list(dict.fromkeys(prompts))
        at = {prompt: i for i, prompt in enumerate(groups)}
        self.group = [*range(len(prompts))] if context.layers is None else [at[p] for p in prompts]
        self.ids, self.attention = left_padded(groups, context.loaded.pad_id, context.loaded.device)
        if cut:
            before = self.attention.new_ones(len(groups), cut)
            self.attention = torch.cat([before, self.attention], dim=1)

    def start_from(self, cache: Any, lines: Sequence[int]) -> None:
        """Takes over the cache of the prefix that all prompts share.

        Args:
            cache: one line in layers below the first mask, where prefixes are shared.
            lines: the line of each row, in the other layers.
        """
        self.cache = cache
        shared = self.shared_layers()
        device = self.ids.device
        self._pick(0, shared, torch.zeros(len(self.ids), dtype=torch.int64, device=device))
        self._pick(shared, None, torch.tensor(lines, device=device))

    def step(self) -> None:
        """Runs one forward: one greedy token for every row that has not ended."""
        self._say(self.logits().argmax(dim=-1).tolist())

    def step_ahead(self, tokens: Tensor) -> Tensor:
        """Runs the first step, with more tokens read behind the prompts; nothing of those is kept.

        The cache has to be plain.

        Args:
            tokens: int64 [G, K].

        Returns:
            int64 [B, K], what every row would choose behind each of them.
        """
        ids, attention = self.ids, self.attention
        self.ids = torch.cat([ids, tokens], dim=1)
        self.attention = torch.cat([attention, torch.ones_like(tokens)], dim=1)
        chosen = self._logits(tokens.shape[1] + 1).argmax(dim=-1)
        crop(self.cache, attention.shape[1])
        self.ids, self.attention = ids, attention
        self._say(chosen[:, 0].tolist())
        return chosen[:, 1:]

    def _say(self, chosen: Sequence[int]) -> None:
        for row, token in zip(self.rows, chosen, strict=True):
            if row not in self.ends:
                self.generated[row].append(token)
        self._regroup(list(zip(self.group, chosen, strict=True)))

    def settle(self, new_tokens: int) -> None:
        """Notes the rows that have ended with their last token."""
        for row in self.rows:
            ids = self.generated[row]
            if row in self.ends:
                continue
            due = (new_tokens, self.context.thought.get(row, 0) + new_tokens)
            if ids[-1] in self.context.loaded.end_ids:
                self.ends[row] = END
            elif len(ids) % LOOK_EVERY == 0 or len(ids) in due:
                full = self.context.full(row, ids, new_tokens)
                if full is not None:  # seen late where a block ended between two looks
                    del ids[full:]
                    self.ends[row] = WINDOW

    def logits(self) -> Tensor:
        """Runs one forward: logits of the next token of every row, [B, V]."""
        return self._logits(1)[:, -1]

    def look_ahead(self, tokens: Tensor, at_once: int) -> Tensor:
        """The token every row would choose behind each of K tokens; nothing of it is kept.

        The cache has to be plain.

        Args:
            tokens: int64 [G, K], what each group is to read from its next token on.
            at_once: tokens a forward.

        Returns:
            int64 [B, K].
        """
        ids, attention = self.ids, self.attention
        chosen, read = [], 0
        for part in torch.split(tokens, at_once, dim=1):
            read += part.shape[1]
            self.ids = part
            self.attention = torch.cat(
                [attention, attention.new_ones(len(attention), read - 1)], dim=1
            )
            chosen.append(self._logits(part.shape[1]).argmax(dim=-1))
        crop(self.cache, attention.shape[1] - 1)
        self.ids, self.attention = ids, attention
        return torch.cat(chosen, dim=1)

    def _logits(self, keep: int) -> Tensor:
        """Runs one forward: logits [B, keep, V] behind the last tokens read."""
        context, instrument = self.context, self.context.instrument
        instrument.masks = self.masks
        instrument.phase = "decode" if self.generated[self.rows[0]] else "prefill"
        instrument.positions = positions(self.attention)[self.group]
        if context.layers is None or context.first is None:
            logits = self.forward(keep)
        else:
            index = torch.tensor(self.group, device=self.ids.device)
            groups = self.ids.shape[0]
            with part_rows(context.layers, context.first, groups, index, context.attention):
                logits = self.forward(keep)
        return logits[:, -keep:]

    def forward(self, keep: int) -> Tensor:
        """Runs the model over the tokens to be read: logits of the last `keep` of them."""
        out = self.context.loaded.model(
            input_ids=self.ids,
            attention_mask=self.attention,
            position_ids=positions(self.attention)[:, -self.ids.shape[1] :],
            past_key_values=self.cache,
            use_cache=True,
            logits_to_keep=keep,
        )
        self.cache = out.past_key_values
        logits: Tensor = out.logits
        return logits

    def _regroup(self, seen: list[tuple[int, int]]) -> None:
        """Groups the rows anew by (group so far, next token) and sets up the next forward."""
        device = self.ids.device
        shares = self.context.layers is not None
        groups = list(dict.fromkeys(seen)) if shares else seen
        place = {group: i for i, group in enumerate(groups)}
        self.group = [place[item] for item in seen] if shares else [*range(len(seen))]
        lines = [parent for parent, _ in groups]
        parents = torch.tensor(lines, device=device)
        tokens = torch.tensor([token for _, token in groups], device=device)
        if shares and lines != list(range(self.ids.shape[0])):
            self._pick(0, self.shared_layers(), parents)
        self.attention = torch.cat(
            [self.attention[parents], torch.ones_like(tokens)[:, None]], dim=1
        )
        self.ids = tokens[:, None]

    def shared_layers(self) -> int:
        """Layers of the cache that have a line per group, not per row."""
        context = self.context
        if context.layers is None or context.first is None:
            return 0
        # A decoder layer with two attentions has two layers of cache.
        below = context.first * max(len(self.cache) // len(context.layers), 1)
        return below + (context.attention is not None)

    def _pick(self, start: int, stop: int | None, index: Tensor) -> None:
        self.context.loaded.architecture.pick_lines(self.cache, start, stop, index)

    def text(self, row: int) -> str:
        """The reply so far, without special tokens."""
        return self.context.text(row, self.generated[row])

    def live(self) -> list[int]:
        """The rows that have not ended yet."""
        return [row for row in self.rows if row not in self.ends]

    def drop_ended(self) -> None:
        """Takes rows that have ended out of the cache, so that they cost nothing more."""
        keep = [i for i, row in enumerate(self.rows) if row not in self.ends]
        if len(keep) == len(self.rows) or not keep:
            return
        index = torch.tensor(keep, device=self.ids.device)
        group = [self.group[i] for i in keep]
        # In order of appearance: with a row to each group the map is the identity, and what a
        # layer hands on per row is not taken for one line per group.
        used = list(dict.fromkeys(group))
        place = {g: i for i, g in enumerate(used)}
        lines = torch.tensor(used, device=self.ids.device)
        self.rows = [self.rows[i] for i in keep]
        self.group = [place[g] for g in group]
        self.ids, self.attention = self.ids[lines], self.attention[lines]
        shared = self.shared_layers()
        self._pick(0, shared, lines)
        self._pick(shared, None, index)
        if self.masks is not None:
            self.masks = self.masks.select(index)

    def join(self, others: Sequence[Running]) -> None:
        """Takes in rows that have read their prompts; caches are plain (`kv_cache.is_plain`)."""
        unused = self.attention.any(dim=0).int().argmax()
        columns = int(unused)
        trim(self.cache, columns)
        self.attention = self.attention[:, columns:]
        every = [self, *others]
        join([batch.cache for batch in every])
        width = max(batch.attention.shape[1] for batch in every)
        self.attention = torch.cat([padded(batch.attention, width, axis=1) for batch in every])
        groups = len(self.ids)
        for other in others:
            self.group += [groups + g for g in other.group]
            groups += len(other.ids)
            self.rows += other.rows
            self.generated |= other.generated
            self.ends |= other.ends
        self.ids = torch.cat([batch.ids for batch in every])
        self.masks = self.context.masks_of(self.rows)
