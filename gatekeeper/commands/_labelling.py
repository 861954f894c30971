"""Asks a person in the terminal to label replies, and stores the answers."""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from gatekeeper.errors import EvidenceError, UsageError, excerpt
from gatekeeper.evidence.bundle import check_writable
from gatekeeper.records.bundle_files import TRIALS
from gatekeeper.records.evidence import Evidence
from gatekeeper.records.reasoning import reply_of
from gatekeeper.records.trial import Trial
from gatekeeper.suites.labels import read_labels
from gatekeeper.suites.read import read_suite

_KEYS = {"r": "refuse", "c": "comply", "d": "degenerate"}
_SKIP, _QUIT = "s", "q"
_MENU = "[r]efuse  [c]omply  [d]egenerate  [s]kip  [q]uit"


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """A reply to label.

    Attributes:
        id: tells a person nothing of the mask.
        group, outcome, checkpoint: never on the screen; all but the outcome go into the file.
    """

    id: str
    prompt_id: str
    reply: str
    group: str
    language: str
    outcome: str
    checkpoint: str


def require_terminal() -> None:
    """Refuses to label without a terminal: labels come from a person who sees the reply.

    Raises:
        UsageError: input or output is not a terminal.
    """
    if not at_terminal():
        raise UsageError(
            "labelling needs a terminal",
            remedy="run it in one, or add --sample to get a sheet that is filled in elsewhere",
        )


def at_terminal() -> bool:
    """Whether a person is there to see replies and press keys."""
    return sys.stdin.isatty() and sys.stdout.isatty()


def choose(evidence: Evidence, count: int, seed: int) -> list[Item]:
    """`count` different replies in an order that the seed makes, unmasked and masked ones by turns
    as far as there are, and then mixed.
    """
    items = ordered(distinct_items(evidence), seed)
    plain = [item for item in items if item.group == "unmasked"]
    masked = [item for item in items if item.group == "masked"]
    half = max(count // 2, count - len(masked))
    chosen = plain[:half]
    chosen += masked[: count - len(chosen)]
    return ordered(chosen, seed, "order")


def distinct_items(evidence: Evidence) -> list[Item]:
    """Every different reply of a bundle.

    A reply to a prompt that several masks gave is one reply, and counts as unmasked if the unmasked
    model gave it too.

    Raises:
        EvidenceError: the bundle holds no replies.
    """
    if not any(trial.completion for trial in evidence.trials):
        raise EvidenceError(
            "the bundle holds no replies to label",
            where=TRIALS,
            remedy="label where the audit was made: copies for others may lack the replies",
        )
    arms = {mask.name: mask.arm for mask in evidence.masks}
    languages = {prompt.id: prompt.language for prompt in evidence.suite.prompts}
    groups: dict[tuple[str, str], tuple[str, str]] = {}
    for trial in evidence.trials:
        reply = replied(evidence, trial)
        if reply is None:
            continue
        key = (trial.prompt_id, reply)
        if arms[trial.mask] == "unmasked":
            groups[key] = "unmasked", trial.outcome
        else:
            groups.setdefault(key, ("masked", trial.outcome))
    return [
        Item(
            id=_digest(evidence.digest, *key)[:20],
            prompt_id=key[0],
            reply=key[1],
            group=group,
            language=languages[key[0]],
            outcome=outcome,
            checkpoint=evidence.checkpoint.digest,
        )
        for key, (group, outcome) in groups.items()
    ]


def ordered(items: Iterable[Item], seed: int, *more: str) -> list[Item]:
    """Items in an order that follows from the seed, and tells nothing of them."""
    return sorted(items, key=lambda item: _digest(*more, str(seed), item.id))


def replied(evidence: Evidence, trial: Trial) -> str | None:
    """The part of a reply that a user is shown, without reasoning; None if that does not end."""
    reasoning = evidence.settings.reasoning
    if reasoning is None:
        return trial.completion
    return reply_of(trial.completion, reasoning.marks)


def _digest(*parts: str) -> str:
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def read_requests(evidence: Evidence, suite: Path | None) -> Mapping[str, str]:
    """Text of each prompt of the evidence, or nothing without a suite.

    Raises:
        UsageError: the suite cannot be read.
        EvidenceError: a prompt is not the one that was run.
    """
    if suite is None:
        return {}
    texts = {prompt.id: prompt.text for prompt in read_suite(suite).prompts}
    for prompt in evidence.suite.prompts:
        text = texts.get(prompt.id, "")
        if hashlib.sha256(text.encode()).hexdigest() != prompt.text_sha256:
            raise EvidenceError(
                f"prompt {excerpt(prompt.id)} is not the one that was run",
                where=excerpt(suite),
                remedy="give the suite of this audit",
            )
    return texts


def ask_labels(items: Sequence[Item], requests: Mapping[str, str], out: Path) -> int:
    """Asks for each label that `out` does not hold yet; returns how many of the items have one.

    Raises:
        UsageError: `out` cannot be written, or holds something else than labels.
    """
    known = _begin(out)
    unlabelled = [item for item in items if item.id not in known]
    done = len(items) - len(unlabelled)
    for item in unlabelled:
        click.echo(f"\n——— {done + 1} of {len(items)} ———")
        if item.prompt_id in requests:
            click.echo(f"request:\n{shown(requests[item.prompt_id])}\n")
        click.echo(f"reply:\n{shown(item.reply)}\n")
        key = _key()
        if key == _QUIT:
            break
        if key in _KEYS:
            _append(out, item, requests.get(item.prompt_id, ""), _KEYS[key])
            done += 1
    return done


def _key() -> str:
    click.echo(_MENU)
    while True:
        try:
            key = click.getchar().lower()
        except EOFError:  # end of input, by Ctrl-D
            key = _QUIT
        if key in {*_KEYS, _SKIP, _QUIT}:
            click.echo(_KEYS.get(key, "skipped" if key == _SKIP else "stopped"))
            return key


def shown(text: str) -> str:
    """A text as a terminal may show it: a reply must not move the cursor or clear the screen."""
    lines = text.replace("\r\n", "\n").split("\n")
    safe = ("".join(c if c.isprintable() else "�" for c in line.expandtabs(4)) for line in lines)
    return "\n".join(f"  {line}" for line in safe)


def _begin(out: Path) -> set[str]:
    """Ids that `out` holds; half a line at its end, left by a crash, is taken away."""
    if out.suffix != ".jsonl":
        raise UsageError(
            "labels are written to a .jsonl file",
            where=excerpt(out),
            remedy="give an --out that ends in .jsonl, or add --sample for a .csv to fill in",
        )
    check_writable(out)
    if not out.exists():
        return set()
    raw = out.read_bytes()
    complete = raw[: raw.rfind(b"\n") + 1]
    if complete != raw:
        os.truncate(out, len(complete))
    return {label.id for label in read_labels(out)[0]} if complete.strip() else set()


def _append(out: Path, item: Item, request: str, label: str) -> None:
    """Writes a label's line in one write, on disk before the next reply is shown."""
    row = {
        "id": item.id,
        "prompt": request,
        "reply": item.reply,
        "label": label,
        "group": item.group,
        "language": item.language,
        "checkpoint": item.checkpoint,
    }
    handle = os.open(out, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    with os.fdopen(handle, "ab", buffering=0) as file:
        file.write((json.dumps(row) + "\n").encode())
        os.fsync(file.fileno())
