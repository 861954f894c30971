"""Turns chat prompts into token batches, padded on the left."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from gatekeeper.engine.generate.chat_template import Chats
from gatekeeper.engine.generate.plain_tokenizer import PlainTokenizer
from gatekeeper.engine.generate.thinking import switches
from gatekeeper.engine.model.foreign_errors import blaming
from gatekeeper.engine.model.load import LoadedModel
from gatekeeper.engine.model.token_ids import embedding_rows, told_of
from gatekeeper.errors import CheckpointError
from gatekeeper.records.suite import Prompt

#: Most rows that read side by side on a processor.
READING = 128


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoded:
    """A prompt as token ids, or why it is skipped.

    Attributes:
        otherwise: whether tokenizer.json alone makes other tokens of it.
    """

    prompt: Prompt
    ids: tuple[int, ...]
    skipped: str | None
    otherwise: bool = False


def encode(
    loaded: LoadedModel,
    prompts: Sequence[Prompt],
    system: str | None,
    new_tokens: int,
    thinking: str = "template",
) -> list[Encoded]:
    """Applies the chat template and tokenises; prompts that leave no room for a reply are skipped.

    Args:
        thinking: whether the template is to make the model reason, see `thinking.switches`.

    Raises:
        UsageError: the template has no such switch.
        CheckpointError: the chat template fails or leaves something out (see `Chats.write`), the
            tokenizer draws tokens at random, changes words, makes the same of every prompt, or of
            one a token that the embedding lacks.
    """
    limit = loaded.context_length
    with Chats(loaded.tokenizer, **switches(loaded.tokenizer, thinking)) as chats:
        texts = chats.write([prompt.text for prompt in prompts], system)
    plain = PlainTokenizer(loaded.tokenizer)
    encoded = []
    for prompt, text in zip(prompts, texts, strict=True):
        with blaming(None, "the tokenizer fails on a prompt", "mend tokenizer.json"):
            ids, again = _tokens(loaded, text), _tokens(loaded, text)
            otherwise = plain.otherwise(text, ids)
            written = loaded.tokenizer.decode(ids, skip_special_tokens=False)
        if ids != again:
            raise CheckpointError(
                "the tokenizer makes other tokens of the same prompt each time",
                remedy="take the dropout out of tokenizer.json",
            )
        if loaded.tokenizer.unk_token_id not in ids and not _holds(written, prompt.text):
            raise CheckpointError(
                "the tokenizer changes the words of a prompt",
                remedy="take the normalizer that does so out of tokenizer.json, or audit with the "
                "tokenizer that is served",
            )
        skipped = None
        if limit is not None and len(ids) + new_tokens > limit:
            skipped = f"{len(ids)} tokens and {new_tokens} new ones exceed the context of {limit}"
        encoded.append(Encoded(prompt=prompt, ids=ids, skipped=skipped, otherwise=otherwise))
    _check_encoded(loaded, encoded)
    return encoded


def _tokens(loaded: LoadedModel, text: str) -> tuple[int, ...]:
    # The template writes the special tokens itself.
    return tuple(loaded.tokenizer(text, add_special_tokens=False)["input_ids"])


def _holds(written: str, text: str) -> bool:
    """Whether a text stands in another, whatever its white space and the forms of its letters."""
    return _levelled(text) in _levelled(written)


def _levelled(text: str) -> str:
    return "".join(unicodedata.normalize("NFKC", text).split())


def _check_encoded(loaded: LoadedModel, encoded: Sequence[Encoded]) -> None:
    if any(not e.ids for e in encoded) or (
        len({e.prompt.text for e in encoded}) > 1 and len({e.ids for e in encoded}) == 1
    ):
        raise CheckpointError(
            "the tokenizer makes the same of every prompt",
            remedy="put the tokenizer beside the weights that it was trained with",
        )
    rows = embedding_rows(loaded.model)
    largest = max((i for e in encoded for i in e.ids), default=0)
    if rows is not None and largest >= rows:
        raise CheckpointError(
            f"a prompt has token {largest}{told_of(loaded.tokenizer, largest)}, the embedding has "
            f"{rows} rows",
            remedy="put the tokenizer beside the weights that it was trained with",
        )


def batches(
    lengths: Sequence[int], size: int, *, pads: bool, apart: Sequence[str] | None = None
) -> list[slice]:
    """Cuts rows in their order into batches of at most `size`.

    Args:
        pads: whether rows of unlike length may share a batch.
        apart: a label for each row; rows of unlike labels share no batch.
    """
    cuts = [0]
    for row in range(1, len(lengths)):
        unlike = not pads and lengths[row] != lengths[row - 1]
        parted = apart is not None and apart[row] != apart[row - 1]
        if row - cuts[-1] >= size or unlike or parted:
            cuts.append(row)
    ends = [*cuts[1:], len(lengths)]
    return [slice(a, b) for a, b in zip(cuts, ends, strict=True) if b > a]


def reading_rows(rows: int, device: torch.device) -> int:
    """How many of these rows read their prompts side by side.

    On a processor a forward of many tokens leaves its cache: demo checkpoint, 18 tokens a row, 28
    microseconds a token at 96 and 192 rows, 35 at 24 and at 1024.
    """
    return min(rows, READING) if device.type == "cpu" else rows


def left_padded(
    rows: Sequence[Sequence[int]], pad: int, device: torch.device
) -> tuple[Tensor, Tensor]:
    """Token ids and attention mask, both [B, T], padded on the left."""
    longest = max(len(row) for row in rows)
    ids = torch.full((len(rows), longest), pad, dtype=torch.int64)
    mask = torch.zeros(len(rows), longest, dtype=torch.int64)
    for i, row in enumerate(rows):
        ids[i, longest - len(row) :] = torch.tensor(row, dtype=torch.int64)
        mask[i, longest - len(row) :] = 1
    return ids.to(device), mask.to(device)


def positions(mask: Tensor) -> Tensor:
    """Position ids [B, T] that start at 0 at each row's first real token."""
    return (mask.cumsum(dim=1) - 1).clamp(min=0)
