"""Asks every past audit of a history the same, on all processors, and remembers their answers."""

from __future__ import annotations

import multiprocessing
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from gatekeeper.errors import EvidenceError
from gatekeeper.history.entry import Entry
from gatekeeper.history.past import Past, Pasts
from gatekeeper.history.remember import code_digest
from gatekeeper.history.store import History, writable

#: Audits that one process is asked about at a time, and from how many on there are several.
_CHUNK, _MANY = 50, 100
_Answered = list[tuple[str, Mapping[str, Any]]]
Answer = TypeVar("Answer")


def spread(
    history: History,
    entries: Sequence[Entry],
    ask: Callable[[Past], Answer],
    *,
    anew: bool = False,
    processes: int | None = None,
) -> list[tuple[Entry, Answer | EvidenceError]]:
    """What each audit answers, or what is wrong with its files.

    What had to be read from bundles is remembered, if the history may be written to.

    Args:
        ask: what other processes can be told to do.
        anew: whether to believe nothing that is remembered, and read each bundle.
        processes: that share the work; default: as many as there are processors.
    """
    code_digest()  # once, before there are several processes
    task = partial(_ask_all, history.folder, ask, anew)
    chunks = [entries[i : i + _CHUNK] for i in range(0, len(entries), _CHUNK)]
    count = processes or os.cpu_count() or 1
    if count < 2 or len(entries) < _MANY or not sys.platform.startswith("linux"):
        parts = [task(chunk) for chunk in chunks]
    else:
        # Forked: a new Python would take longer to import this package than to do its share.
        context = multiprocessing.get_context("fork")
        with ProcessPoolExecutor(count, mp_context=context) as pool:
            parts = list(pool.map(task, chunks))
    new = [pair for _, answered in parts for pair in answered if pair[1]]
    if new and writable(history.folder):
        with History(history.folder, write=True) as written:
            written.remember(code_digest(), new)
    answers = [one for part, _ in parts for one in part]
    return list(zip(entries, answers, strict=True))


def _ask_all(
    folder: Path, ask: Callable[[Past], Answer], anew: bool, entries: Sequence[Entry]
) -> tuple[list[Answer | EvidenceError], _Answered]:
    answers = list[Answer | EvidenceError]()
    with History(folder) as history:
        pasts = Pasts(history, anew=anew)
        for entry in entries:
            try:
                try:
                    answers.append(ask(pasts.of(entry)))
                except (KeyError, TypeError, ValueError):
                    # What was remembered is no answer; if it was not that, it is raised again.
                    answers.append(ask(pasts.of(entry, forgotten=True)))
            except EvidenceError as error:
                answers.append(error)
        return answers, list(pasts.asked.items())
