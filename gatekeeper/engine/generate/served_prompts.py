"""Tells where a server would write other prompts from the same chat template.

An audit gives a template one request, no tools, no documents, and a stopped clock. Servers give
more: several turns, calls of tools, names, variables, another day, another of the templates. Each
is tried here beside the plain conversation: what was given must stand in the text as often as it
was given, and what the template adds ("Answer everything.") stood in no prompt of the audit. Either
is told by the name of what it hangs on. Marks, the words that it always writes, and what it says of
tools that it then lists are none of that.
"""

from __future__ import annotations

import calendar
import json
import re
import time
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from gatekeeper.engine.generate import served_variants as variants
from gatekeeper.engine.generate.chat_template import PROBES, Chats, FailsError, conversation
from gatekeeper.engine.generate.thinking import OF_REASONING, SWITCHES, switches
from gatekeeper.errors import CheckpointError, excerpt
from gatekeeper.records.evidence import CLOCK

#: A conversation as it is written, or None where the template refuses it, and the conversation.
Written = tuple[str | None, variants.Talk]

#: From the clock of an audit: each second, minute, hour and day of the week, in sixteen years.
_LATER = tuple(timedelta(days=101 * k, hours=k, minutes=7 * k, seconds=k) for k in range(1, 60))
_CLOCK = "strftime_now"
#: What some servers have not, among all that transformers gives every template.
_LACKING = ("cycler", "joiner", "lipsum", _CLOCK)
_TOKENS = ("bos_token", "eos_token", "pad_token", "unk_token")
#: Variables that are tried in ways of their own.
_KNOWN = frozenset({"messages", "add_generation_prompt", "tools", "documents", *_TOKENS})
#: Variables that transformers takes for its own, so that the template itself must set them.
_TAKEN = (
    "chat_template",
    "continue_final_message",
    "conversations",
    "return_assistant_tokens_mask",
)
_WORD = re.compile(r"[^\W\d_]+")
#: A token that is a mark, not a word or a sentence.
_MARK = re.compile(r"[^\w\s]\S*")
#: Parts of a date, in English.
_NAMES = (calendar.month_name, calendar.month_abbr, calendar.day_name, calendar.day_abbr)
_OF_A_DATE = {*(name.casefold() for names in _NAMES for name in names), "am", "pm"}
#: Names of who speaks, and of marks.
_OF_A_TURN = {
    *("system", "user", "assistant", "human", "model", "bot", "role", "turn"),
    *("begin", "start", "end"),
}
_NO_MATTER = frozenset(_OF_A_DATE | _OF_A_TURN)
_NAMED = 3
#: Seconds for all of it; a usual template takes 0.3.
_PATIENCE = 60.0


def written_otherwise(
    tokenizer: Any, system: str | None, thinking: str = "template"
) -> tuple[str, ...]:
    """A line for each thing that a server may give and that changes a prompt.

    Args:
        system: the audit's system prompt, or None.
        thinking: see `thinking.switches`.

    Raises:
        CheckpointError: the template takes too much time or memory for one of them, or is random.
    """
    with _Variants(tokenizer, system, **switches(tokenizer, thinking)) as tried:
        return tuple(tried.told())


class _Variants(Chats):
    """Conversations as a template writes them that is given other things."""

    def __init__(self, tokenizer: Any, system: str | None, **given: Any) -> None:
        super().__init__(tokenizer, **given)
        every = tokenizer.chat_template
        self._templates = dict(every) if isinstance(every, Mapping) else {}
        marks = {*filter(_MARK.fullmatch, tokenizer.get_added_vocab())}
        self._special = dict(tokenizer.special_tokens_map)
        marks |= {str(token) for token in self._special.values()}
        aside = sorted({*marks, *variants.GIVEN} - {""}, key=len, reverse=True)
        self._aside = re.compile("|".join(map(re.escape, aside)))
        self._one: variants.Talk = conversation(PROBES[1], None if system is None else PROBES[0])
        self._until = time.monotonic() + _PATIENCE

    def told(self) -> Iterator[str]:
        """The lines of `written_otherwise`."""
        usual = self._text(self._one)
        if usual is None:
            return
        more = [self._write(variants.longer(self._one, times)) for times in (1, 2, 7, 40)]
        more.append(self._write(variants.answered(self._one)))
        lines = list(self._line("more turns", more, self._differing(more, usual)))
        yield from lines
        # What hangs on turns alone is told once.
        self._talks = [self._one] if lines else [self._one, variants.longer(self._one)]
        for name, other in (("tools", [variants.TOOL]), ("documents", [variants.DOCUMENT])):
            yield from self._of_list(name, other, usual)
        for name, tried in self._of_talks():
            yield from self._line(name, tried, self._differing(tried, usual))
        if not lines:
            yield from self._of_calls(usual)
        # It leaves out how a reply begins.
        closed = {"add_generation_prompt": False}
        tried = [self._write(talk, closed) for talk in self._talks]
        yield from self._line("add_generation_prompt false", tried, self._new(tried, usual))
        for name in self._rendered([], names=True):
            if name not in _KNOWN | self._given.keys():
                yield from self._of_variable(name, usual)
        yield from self._of_templates(usual)

    def _of_list(self, name: str, entries: Sequence[Any], usual: str) -> Iterator[str]:
        """Lines on how prompts change if a list is not given at all, is empty, or has an entry."""
        if name not in self._template:
            return
        filled = [self._write(talk, {name: entries}) for talk in self._talks]
        new = self._new(filled, usual)
        # It tells what it was given, and then what to do with it.
        listed = not new or _tells(entries, new)
        yield from self._line(f"{name} given", filled, set() if listed else new)
        known = [usual, *(text for text, _ in filled if listed and text is not None)]
        for how, other in (
            (f"an empty list of {name}", self._write(self._one, {name: []})),
            (f"{name} undefined", self._write(self._one, undefined=name)),
        ):
            yield from self._line(how, [other], self._differing([other], usual, *known))

    def _of_talks(self) -> Iterator[tuple[str, list[Written]]]:
        """Other conversations, tokens and clocks, by the name of what is other."""
        talk = self._one
        yield "names of who speaks", [self._write(variants.named(talk)) for talk in self._talks]
        yield "keys that are empty", [self._write(variants.keyed(self._one))]
        for name in _TOKENS:
            if name in self._template and not self._given.get(name):
                how = f"an empty {name}, which the tokenizer lacks"
                yield how, [self._write(talk, {name: ""})]
        for name in (*_LACKING, *self._special):
            if name in self._template:
                yield f"{name} undefined", [self._write(talk, undefined=name)]
        if _CLOCK in self._template:
            clocks = [datetime.fromisoformat(CLOCK) + later for later in _LATER]
            yield "another date", [self._write(talk, clock=c.isoformat()) for c in clocks]

    def _of_calls(self, usual: str) -> Iterator[str]:
        """Lines on how prompts change if a tool is called, by what stands in no list of tools."""
        tools = {"tools": [variants.TOOL]}
        listed = self._text(self._one, tools) or ""
        talks = variants.calling(self._one)
        tried = [self._write(talk, given) for talk in talks for given in ({}, tools)]
        yield from self._line(
            "a call of a tool", tried, self._new(tried, usual, listed) - variants.OF_A_CALL
        )

    def _of_variable(self, name: str, usual: str) -> Iterator[str]:
        """Lines on a variable that the template reads, and an audit does not give it."""
        if name in _LACKING:
            return
        tried, differing, listed = [], set[str](), ""
        for value in (*variants.VALUES, *SWITCHES.get(name, {}).values()):
            if name in _TAKEN:
                before = f"{{% set {name} = {json.dumps(value)} %}}"
                written = self._write(self._one, template=before + self._template)
            else:
                written = self._write(self._one, {name: value})
            tried.append(written)
            new = self._new([written], usual)
            if isinstance(value, list | dict) and _tells(value, new):
                listed += written[0] or ""  # as with tools
                continue
            differing |= new
            shown = variants.VALUE if isinstance(value, dict) else str(value)
            if shown in usual or shown not in (written[0] or ""):  # else what was given replaces it
                differing |= self._lost([written], usual)
        # Its letters: a text was taken for a list.
        spelt = {*variants.VALUE.casefold(), "true", "false"}
        differing.difference_update(self._words(listed), OF_REASONING, spelt)
        if "tool" in name:
            differing -= variants.OF_A_CALL
        yield from self._line(excerpt(name), tried, differing)

    def _of_templates(self, usual: str) -> Iterator[str]:
        """Lines on the templates beside this one, which servers take by their names."""
        tools = {"tools": [variants.TOOL]}
        listed = self._text(self._one, tools) or ""
        for name, template in sorted(self._templates.items()):
            if template != self._template:
                tried = [self._write(self._one, given, template=template) for given in ({}, tools)]
                differing = self._differing(tried, usual, listed)
                yield from self._line(f"its template {excerpt(name)!r}", tried, differing)

    def _text(
        self,
        talk: variants.Talk,
        variables: Mapping[str, Any] | None = None,
        undefined: str | None = None,
        **other: Any,
    ) -> str | None:
        """A conversation as it is written, or None where the template refuses it."""
        if time.monotonic() > self._until:
            how = f"takes more than {_PATIENCE:g} s for what servers may give it"
            raise CheckpointError(f"{self._what} {how}", where=self._where, remedy="shorten it")
        given = {k: v for k, v in {**self._given, **(variables or {})}.items() if k != undefined}
        if undefined is not None:
            other["template"] = f"{{% set {undefined} = not_given_at_all %}}{self._template}"
        try:
            (text,) = self._rendered([talk], given=given, **other)
        except FailsError:
            return None  # whoever serves it sees that
        return text

    def _write(self, talk: variants.Talk, *args: Any, **other: Any) -> Written:
        return self._text(talk, *args, **other), talk

    def _new(self, tried: Sequence[Written], *known: str) -> set[str]:
        """Words of the texts that stand in no known one, and were not given."""
        said = {word for text, _ in tried if text is not None for word in self._words(text)}
        return said.difference(_NO_MATTER, *map(self._words, known))

    def _lost(self, tried: Sequence[Written], usual: str) -> set[str]:
        """Words of the usual text that one of these texts lacks."""
        said = set(self._words(usual)) - _NO_MATTER
        return {w for text, _ in tried if text is not None for w in said - set(self._words(text))}

    def _differing(self, tried: Sequence[Written], usual: str, *known: str) -> set[str]:
        return self._new(tried, usual, *known) | self._lost(tried, usual)

    def _words(self, text: str) -> list[str]:
        return _WORD.findall(self._aside.sub(" ", text).casefold())

    def _line(self, what: str, tried: Sequence[Written], words: Collection[str]) -> Iterator[str]:
        """The line on a thing that is given, if it changes what is given else, or the words."""
        changed = [how for text, talk in tried if text is not None for how in _changed(text, talk)]
        if not changed and not words:
            return
        listed = ", ".join(excerpt(word) for word in sorted(words)[:_NAMED])
        more = f" and {len(words) - _NAMED} more" if len(words) > _NAMED else ""
        how = changed[0] if changed else "writes other words"
        listed = "" if changed else f" ({listed}{more})"
        yield (
            f"not audited: {self._what} {how} with {what}{listed}: a server that renders it so "
            "reads prompts that were not audited"
        )


def _changed(text: str, talk: variants.Talk) -> Iterator[str]:
    """What a template does to a part of a conversation that it does not write as it was given."""
    # What a tool said is left out where a template knows of no tools.
    said = [message["content"] for message in talk if message["role"] != "tool"]
    for content, times in Counter(said).items():
        written = text.count(content)
        if content and written != times:
            names = {message["role"] for message in talk if message["content"] == content}
            part = "system prompt" if "system" in names else "turn"
            part = "prompt" if content == talk[-1]["content"] else part
            yield (
                f"writes the {part} twice"
                if written > times
                else (f"leaves the {part} out or changes it")
            )


def _tells(given: Any, words: set[str]) -> bool:
    """Whether a text with these words lists what was given."""
    return not words.isdisjoint(_WORD.findall(json.dumps(given).casefold()))
