"""(masks × prompts) to replies, in large batches; resumable.

Batches are formed from the whole plan before anything runs, so that a resumed audit runs the same
batches and gets the same bits. Rows of one prompt stand together, longest prompts first.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Protocol

from gatekeeper.engine.batching import Encoded, batches
from gatekeeper.engine.decode import Reply, decode
from gatekeeper.engine.load import LoadedModel
from gatekeeper.engine.memory import in_halves
from gatekeeper.engine.routing import Instrument
from gatekeeper.evidence.trial_store import StoredReply, TrialStore
from gatekeeper.records.plugins import Judge, Judgement
from gatekeeper.records.trial import Mask, Trial

#: (rows done, rows in all) after each batch.
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """A prompt and the masks to run it under."""

    prompt: Encoded
    masks: tuple[Mask, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One reply to make. Masks with equal experts share it, whatever their names."""

    prompt: Encoded
    mask: Mask
    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepSettings:
    """What a reply depends on besides model, mask and prompt.

    Attributes:
        base: digest of the model, its dtype and all generation settings; part of every key.
    """

    base: str
    new_tokens: int
    batch_rows: int
    judge: Judge
    share_prefix: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepCount:
    """Rows computed in this session, and rows found already done."""

    computed: int
    resumed: int


def plan_rows(work: Sequence[Work], base: str) -> tuple[list[Row], dict[tuple[str, str], str]]:
    """Distinct rows in running order, and the key of each (mask name, prompt id)."""
    rows: dict[str, Row] = {}
    keys: dict[tuple[str, str], str] = {}
    for job in sorted(work, key=lambda w: (-len(w.prompt.ids), w.prompt.prompt.id)):
        prompt = job.prompt
        for mask in job.masks:
            experts = sorted([e.layer, e.expert] for e in mask.experts)
            how = [mask.mode, mask.phase] if experts else ["none"]
            text = json.dumps([base, *how, experts, prompt.ids])
            key = hashlib.sha256(text.encode()).hexdigest()
            keys[mask.name, prompt.prompt.id] = key
            rows.setdefault(key, Row(prompt=prompt, mask=mask, key=key))
    return list(rows.values()), keys


class Crew(Protocol):
    """Who computes the rows. One crew serves all sweeps of an audit."""

    def run(
        self, loaded: LoadedModel, shards: Sequence[Sequence[Row]], settings: SweepSettings
    ) -> Generator[list[StoredReply], None, None]:
        """Replies of each shard, in any order; what is yielded is kept before the next is asked.

        Raises:
            AuditError: see `run_shard`, or what became of workers.
        """

    def close(self) -> None:
        """Lets everybody go."""


class Alone:
    """This process, and nobody else."""

    def run(
        self, loaded: LoadedModel, shards: Sequence[Sequence[Row]], settings: SweepSettings
    ) -> Generator[list[StoredReply], None, None]:
        """See `Crew`."""
        with Instrument(loaded.sites) as instrument:
            for rows in shards:
                yield run_shard(loaded, instrument, rows, settings)

    def close(self) -> None:
        """See `Crew`."""


def sweep(
    loaded: LoadedModel,
    work: Sequence[Work],
    settings: SweepSettings,
    store: TrialStore,
    progress: Progress,
    *,
    crew: Crew | None = None,
) -> tuple[list[Trial], SweepCount]:
    """Runs every prompt under each of its masks and judges the replies.

    A shard is a batch of the plan, computed and committed whole, so that replies do not hang on who
    computes it or on what was done before. Only this process writes to the store.

    Args:
        crew: who computes; None: this process.

    Raises:
        AuditError: out of memory with a single row, the store cannot be written, or workers failed.
    """
    usable = [w for w in work if w.prompt.skipped is None]
    rows, keys = plan_rows(usable, settings.base)
    done = store.get(row.key for row in rows)
    resumed = len(done)
    progress(resumed, len(rows))
    parts = batches(
        [len(row.prompt.ids) for row in rows], settings.batch_rows, pads=loaded.architecture.pads
    )
    left = [rows[part] for part in parts]
    left = [shard for shard in left if not all(row.key in done for row in shard)]
    with closing((crew or Alone()).run(loaded, left, settings)) as shards:
        for stored in shards:
            store.put(stored)
            done.update({reply.key: reply for reply in stored})
            progress(len(done), len(rows))
    made = [
        (mask, w.prompt, done[keys[mask.name, w.prompt.prompt.id]])
        for w in usable
        for mask in w.masks
    ]
    return _trials(made, settings.judge), SweepCount(computed=len(rows) - resumed, resumed=resumed)


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
    replies = in_halves(rows, lambda part: _run(loaded, instrument, part, settings))
    return [_stored(row, reply) for row, reply in zip(rows, replies, strict=True)]


def _run(
    loaded: LoadedModel, instrument: Instrument, batch: Sequence[Row], settings: SweepSettings
) -> list[Reply]:
    """One batch."""
    return decode(
        loaded,
        instrument,
        [row.prompt.ids for row in batch],
        [row.mask for row in batch],
        new_tokens=settings.new_tokens,
        decided=settings.judge.decided,
        share_prefix=settings.share_prefix,
        # 60 bits of what the row is: noise that no batch or order changes.
        seeds=[int(row.key[:15], 16) for row in batch],
    )


def _stored(row: Row, reply: Reply) -> StoredReply:
    return StoredReply(key=row.key, text=reply.text, ids=reply.ids, truncated=reply.truncated)


def _trials(made: Sequence[tuple[Mask, Encoded, StoredReply]], judge: Judge) -> list[Trial]:
    """Judges what was made, equal replies to a prompt once."""
    said = judge.judgements([(prompt.prompt.text, reply.text) for _, prompt, reply in made])
    return [_trial(*one, said[one[1].prompt.text, one[2].text]) for one in made]


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
