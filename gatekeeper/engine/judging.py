"""Makes a judge ready from its name and options. Imports torch only when a judge asks for a model,
so that rules and remote judges work without it.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from gatekeeper import catalog
from gatekeeper.errors import AuditError
from gatekeeper.evidence.judge_store import JUDGE_STORE
from gatekeeper.records.judge_options import read_options
from gatekeeper.records.plugins import Judge, JudgeTools, LabelReader, TextEmbedder


def open_judge(
    name: str,
    options: Mapping[str, str],
    directory: Path | None = None,
    *,
    store: str = JUDGE_STORE,
) -> Judge:
    """The judge of that name, told its options.

    Args:
        directory: where what was asked of a remote model is kept; None to keep nothing.
        store: the name of the file there.

    Raises:
        UsageError: no such judge, or an option is wrong.
        CheckpointError: a model it names cannot be used.
        AuditError: torch is missing and it needs a model.
    """
    judge: Judge = catalog.load("judge", name)
    given = read_options(judge.id, judge.options, options)
    if judge.configure is None:
        return judge
    tools = JudgeTools(
        embedder=_embedder,
        reader=_reader,
        other=lambda other: catalog.load("judge", other),
        store=None if directory is None else directory / store,
    )
    return judge.configure(given, tools)


def _embedder(path: Path, device: str) -> TextEmbedder:
    try:
        from gatekeeper.engine.judge_models import Embedder
    except ModuleNotFoundError as error:
        raise _missing(error) from error
    return Embedder(path, device)


def _reader(path: Path, device: str) -> LabelReader:
    try:
        from gatekeeper.engine.judge_models import Reader
    except ModuleNotFoundError as error:
        raise _missing(error) from error
    return Reader(path, device)


def _missing(error: ModuleNotFoundError) -> Exception:
    if error.name not in {"torch", "transformers", "safetensors"}:
        return error
    return AuditError(
        f"{error.name} is not installed, and this judge needs it",
        remedy="pip install 'moe-gatekeeper[audit]', or use refusal-rules or refusal-api",
    )
