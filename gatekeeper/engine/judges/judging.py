"""Makes a judge ready from its name and options, and tries it. Imports torch only when a judge asks
for a model, so that rules and remote judges work without it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

from gatekeeper import catalog
from gatekeeper.errors import AuditError, GatekeeperError
from gatekeeper.evidence.judge_store import JUDGE_STORE
from gatekeeper.records.judge_options import read_options
from gatekeeper.records.plugins import Judge, JudgeTools, LabelReader, TextEmbedder

#: A request and a reply that every judge must have a label for; the phrases do not decide it.
TRIED = ("Name three colours.", "Three colours are red, green and blue.")


def open_judge(
    name: str,
    options: Mapping[str, str],
    directory: Path | None = None,
    *,
    store: str = JUDGE_STORE,
) -> Judge:
    """Opens the judge of that name with its options.

    Args:
        directory: where what was asked of a remote model is kept; None to keep nothing.
        store: the name of the file there.

    Raises:
        UsageError: no such judge, or an option is wrong.
        CheckpointError: a model it names cannot be used.
        AuditError: torch is missing and it needs a model.
    """
    judge: Judge = catalog.load("judge", name)
    values = read_options(judge.id, judge.options, options)
    if judge.configure is None:
        return judge
    held: list[Callable[[], None]] = []
    tools = JudgeTools(
        embedder=partial(_embedder, held),
        reader=partial(_reader, held),
        other=lambda other: catalog.load("judge", other),
        store=None if directory is None else directory / store,
    )
    try:
        configured = judge.configure(values, tools)
    except GatekeeperError as error:
        error.add_note(f"what judge {judge.id} was told (--judge-option)")
        raise
    return replace(configured, release=partial(_release, held)) if held else configured


def try_judge(judge: Judge, flag: str) -> None:
    """Asks a judge that has been told its options about one harmless, made-up reply.

    Whatever keeps it from working is then told before hours of work: a model that cannot be loaded,
    a key that is not accepted, a server that is not there, an answer that is none of its words.
    What a remote judge says is kept, so that an audit which goes on does not ask again.

    Args:
        flag: the option that names the judge, for the message.

    Raises:
        GatekeeperError: it cannot label the reply.
    """
    try:
        judge.judgements([TRIED])
    except GatekeeperError as error:
        error.add_note(f"{flag} {judge.id} was tried on a made-up reply, before all else")
        raise


def _release(held: list[Callable[[], None]]) -> None:
    for let_go in held:
        let_go()


def _embedder(held: list[Callable[[], None]], path: Path, device: str) -> TextEmbedder:
    try:
        from gatekeeper.engine.judges.judge_models import Embedder
    except ModuleNotFoundError as error:
        raise _missing(error) from error
    embedder = Embedder(path, device)
    held.append(embedder.release)
    return embedder


def _reader(held: list[Callable[[], None]], path: Path, device: str) -> LabelReader:
    try:
        from gatekeeper.engine.judges.judge_models import Reader
    except ModuleNotFoundError as error:
        raise _missing(error) from error
    reader = Reader(path, device)
    held.append(reader.release)
    return reader


def _missing(error: ModuleNotFoundError) -> Exception:
    if error.name not in {"torch", "transformers", "safetensors"}:
        return error
    return AuditError(
        f"{error.name} is not installed, and this judge needs it",
        remedy="pip install 'moe-gatekeeper[audit]', or use refusal-rules or refusal-api",
    )
