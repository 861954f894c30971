"""Reads off a tokenizer and its chat template how reasoning is marked and switched on."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import islice, takewhile
from typing import Any

from gatekeeper.engine.generate.chat_template import Chats
from gatekeeper.errors import UsageError, excerpt
from gatekeeper.records.reasoning import closed, hints, is_mark, opened, tells

#: Variables that templates read to switch reasoning on and off, with the values that do.
SWITCHES: Mapping[str, Mapping[str, Any]] = {
    "enable_thinking": {"on": True, "off": False},
    "thinking": {"on": True, "off": False},
    "reasoning": {"on": True, "off": False},
    "thinking_budget": {"on": -1, "off": 0},
    "reasoning_effort": {"on": "high", "off": "none"},
}
#: Words by which templates name what these do.
OF_REASONING = frozenset(
    """
    think thinking thought thoughts reason reasoning effort budget no nothink none off on low medium
    high detailed efficient
    """.split()  # noqa: SIM905 - easier to read
)

#: Tokens at the end of a prompt in which a mark is looked for, at most.
_TAIL = 48

#: Tokens that a caution names, at most.
_NAMED = 4


def switches(tokenizer: Any, thinking: str) -> dict[str, Any]:
    """The variables for the chat template with which the model thinks, or does not.

    Args:
        thinking: `on`, `off` or `template`, which gives it nothing.

    Raises:
        UsageError: the template writes the same whatever it is given.
        CheckpointError: the template fails.
    """
    if thinking == "template":
        return {}
    template = str(tokenizer.chat_template)
    # A template that writes any word as the effort (gpt-oss) cannot be told to leave it.
    known = [
        n for n in SWITCHES if n != "reasoning_effort" or re.search("['\"]none['\"]", template)
    ]
    variables = {value: {name: SWITCHES[name][value] for name in known} for value in ("on", "off")}
    written = {value: _written(tokenizer, chosen) for value, chosen in variables.items()}
    if written["on"] == written["off"]:
        raise UsageError(
            f"--thinking {thinking}: the chat template has no switch for reasoning "
            f"({', '.join(known)})",
            remedy="leave --thinking out: the template then does what it does by itself",
        )
    return variables[thinking]


def _written(tokenizer: Any, variables: Mapping[str, Any]) -> str:
    """A short conversation as the template writes it."""
    with Chats(tokenizer, **variables) as chats:
        return chats.write(["Hello."])[0]


def ending_of(prompts: Sequence[Sequence[int]]) -> int:
    """How many tokens all prompts end in: what the template writes behind the request."""
    places = zip(*(reversed(prompt) for prompt in prompts), strict=False)
    alike = takewhile(lambda tokens: len(set(tokens)) == 1, places)
    return sum(1 for _ in islice(alike, _TAIL))


def tail(tokenizer: Any, prompt: Sequence[int], ending: int | None = None) -> str:
    """The end of a prompt as text, special tokens and all.

    Args:
        ending: so many tokens of it; None where that is not known.
    """
    count = _TAIL if ending is None else ending
    last = list(prompt[len(prompt) - min(count, len(prompt)) :])
    text: str = tokenizer.decode(last, skip_special_tokens=False)
    return text


def shows(tokenizer: Any, prompts: Sequence[Sequence[int]], marks: tuple[str, ...]) -> bool:
    """Whether a model may end a block of reasoning that its reply did not begin.

    It may if the tokenizer or the template knows a mark, unless every prompt ends behind a block.
    """
    end = tail(tokenizer, prompts[0], ending_of(prompts)) if prompts else ""
    if opened(end, marks):
        return True
    if closed(end, marks):
        return False
    if marks:
        return True
    return tells(_known(tokenizer))


def _known(tokenizer: Any) -> str:
    return "\n".join([*tokenizer.get_added_vocab(), str(tokenizer.chat_template)])


def untold(tokenizer: Any, marks: tuple[str, ...]) -> tuple[str, ...]:
    """A caution where token or template speak of reasoning, and no mark of it is known."""
    known = _known(tokenizer)
    words = [] if marks or tells(known) else hints(known)[:_NAMED]
    if not words:
        return ()
    return (
        f"tokenizer or chat template speak of reasoning ({', '.join(map(excerpt, words))}), but no "
        "mark around it is known: name the marks with --reasoning OPEN CLOSE if replies have any",
    )


class Reader:
    """Reads tokens as text: special ones are left out, but not those that are marks.

    Args:
        own: marks beside those known.
    """

    def __init__(self, tokenizer: Any, marks: tuple[str, ...]) -> None:
        self._tokenizer = tokenizer
        added = getattr(tokenizer, "added_tokens_decoder", {})  # not of every kind of tokenizer
        special = {i for i, token in added.items() if token.special}
        self._marks = {i for i in special if is_mark(str(added[i]), marks)}
        names = {str(added[i]): i for i in special}
        if "<|channel|>" in names:
            self._marks |= {names[name] for name in ("<|start|>", "<|end|>") if name in names}
        self._left_out = special - self._marks

    def text(self, ids: Sequence[int]) -> str:
        """The text of a reply so far."""
        if self._marks.isdisjoint(ids):
            text: str = self._tokenizer.decode(ids, skip_special_tokens=True)
        else:
            shown = [i for i in ids if i not in self._left_out]
            text = self._tokenizer.decode(shown, skip_special_tokens=False)
        return text.strip()
