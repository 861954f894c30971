"""(masks × prompts) to replies, in large batches; resumable.

The unit of work is the shard: a fixed run of rows of the plan, computed and committed together, so
that a resumed audit runs the same shards and gets the same bits. Rows of one prompt stand together,
longest prompts first. Where a prompt has many masks its unmasked row runs before all others: what
that one meets decides which of the others need not run (`skip.py`).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from gatekeeper.engine.batching import Encoded, batches
from gatekeeper.engine.decode import Keep, Reply, decode
from gatekeeper.engine.load import LoadedModel
from gatekeeper.engine.memory import kept_in_halves
from gatekeeper.engine.opening import LEAST
from gatekeeper.engine.routing import Instrument
from gatekeeper.engine.skip import spared
from gatekeeper.engine.techniques import Techniques
from gatekeeper.evidence.trial_store import StoredReply, TrialStore
from gatekeeper.records.plugins import Judge, Judgement
from gatekeeper.records.trial import UNMASKED, Mask, Trial

#: Rows of a shard for each that runs at a time, where rows enter as others end.
_REFILLS = 4

#: Masks to a prompt from which on it pays to know first what the unmasked row meets.
_MANY = 32

#: (rows done, rows in all) after each shard.
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
    techniques: Techniques = field(default_factory=Techniques)


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepCount:
    """What became of the rows in this session.

    Attributes:
        computed: rows done now; `skipped` of them are copies of the unmasked reply.
        resumed: rows found already done.
    """

    computed: int
    resumed: int
    skipped: int = 0


def plan_rows(
    work: Sequence[Work], base: str, techniques: Techniques | None = None
) -> tuple[list[Row], dict[tuple[str, str], str]]:
    """Distinct rows in running order, and the key of each (mask name, prompt id)."""
    using = techniques or Techniques()
    rows: dict[str, Row] = {}
    keys: dict[tuple[str, str], str] = {}
    jobs = list(work)
    if using.sort_lengths:
        jobs.sort(key=lambda w: (-len(w.prompt.ids), w.prompt.prompt.id))
    for job in jobs:
        prompt = job.prompt
        for mask in job.masks:
            key = _key(base, mask, prompt)
            keys[mask.name, prompt.prompt.id] = key
            rows.setdefault(key, Row(prompt=prompt, mask=mask, key=key))
    order = list(rows.values())
    if not using.fold:
        place = {text: i for i, text in enumerate(dict.fromkeys(_masked(row) for row in order))}
        order.sort(key=lambda row: place[_masked(row)])
    return order, keys


def _key(base: str, mask: Mask, prompt: Encoded) -> str:
    return hashlib.sha256(json.dumps([base, *_what(mask), prompt.ids]).encode()).hexdigest()


def _what(mask: Mask) -> list[Any]:
    """What a mask does: equal for masks with equal experts, whatever their names."""
    experts = sorted([e.layer, e.expert] for e in mask.experts)
    return [*([mask.mode, mask.phase] if experts else ["none"]), experts]


def _masked(row: Row) -> str:
    return json.dumps(_what(row.mask))


def waves(rows: Sequence[Row], techniques: Techniques) -> list[list[Row]]:
    """Planned rows in parts that run one after the other: first those that may spare others.

    Apart from the others they share no prefix with them: that has to be few of the rows.
    """
    bare = [row for row in rows if not row.mask.experts]
    masked = [row for row in rows if row.mask.experts]
    if not techniques.skip or not bare or len(masked) < _MANY * len(bare):
        return [list(rows)]
    return [bare, masked]


def shards(loaded: LoadedModel, rows: Sequence[Row], settings: SweepSettings) -> list[slice]:
    """Cuts the rows of a wave into what is computed and committed together.

    A batch each; more rows where those that end make room for others.
    """
    return batches(
        [len(row.prompt.ids) for row in rows],
        settings.batch_rows * (_REFILLS if settings.techniques.refill else 1),
        pads=loaded.architecture.pads,
        apart=None if settings.techniques.fold else [_masked(row) for row in rows],
    )


def sweep(
    loaded: LoadedModel,
    work: Sequence[Work],
    settings: SweepSettings,
    store: TrialStore,
    progress: Progress,
) -> tuple[list[Trial], SweepCount]:
    """Runs every prompt under each of its masks and judges the replies.

    Raises:
        AuditError: out of memory with a single row, or the store cannot be written.
    """
    usable = [w for w in work if w.prompt.skipped is None]
    rows, keys = plan_rows(usable, settings.base, settings.techniques)
    done = store.get(row.key for row in rows)
    resumed = len(done)
    progress(resumed, len(rows))
    skipped = 0
    with Instrument(loaded.sites) as instrument:
        for wave in waves(rows, settings.techniques):
            copies = _copies(loaded, wave, settings, store)
            fresh = [copy for key, copy in copies.items() if key not in done]
            if fresh:
                store.put(fresh)
                done.update({reply.key: reply for reply in fresh})
                skipped += len(fresh)
                progress(len(done), len(rows))
            left = [row for row in wave if row.key not in copies]
            for part in shards(loaded, left, settings):
                batch = left[part]
                if all(row.key in done for row in batch):
                    continue
                stored = run_shard(loaded, instrument, batch, settings)
                store.put(stored)
                done.update({reply.key: reply for reply in stored})
                progress(len(done), len(rows))
    made = [
        (mask, w.prompt, done[keys[mask.name, w.prompt.prompt.id]])
        for w in usable
        for mask in w.masks
    ]
    return _trials(made, settings.judge), SweepCount(
        computed=len(rows) - resumed, resumed=resumed, skipped=skipped
    )


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
        _run(loaded, instrument, part, settings, slots, keep)

    replies: list[Reply] = kept_in_halves(rows, settings.batch_rows, run)
    return [_stored(row, reply) for row, reply in zip(rows, replies, strict=True)]


def _run(
    loaded: LoadedModel,
    instrument: Instrument,
    rows: Sequence[Row],
    settings: SweepSettings,
    slots: int,
    keep: Keep,
) -> None:
    """Rows of one shard, `slots` of them side by side."""
    using = settings.techniques
    decode(
        loaded,
        instrument,
        [row.prompt.ids for row in rows],
        [row.mask for row in rows],
        new_tokens=settings.new_tokens,
        decided=settings.judge.decided if using.stop_early else _never,
        share_prefix=using.share_prefix,
        # 60 bits of what the row is: noise that no batch or order changes.
        seeds=[int(row.key[:15], 16) for row in rows],
        slots=slots,
        refill=using.refill,
        opening=LEAST if using.share_opening else None,
        note_met=using.skip,
        keep=keep,
    )


def _copies(
    loaded: LoadedModel, wave: Sequence[Row], settings: SweepSettings, store: TrialStore
) -> dict[str, StoredReply]:
    """Replies of the rows that are as good as unmasked, by key.

    By unmasked rows of an earlier wave or sweep only: a resumed audit then finds the same ones.
    """
    if not settings.techniques.skip:
        return {}
    running = {row.key for row in wave}
    twins = {row.key: _key(settings.base, UNMASKED, row.prompt) for row in wave}
    unmasked = store.get(dict.fromkeys(key for key in twins.values() if key not in running))
    return {
        row.key: replace(twin, key=row.key, met=None)
        for row in wave
        if (twin := unmasked.get(twins[row.key])) and spared(loaded.sites, row.mask, twin.met)
    }


def _never(_reply: str) -> bool:
    return False


def _stored(row: Row, reply: Reply) -> StoredReply:
    return StoredReply(
        key=row.key, text=reply.text, ids=reply.ids, truncated=reply.truncated, met=reply.met
    )


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
