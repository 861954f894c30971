"""Decodes prompts under masks, in large batches; resumable. `row_plan.py` says in which order."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Protocol

from gatekeeper.engine.generate.batch_order import shards, start_of
from gatekeeper.engine.generate.batch_size import rows_now
from gatekeeper.engine.generate.batching import Encoded
from gatekeeper.engine.generate.decode import Keep, Reply, decode
from gatekeeper.engine.generate.out_of_memory import kept_in_halves
from gatekeeper.engine.generate.row_plan import Row, SweepSettings, Work, plan_rows, row_key, waves
from gatekeeper.engine.generate.speculative import draftable
from gatekeeper.engine.model.hooks import Instrument
from gatekeeper.engine.model.load import LoadedModel
from gatekeeper.engine.model.one_copy import give_back
from gatekeeper.evidence.trial_store import StoredReply, TrialStore
from gatekeeper.records.plugins import Judge, Judgement
from gatekeeper.records.trial import UNMASKED, Mask, Trial

#: (rows done, rows in all) after each shard.
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepCount:
    """How many rows this session computed, and how many it took from the store.

    Attributes:
        computed: rows done now.
        resumed: rows that an earlier session had done.
    """

    computed: int
    resumed: int


class Executor(Protocol):
    """Computes shards of rows, here or elsewhere. One executor serves all sweeps of an audit."""

    def run(
        self, loaded: LoadedModel, shards: Sequence[Sequence[Row]], settings: SweepSettings
    ) -> Generator[list[StoredReply], None, None]:
        """Replies of each shard, in any order; what is yielded is kept before the next is asked.

        Raises:
            AuditError: see `run_shard`, or what became of workers.
        """

    def close(self) -> None:
        """Ends the workers."""


class LocalExecutor:
    """Computes all shards in this process."""

    def run(
        self, loaded: LoadedModel, shards: Sequence[Sequence[Row]], settings: SweepSettings
    ) -> Generator[list[StoredReply], None, None]:
        """See `Executor`."""
        with Instrument(loaded.sites) as instrument:
            for rows in shards:
                yield run_shard(loaded, instrument, rows, settings)

    def close(self) -> None:
        """See `Executor`."""


#: Replies under masks to prompts, in the order of the work.
Replies = list[tuple[Mask, Encoded, StoredReply]]


def sweep(
    loaded: LoadedModel,
    work: Sequence[Work],
    settings: SweepSettings,
    store: TrialStore,
    progress: Progress,
    *,
    executor: Executor | None = None,
) -> tuple[Replies, SweepCount]:
    """Runs every prompt under each of its masks.

    A shard is a batch of the plan, computed and committed whole, so that replies do not hang on who
    computes it or on what was done before. Only this process writes to the store.

    Args:
        executor: who computes; None: this process.

    Raises:
        AuditError: out of memory with a single row, the store cannot be written, or workers failed.
    """
    usable = [w for w in work if w.prompt.skipped is None]
    rows, keys = plan_rows(usable, settings.base, settings.techniques)
    done = store.get(row.key for row in rows)
    count = SweepCount(computed=len(rows) - len(done), resumed=len(done.keys() - store.own))
    store.own.update(done)  # counted once
    progress(len(done), len(rows))
    for wave in waves(rows, settings.techniques):
        missing = [
            shard
            for shard in shards(loaded, _drafted(wave, settings, store), settings)
            if not all(row.key in done for row in shard)
        ]
        with closing((executor or LocalExecutor()).run(loaded, missing, settings)) as computed:
            for stored in computed:
                done.update(_committed(store, stored))
                progress(len(done), len(rows))
    replies = [
        (mask, w.prompt, done[keys[mask.name, w.prompt.prompt.id]])
        for w in usable
        for mask in w.masks
    ]
    return replies, count


def _committed(store: TrialStore, replies: Sequence[StoredReply]) -> dict[str, StoredReply]:
    """Commits replies, and gives what the store holds of them now.

    A shard may have rows that another sweep or audit had done: those stay, here and for a resumed
    audit alike.
    """
    if store.put(replies):
        return {reply.key: reply for reply in replies}
    return store.get(reply.key for reply in replies)


def stored_replies(
    work: Sequence[Work], settings: SweepSettings, store: TrialStore
) -> list[tuple[int, ...]]:
    """Token ids of finished rows: each job's reply under its first mask.

    Raises:
        KeyError: a row is not finished.
    """
    _, keys = plan_rows(work, settings.base)
    wanted = [keys[w.masks[0].name, w.prompt.prompt.id] for w in work]
    done = store.get(wanted)
    return [done[key].ids for key in wanted]


def run_shard(
    loaded: LoadedModel, instrument: Instrument, rows: Sequence[Row], settings: SweepSettings
) -> list[StoredReply]:
    """Replies of rows that are computed and committed together; the same whoever computes them.

    Raises:
        AuditError: out of memory with a single row.
    """

    def run(part: Sequence[Row], slots: int, keep: Keep) -> None:
        if loaded.device.type == "cpu":
            give_back()  # holes that the last batch left would stand beside what this one takes
        _run(loaded, instrument, part, settings, slots, keep)

    longest = max(len(row.prompt.ids) for row in rows) + settings.new_tokens
    side_by_side = rows_now(loaded, longest, min(settings.batch_rows, len(rows)))
    replies: list[Reply] = kept_in_halves(rows, side_by_side, run)
    return [_stored(row, reply) for row, reply in zip(rows, replies, strict=True)]


def _run(
    loaded: LoadedModel,
    instrument: Instrument,
    rows: Sequence[Row],
    settings: SweepSettings,
    slots: int,
    keep: Keep,
) -> None:
    """Decodes the rows of one shard, `slots` of them side by side."""
    using = settings.techniques
    decode(
        loaded,
        instrument,
        [row.prompt.ids for row in rows],
        [row.mask for row in rows],
        new_tokens=settings.new_tokens,
        share_prefix=using.share_prefix,
        share_attention=using.share_attention,
        # 60 bits of what the row is: noise that no batch or order changes.
        seeds=[int(row.key[:15], 16) for row in rows],
        slots=slots,
        refill=using.refill,
        cache_prompts_from=start_of(loaded, rows, using) if using.cache_prompts else None,
        clusters=[row.cluster for row in rows],
        drafts=[row.draft for row in rows],
        keep=keep,
        reasoning=settings.reasoning,
        ending=settings.ending,
    )


def _drafted(wave: Sequence[Row], settings: SweepSettings, store: TrialStore) -> list[Row]:
    """The rows, with the unmasked reply to their prompt as a draft where it can be checked.

    Of unmasked rows of an earlier wave or sweep only: a resumed audit then finds the same ones.
    """
    if not settings.techniques.draft:
        return list(wave)
    running = {row.key for row in wave}
    prompts = {row.prompt.ids: row.prompt for row in wave}
    bare = {ids: row_key(settings.base, UNMASKED, prompt) for ids, prompt in prompts.items()}
    unmasked = store.get(key for key in bare.values() if key not in running)
    twins = {ids: unmasked[key].ids for ids, key in bare.items() if key in unmasked}
    return [
        replace(row, draft=twins.get(row.prompt.ids)) if draftable(row.mask) else row
        for row in wave
    ]


def _stored(row: Row, reply: Reply) -> StoredReply:
    return StoredReply(key=row.key, text=reply.text, ids=reply.ids, truncated=reply.truncated)


def judged(replies: Replies, judge: Judge) -> list[Trial]:
    """Judges the replies of a sweep, equal ones to a prompt once."""
    said = judge.judgements([(prompt.prompt.text, reply.text) for _, prompt, reply in replies])
    return [_trial(*entry, said[entry[1].prompt.text, entry[2].text]) for entry in replies]


def _trial(mask: Mask, prompt: Encoded, reply: StoredReply, judgement: Judgement) -> Trial:
    return Trial(
        mask=mask.name,
        prompt_id=prompt.prompt.id,
        outcome=judgement.outcome,
        reason=judgement.reason,
        tokens=len(reply.ids),
        truncated=reply.truncated,
        completion=reply.text,
    )
