"""Finds the special token ids: those that end a reply, that pad, and that no embedding has."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from torch import nn

from gatekeeper.checkpoint.decoding_settings import GENERATION_CONFIG
from gatekeeper.errors import CheckpointError, UsageError, excerpt


def refuse_strange_ids(path: Path, model: Any, tokenizer: Any, pad_id: int) -> None:
    """Refuses a tokenizer of another model: ids that no row of the embedding is for.

    Added tokens may lie beyond (Gemma's image token does in its text models) as long as no prompt
    has them, which `batching.encode` sees to.

    Raises:
        CheckpointError: a token of the vocabulary, or the pad token, has no row.
    """
    rows = embedding_rows(model)
    ids = tokenizer.get_vocab()
    added = tokenizer.get_added_vocab()
    largest = max([pad_id, *(i for token, i in ids.items() if token not in added)])
    if rows is not None and largest >= rows:
        raise CheckpointError(
            f"the tokenizer has ids up to {largest}{told_of(tokenizer, largest)}, the embedding "
            f"has {rows} rows",
            where=path.name,
            remedy="put the tokenizer beside the weights that it was trained with",
        )


def told_of(tokenizer: Any, number: int) -> str:
    """A token's text or problem beside its number, in brackets after a space."""
    shown = _shown(tokenizer, number)
    added = number in tokenizer.get_added_vocab().values()
    # In the latter two alone where another tool, or a hand, added it.
    files = "tokenizer.json, tokenizer_config.json or added_tokens.json"
    where = f", an added token of {files}" if added else ""
    return f" ({shown}{where})" if shown else ""


def embedding_rows(model: Any) -> int | None:
    """Rows of the input embedding, or None where there is no such matrix."""
    weight = getattr(model.get_input_embeddings(), "weight", None)
    return None if weight is None else int(weight.shape[0])


def ends_of(model: nn.Module, tokenizer: Any) -> frozenset[int]:
    """Tokens that end a reply: the generation config's, and the tokenizer's."""
    ids = [*_configured(model), tokenizer.eos_token_id]
    return frozenset(i for i in ids if isinstance(i, int))


def other_ends(model: nn.Module, tokenizer: Any) -> Iterator[str]:
    """A line for each end of replies that some servers know and others do not."""
    configured, end = _configured(model), tokenizer.eos_token_id
    if isinstance(end, int) and end not in configured:
        yield (
            f"replies end at token {end} of the tokenizer ({_shown(tokenizer, end)}) here, which "
            f"{GENERATION_CONFIG} does not name: transformers goes on after it"
        )
    special = {end, *tokenizer.all_special_ids, *tokenizer.get_added_vocab().values()}
    for number in sorted(set(configured) - special):
        said = _shown(tokenizer, number)
        if not said:
            yield f"{GENERATION_CONFIG} ends replies at token {number}, which the tokenizer has not"
            continue
        yield (
            f"replies end at token {number} of {GENERATION_CONFIG} ({said}) here, which is no "
            "special token of the tokenizer: servers that go by the tokenizer (llama.cpp) go on "
            "after it"
        )


def _configured(model: nn.Module) -> list[int]:
    """Ends that the generation config names, or config.json in its place."""
    said = getattr(getattr(model, "generation_config", None), "eos_token_id", None)
    return [i for i in (said if isinstance(said, list) else [said]) if isinstance(i, int)]


def _shown(tokenizer: Any, number: int) -> str:
    """The token's text, ready to print; empty if there is none."""
    try:
        token = tokenizer.convert_ids_to_tokens(number)
    except (IndexError, OverflowError):
        return ""
    return "" if token is None else excerpt(repr(token))


def pad_of(tokenizer: Any, path: Path) -> int:
    """The pad token, or the end token in its place: padding is masked out, so any id would do.

    Raises:
        UsageError: the tokenizer has neither.
    """
    for token in (tokenizer.pad_token_id, tokenizer.eos_token_id):
        if isinstance(token, int):
            return token
    raise UsageError(
        "the tokenizer has neither a pad nor an end-of-sequence token",
        where=f"{path.name}/tokenizer_config.json",
        remedy="set eos_token (and pad_token) there",
    )
