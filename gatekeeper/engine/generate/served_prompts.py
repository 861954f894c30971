"""Tells where a server would write other prompts from the same chat template.

An audit gives a template one request, no tools, no documents, and a stopped clock. Servers give
more: several turns, lists that are empty or not there at all, another day. What a template adds
then beside what it was given ("Answer everything.") stood in no prompt of the audit, and is told by
the name of what it hangs on. Marks, and the words that it always writes, are none of that; neither
is what it says of tools that it then lists.
"""

from __future__ import annotations

import calendar
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from gatekeeper.engine.generate.chat_template import PROBES, Chats, FailsError, conversation
from gatekeeper.engine.generate.thinking import switches
from gatekeeper.errors import excerpt
from gatekeeper.records.evidence import CLOCK

#: What a template can hang on here, as its text names it; others are not rendered again.
_HANGS = re.compile(
    r"\b(?:tools|documents|length|count|loop|last|first|reverse|strftime_now|\w+_token"
    r"|not add_generation_prompt|messages\[-?[1-9])"
)
_CLOCK = re.compile("strftime_now")
_TOKENS = ("bos_token", "eos_token", "pad_token", "unk_token")
#: Days and hours from the clock of an audit.
_LATER = tuple(timedelta(days=d, hours=h) for d, h in ((1, 5), (40, 11), (400, 16), (5000, 20)))
_WORD = re.compile(r"[^\W\d_]{3,}")
#: Parts of a date, in English.
_NAMES = (calendar.month_name, calendar.month_abbr, calendar.day_name, calendar.day_abbr)
_OF_A_DATE = frozenset(name.casefold() for names in _NAMES for name in names)
#: Names of who speaks, and of marks.
_OF_A_TURN = frozenset(
    {
        *("system", "user", "assistant", "human", "model", "bot", "role", "turn"),
        *("begin", "start", "end"),
    }
)
_REPLY = "It costs nothing: both stand beside the harbour."
_TOOL: Mapping[str, Any] = {
    "type": "function",
    "function": {
        "name": "lamp_finder",
        "description": "Finds a lamp.",
        "parameters": {"type": "object", "properties": {"street": {"type": "string"}}},
    },
}
_DOCUMENT = {"title": "Lamps", "text": "They glow where ships arrive.", "doc_id": "1"}
_OPEN = "add_generation_prompt false"
_NAMED = 3


def written_otherwise(
    tokenizer: Any, system: str | None, thinking: str = "template"
) -> tuple[str, ...]:
    """A line for each variable that a server may give and that changes the words of a prompt.

    Args:
        system: the audit's system prompt, or None.
        thinking: see `thinking.switches`.

    Raises:
        CheckpointError: the template takes too much time or memory for one of them, or is random.
    """
    if not _HANGS.search(str(tokenizer.chat_template)):
        return ()
    with _Variants(tokenizer, system, **switches(tokenizer, thinking)) as variants:
        return tuple(variants.told())


class _Variants(Chats):
    """Conversations as a template writes them that is given other things."""

    def __init__(self, tokenizer: Any, system: str | None, **given: Any) -> None:
        super().__init__(tokenizer, **given)
        known = (*PROBES, _REPLY, *self._given.values(), *tokenizer.get_added_vocab())
        words = set(_words(" ".join(map(str, known))))
        self._no_matter = words | _OF_A_DATE | _OF_A_TURN
        self._one = conversation(PROBES[1], None if system is None else PROBES[0])

    def told(self) -> Iterator[str]:
        """The lines of `written_otherwise`."""
        usual = self._text(self._one)
        if usual is None:
            return
        for name, other in (("tools", [_TOOL]), ("documents", [_DOCUMENT])):
            yield from self._of_list(name, other, usual)
        for name, texts in self._of_others():
            new = self._new(texts, usual)
            if name != _OPEN:  # it leaves out how a reply begins
                new |= self._lost(texts, usual)
            if new:
                yield self._line(name, sorted(new))

    def _of_list(self, name: str, entries: Sequence[Any], usual: str) -> Iterator[str]:
        """Lines on how prompts change if a list is not given at all, is empty, or has an entry."""
        if name not in self._template:
            return
        text = self._text(self._one, {name: entries})
        held = set(_words(json.dumps(entries)))
        if new := self._new([text], usual, _REPLY):
            lists = bool(held & new)  # it tells what it was given, and then what to do with it
            if not lists:
                yield self._line(f"{name} given", sorted(new))
                text = None
        for how, texts in (
            (f"an empty list of {name}", [self._text(self._one, {name: []})]),
            (f"{name} undefined", [self._text(self._one, undefined=name)]),
        ):
            new = self._new(texts, usual, text or "")
            if differing := sorted(new | self._lost(texts, usual)):
                yield self._line(how, differing)

    def _of_others(self) -> Iterator[tuple[str, list[str | None]]]:
        """Lines on other things that change what the template writes."""
        second = conversation(PROBES[2])
        turns = [{"role": "assistant", "content": _REPLY}, *second]
        talks = [[*self._one, *turns * times] for times in (1, 2, 7)]
        yield "more turns", [self._text(talk) for talk in talks]
        yield _OPEN, [self._text(self._one, {"add_generation_prompt": False})]
        for name in _TOKENS:
            if name in self._template and not self._given.get(name):
                yield (
                    f"an empty {name}, which the tokenizer lacks",
                    [self._text(self._one, {name: ""})],
                )
        if _CLOCK.search(self._template):
            clocks = [datetime.fromisoformat(CLOCK) + later for later in _LATER]
            yield "another date", [self._text(self._one, clock=c.isoformat()) for c in clocks]

    def _text(
        self,
        talk: Sequence[Mapping[str, Any]],
        variables: Mapping[str, Any] | None = None,
        undefined: str | None = None,
        **other: Any,
    ) -> str | None:
        """A conversation as it is written, or None where the template refuses it."""
        if undefined is not None:
            other["template"] = f"{{% set {undefined} = not_given_at_all %}}{self._template}"
        try:
            (text,) = self._rendered([talk], given={**self._given, **(variables or {})}, **other)
        except FailsError:
            return None  # whoever serves it sees that
        return text

    def _new(self, texts: Sequence[str | None], *known: str) -> set[str]:
        """Words of the texts that stand in no known one."""
        said = {word for text in texts if text is not None for word in _words(text)}
        return said - set(_words(" ".join(known))) - self._no_matter

    def _lost(self, texts: Sequence[str | None], usual: str) -> set[str]:
        """Words of the usual text that one of these texts lacks."""
        said = set(_words(usual)) - self._no_matter
        return {w for text in texts if text is not None for w in said - set(_words(text))}

    def _line(self, what: str, new: Sequence[str]) -> str:
        words = ", ".join(excerpt(word) for word in new[:_NAMED])
        more = f" and {len(new) - _NAMED} more" if len(new) > _NAMED else ""
        return (
            f"not audited: {self._what} writes other words with {what} ({words}{more}): a "
            "server that renders it so reads prompts that were not audited"
        )


def _words(text: str) -> list[str]:
    return _WORD.findall(text.casefold())
