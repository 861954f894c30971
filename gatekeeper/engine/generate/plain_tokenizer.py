"""Compares the loaded tokenizer with tokenizer.json alone, which is all that some servers read.

transformers builds the tokenizer anew: by the class and the settings that tokenizer_config.json
names. What comes of it is compared here with the file alone, rather than setting by setting.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gatekeeper.checkpoint.other_tokenizer import TOKENIZER, TOKENIZER_CONFIG
from gatekeeper.engine.model.foreign_errors import blaming
from gatekeeper.errors import excerpt

if TYPE_CHECKING:
    from tokenizers import Tokenizer

_NAMED = 3
_REMEDY = "save the tokenizer again with save_pretrained"


class PlainTokenizer:
    """The tokenizer of tokenizer.json alone, beside the loaded one.

    Args:
        tokenizer: one without such a file agrees with all.

    Raises:
        CheckpointError: the tokenizers library cannot read it.
    """

    def __init__(self, tokenizer: Any) -> None:
        self._loaded = tokenizer
        folder = getattr(tokenizer, "name_or_path", None)  # made by hand: none
        self._own = _own(Path(folder)) if folder else None

    def otherwise(self, text: str, ids: Sequence[int]) -> bool:
        """Whether the file cuts a text into other tokens than these."""
        if self._own is None:
            return False
        plain: list[int] = self._own.encode(text, add_special_tokens=False).ids
        return plain != list(ids)

    def left_out(self) -> Iterator[str]:
        """A line if replies lose other tokens as they are read here than by the file alone."""
        if self._own is None:
            return
        theirs = _special(self._own.get_added_tokens_decoder())
        here = _special(getattr(self._loaded, "added_tokens_decoder", {}))
        for extra, what in (
            (here - theirs, f"are left out of replies here and not by {TOKENIZER} alone"),
            (theirs - here, f"stay in replies here and not by {TOKENIZER} alone"),
        ):
            # What the file lacks is told where it is added; no text is lost by an end.
            known = [self._own.id_to_token(i) for i in sorted(extra - {self._loaded.eos_token_id})]
            if names := [repr(name) for name in known if name is not None]:
                more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
                listed = ", ".join(map(excerpt, names[:_NAMED])) + more
                yield f"tokens {what}, by special tokens of {TOKENIZER_CONFIG}: {listed}"


def told_otherwise(tokenizer: Any, otherwise: int, prompts: int) -> tuple[str, ...]:
    """A line for each way in which tokenizer.json alone is another tokenizer than the loaded one.

    Args:
        otherwise: prompts that it cuts into other tokens, of so many.
    """
    cut = (
        f"not audited: {TOKENIZER} by itself makes other tokens of {otherwise} of {prompts} "
        f"prompts than transformers, which goes by {TOKENIZER_CONFIG} too (its tokenizer_class and "
        "settings): other loaders read the one or the other"
    )
    return (*((cut,) if otherwise else ()), *PlainTokenizer(tokenizer).left_out())


def _own(folder: Path) -> Tokenizer | None:
    from tokenizers import Tokenizer

    path = folder / TOKENIZER
    if not path.is_file():
        return None
    with blaming(folder.name, f"the tokenizers library cannot read {TOKENIZER}", _REMEDY):
        tokenizer = Tokenizer.from_file(str(path))
    # Told by themselves, see `read_otherwise`.
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


def _special(added: Any) -> set[int]:
    return {i for i, token in added.items() if token.special}
