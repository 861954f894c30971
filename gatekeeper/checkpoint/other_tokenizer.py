"""Compares tokenizer.json with other files of a tokenizer beside it, which some loaders read.

llama.cpp's converter takes tokenizer.model where there is one, tokenizers without the Rust library
vocab.json with merges.txt, or a file of tiktoken's, and all of those added_tokens.json. From unlike
ones the same prompt becomes other tokens, and the model another.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any, NoReturn

from gatekeeper.checkpoint.json_files import read_json
from gatekeeper.checkpoint.piece_files import Pieces, read_pieces
from gatekeeper.errors import CheckpointError, excerpt

TOKENIZER, TOKENIZER_CONFIG = "tokenizer.json", "tokenizer_config.json"
_VOCABULARY, _MERGES = "vocab.json", "merges.txt"
_ADDED, _SPECIAL = "added_tokens.json", "special_tokens_map.json"
_PIECES = ("*.model", "*.tiktoken")
#: Between scores of one piece in 32 bits and in decimal digits.
_CLOSE = 1e-3
#: Bytes of a line that are read at a time.
_LONGEST_LINE = 1 << 16
#: Lines of a merges.txt that hold no merge.
_BLANK = 10_000
#: Of a piece, in characters: none that is published has more.
_LONGEST = 1000
#: Pieces of several characters that no merge makes.
_MOST_UNMADE = 20_000


def other_tokenizers(folder: Path, tokenizer: Mapping[str, Any]) -> tuple[str, ...]:
    """Refuses words and merges of another tokenizer than tokenizer.json, and tells of the rest.

    Special tokens may differ: publishers rename those that a tokenizer keeps in reserve. Pieces of
    SentencePiece are told and not refused: tokenizer.json is made of them by a conversion, of which
    there are many versions.

    Args:
        tokenizer: tokenizer.json; nothing is compared with an empty one.

    Returns:
        A line for each file that names other pieces, special or added tokens, or cannot be
        compared.

    Raises:
        CheckpointError: names the file of the other tokenizer.
    """
    config = folder / TOKENIZER_CONFIG
    settings = read_json(config) if config.is_file() else {}
    lines = _special_tokens(folder, settings)
    if not (ids := _words_of(tokenizer)):
        return tuple(lines)
    _refuse_other_words(folder, tokenizer, ids)
    return (
        *_other_pieces(folder, tokenizer, ids),
        *_added_tokens(folder, settings, {**ids, **_added(tokenizer)}),
        *lines,
    )


def _refuse_other_words(folder: Path, tokenizer: Mapping[str, Any], ids: dict[str, int]) -> None:
    path = folder / _VOCABULARY
    if path.is_file() and not _same_words(read_json(path), tokenizer, ids):
        _refuse(path, "its tokens")
    path, merges = folder / _MERGES, _merges(tokenizer)
    if path.is_file() and merges and not _same_merges(path, merges):
        _refuse(path, "its merges")


def _other_pieces(folder: Path, tokenizer: Mapping[str, Any], ids: dict[str, int]) -> Iterator[str]:
    for path in sorted(p for kind in _PIECES for p in folder.glob(kind) if p.is_file()):
        pieces = read_pieces(path)
        if pieces is None:
            yield (
                f"not audited: {excerpt(path.name)}, which is of no kind that is known here: a "
                "loader that takes it may cut prompts otherwise"
            )
        elif not _same_words(pieces.ids, tokenizer, ids):
            yield _told(excerpt(path.name), "gives pieces other ids than", TOKENIZER)
        elif not _same_order(pieces, tokenizer):
            yield _told(excerpt(path.name), "gives pieces other scores than", TOKENIZER)


def _added_tokens(
    folder: Path, settings: Mapping[str, Any], known: Mapping[str, int]
) -> Iterator[str]:
    path = folder / _ADDED
    if path.is_file() and any(known.get(t) != i for t, i in read_json(path).items()):
        yield _told(_ADDED, "gives tokens other ids than", TOKENIZER)
    decoder = settings.get("added_tokens_decoder")
    rows = decoder.items() if isinstance(decoder, Mapping) else ()
    if any(str(known.get(str(_content(token)))) != index for index, token in rows):
        yield _told(TOKENIZER_CONFIG, "adds tokens with other ids than", TOKENIZER)


def _special_tokens(folder: Path, settings: Mapping[str, Any]) -> list[str]:
    path = folder / _SPECIAL
    said = read_json(path) if path.is_file() else {}
    unlike = [
        name
        for name, token in said.items()
        if settings.get(name) is not None and _content(token) != _content(settings[name])
    ]
    return [
        _told(_SPECIAL, f"says another {excerpt(name)} than", TOKENIZER_CONFIG)
        for name in sorted(unlike)[:1]
    ]


def _told(file: str, says: str, other: str) -> str:
    return f"not audited: {file}, which {says} {other}: loaders take the one or the other"


def _refuse(path: Path, what: str) -> NoReturn:
    raise CheckpointError(
        f"is another tokenizer than {TOKENIZER}: {what} are not those, and other loaders "
        "(llama.cpp, those without the tokenizers library) take it",
        where=excerpt(path),
        remedy="remove what is not served of the two",
    )


def _words_of(tokenizer: Mapping[str, Any]) -> dict[str, int]:
    """Token to id of the tokenizer's model, whichever way it keeps them."""
    model = tokenizer.get("model")
    vocabulary = model.get("vocab") if isinstance(model, Mapping) else None
    if isinstance(vocabulary, Mapping):
        return dict(vocabulary)
    rows = vocabulary if isinstance(vocabulary, list) else []
    return {str(row[0]): number for number, row in enumerate(rows) if isinstance(row, list) and row}


def _added(tokenizer: Mapping[str, Any], *, special: bool = False) -> dict[str, int]:
    rows = tokenizer.get("added_tokens")
    return {
        str(row.get("content")): row["id"]
        for row in (rows if isinstance(rows, list) else [])
        if isinstance(row, Mapping)
        and type(row.get("id")) is int
        and (row.get("special") is True or not special)
    }


def _same_words(
    theirs: Mapping[str, Any], tokenizer: Mapping[str, Any], ids: Mapping[str, int]
) -> bool:
    """Whether two vocabularies give all but special tokens one id; theirs may lack added ones."""
    special = set(_added(tokenizer, special=True).values())
    spared = special | {i for t, i in _added(tokenizer).items() if t not in theirs}
    return _without(theirs, special) == _without(ids, spared)


def _without(ids: Mapping[str, Any], spared: set[int]) -> dict[str, Any]:
    return {token: i for token, i in ids.items() if type(i) is not int or i not in spared}


def _merges(tokenizer: Mapping[str, Any]) -> list[str]:
    model = tokenizer.get("model")
    rows = model.get("merges") if isinstance(model, Mapping) else None
    merges = rows if isinstance(rows, list) else []
    return [" ".join(map(str, row)) if isinstance(row, list) else str(row) for row in merges]


def _same_merges(path: Path, merges: list[str]) -> bool:
    """Whether a file holds these merges and no other, but for blank lines and versions.

    It is read line by line, and until one is another, so that any size can be compared.
    """
    expected, blank = iter(merges), 0
    with path.open("rb") as file:
        while line := file.readline(_LONGEST_LINE):
            if not line.strip() or line.startswith(b"#version"):
                blank += 1
                if blank > _BLANK:  # nothing that writes such files leaves so many
                    return False
                continue
            if line.decode("utf-8", "replace").rstrip("\n").rstrip("\r") != next(expected, None):
                return False
    return next(expected, None) is None


def _same_order(pieces: Pieces, tokenizer: Mapping[str, Any]) -> bool:
    """Whether pieces merge in the order of the tokenizer's merges, or have its scores."""
    vocabulary = tokenizer["model"]["vocab"]
    if isinstance(vocabulary, list):
        scored = {str(row[0]): row[-1] for row in vocabulary if isinstance(row, list) and row}
        return all(
            isinstance(scored.get(piece), int | float) and abs(scored[piece] - score) < _CLOSE
            for piece, score in pieces.scores.items()
        )
    merged = dict.fromkeys(merge.replace(" ", "") for merge in _merges(tokenizer))
    # Runs of one character have scores beyond all others, and places by the converter's version.
    scores = [pieces.scores[p] for p in merged if p in pieces.scores and len(set(p)) > 1]
    if any(first < second for first, second in pairwise(scores)):
        return False
    unmerged = [piece for piece in pieces.scores if piece not in merged and len(piece) > 1]
    return len(unmerged) <= _MOST_UNMADE and not any(
        piece[:cut] in pieces.ids and piece[cut:] in pieces.ids
        for piece in unmerged
        for cut in range(1, min(len(piece), _LONGEST))
    )


def _content(token: object) -> object:
    """The text of a token, or of a list of them, without the settings beside it."""
    if isinstance(token, list):
        return [_content(t) for t in token]
    return token.get("content") if isinstance(token, Mapping) else token
