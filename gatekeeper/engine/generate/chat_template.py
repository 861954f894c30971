"""Conversations as a tokenizer's chat template writes them: in bounds, the same on every day, and
with all that they hold.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import product
from multiprocessing import Pipe
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from gatekeeper._process import ended
from gatekeeper.engine.generate import chat_template_child as chat_child
from gatekeeper.engine.model.foreign_errors import blaming
from gatekeeper.errors import CheckpointError, excerpt
from gatekeeper.records.evidence import CLOCK

#: The one way for a template to ask.
_ASKS = "strftime_now"

#: Seconds for the conversations that are rendered at a time; a usual template takes 0.0001 for one.
_PATIENCE = 30.0
#: How many those are: conversations, characters in them.
_AT_A_TIME, _CHARACTERS = 1000, 1_000_000
#: What the child is told of the environment: a key is none of its business.
_PASSED = ("PATH", "PYTHONHOME", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "HOME")
_ALWAYS = {"PYTHONHASHSEED": "0", "TZ": "UTC", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}

_MEND = "mend chat_template.jinja"
_LIMITS = {
    "long": "writes more than 100,000 characters for one conversation",
    "memory": f"takes more than {chat_child.MEMORY >> 30} GiB of memory",
    "random": "is random: it writes the same conversation in two ways",
    "time": "takes more than {patience:g} s",
    "died": "brings the process down that renders it ({how})",
}

Conversation = Sequence[Mapping[str, Any]]


def conversation(user: str, system: str | None = None) -> list[dict[str, str]]:
    """One request, under a system prompt if there is one."""
    messages = [] if system is None else [{"role": "system", "content": system}]
    return [*messages, {"role": "user", "content": user}]


def in_parts(message: Mapping[str, str]) -> dict[str, Any]:
    """A message whose content is a list of parts, of one text."""
    return {**message, "content": [{"type": "text", "text": message["content"]}]}


def clock_of(tokenizer: Any) -> str | None:
    """The date that the template is given for today's, or None where it cannot ask for one."""
    return CLOCK if _ASKS in str(tokenizer.chat_template) else None


class FailsError(CheckpointError):
    """Raised where the template raises an error; the process goes on."""


class Chats:
    """Writes conversations with a tokenizer's chat template; a context, since it keeps a process.

    Args:
        what: names the template in messages.
        served: whether others may give it messages of another form.
        given: for the template, beside the tokenizer's special tokens.
    """

    def __init__(
        self,
        tokenizer: Any,
        *,
        what: str = "the chat template",
        patience: float = _PATIENCE,
        served: bool = True,
        **given: Any,
    ) -> None:
        self._where = excerpt(Path(str(tokenizer.name_or_path)).name) or None
        with blaming(self._where, f"{what} cannot be used", _MEND):
            self._template = tokenizer.get_chat_template()
            self._template.encode()  # JSON can hold halves of characters
            self._given = {
                **tokenizer.special_tokens_map,
                "add_generation_prompt": True,
                **given,
            }
        self._what, self._patience, self._served = what, patience, served
        self._channel, theirs = Pipe()
        with theirs:
            self._child = subprocess.Popen(
                # -P: the files beside it are no modules of the standard library.
                [sys.executable, "-P", chat_child.__file__, str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                env={
                    **{k: os.environ[k] for k in _PASSED if k in os.environ},
                    **_ALWAYS,
                    "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),  # the same library
                },
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,  # what interrupts us must not reach it first
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Ends the process."""
        self._channel.close()
        self._child.kill()
        self._child.wait()

    def write(self, users: Sequence[str], system: str | None = None) -> list[str]:
        """Each request as the model is to read it, as `apply_chat_template` would write it.

        Raises:
            CheckpointError: the template fails, takes no system prompt, leaves out or changes what
                it is given, is random, or takes too much time, memory or room.
        """
        frame = self._frame(system or None)
        texts = []
        for part in _parts(users):
            texts += self._rendered([conversation(user, system) for user in part], tell=False)
        self._check(users, system, texts, frame)
        return texts

    def _frame(self, system: str | None) -> str:
        """The text that the template writes around a conversation's parts, with probes in place."""
        under = None if system is None else PROBES[0]
        talks = [conversation(PROBES[1], under), conversation(PROBES[2], under)]
        if system is not None:
            talks.append(conversation(PROBES[1], PROBES[2]))
        try:
            frame, other, *without = self._rendered(talks)
        except FailsError as error:
            if system is not None and self._works_without():
                raise CheckpointError(
                    error.message.replace(" fails ", " takes no system prompt ", 1),
                    where=self._where,
                    remedy="leave system prompts out, as whoever serves the model has to",
                ) from error
            raise
        self._refuse_part("prompt", frame.count(PROBES[1]), frame == other)
        if system is not None:
            self._refuse_part("system prompt", frame.count(PROBES[0]), frame in without)
        if self._served:
            self._refuse_other_parts(talks[0], frame)
        return frame

    def _refuse_other_parts(self, talk: Conversation, frame: str) -> None:
        """Refuses a template that writes more, or else, where a message is given in parts.

        Servers hand over a message as it came: as text, or as a list of parts of which one is text.
        White space aside, for published templates part ways there.
        """
        last: Conversation = [*talk[:-1], in_parts(talk[-1])]
        all_parts: Conversation = [in_parts(message) for message in talk]
        for typed in [last] if len(talk) == 1 else [last, all_parts]:
            try:
                (text,) = self._rendered([typed])
            except FailsError:
                continue  # whoever serves it sees that
            if _words(text) not in map(_words, _unread(frame)):
                how = "writes messages otherwise that are given as parts (a list of texts)"
                raise self._unfaithful(how)

    def _refuse_part(self, name: str, count: int, left_out: bool) -> None:
        """Refuses a template that does not write a part of a conversation just once, as it is."""
        if count > 1:
            raise self._unfaithful(f"writes the {name} twice")
        if count == 0:
            raise self._unfaithful(
                f"leaves the {name} out" + ("" if left_out else " or changes it")
            )

    def _works_without(self) -> bool:
        try:
            self._rendered([conversation(PROBES[1])])
        except FailsError:
            return False
        return True

    def _check(
        self, users: Sequence[str], system: str | None, texts: Sequence[str], frame: str
    ) -> None:
        """Refuses a template that writes some conversations otherwise than the probes."""
        parts = {"prompt": 0, "system prompt": 0}
        for user, text in zip(users, texts, strict=True):
            # A template may trim what it is given, as that of Llama 3 does.
            prompt, system = user.strip(), (system or "").strip()
            expected = _filled(frame, system, prompt)
            if text != expected:
                changed = bool(system) and text.count(system) != expected.count(system)
                parts["system prompt"] += changed
                parts["prompt"] += not changed and text.count(prompt) != expected.count(prompt)
        for name, lost in parts.items():
            if lost:
                how = f"leaves the {name} out or changes it for {lost} of {len(users)} prompts"
                raise self._unfaithful(how)

    def _unfaithful(self, how: str) -> CheckpointError:
        return CheckpointError(
            f"{self._what} {how}",
            where=self._where,
            remedy=f"{_MEND}: it must write the messages that it is given, as they are",
        )

    def _rendered(
        self, talks: Sequence[Conversation], *, tell: bool = True, **other: Any
    ) -> list[str]:
        """Conversations as the child process renders them.

        Args:
            tell: whether an error may repeat what the template says: it may say what it was given.
            other: than is given else: `template`, `clock`, `given`.
        """
        usual = {"template": self._template, "clock": CLOCK, "given": self._given}
        request = {**usual, "conversations": talks, **other}
        answer: dict[str, Any] = {"failed": "died"}  # until it says something
        with suppress(EOFError, OSError):
            self._channel.send_bytes(json.dumps(request, default=str).encode("ascii"))
            if not self._channel.poll(self._patience):
                answer = {"failed": "time"}
            else:
                answer = json.loads(self._channel.recv_bytes())
        if "texts" in answer:
            return list(answer["texts"])
        kind = FailsError if answer["failed"] == "error" else CheckpointError
        raise kind(f"{self._what} {self._why(answer, tell)}", where=self._where, remedy=_MEND)

    def _why(self, answer: Mapping[str, Any], tell: bool) -> str:
        if answer["failed"] in _LIMITS:
            how = ended(self._child.wait()) if answer["failed"] == "died" else None
            return _LIMITS[answer["failed"]].format(patience=self._patience, how=how)
        kind, said = str(answer["kind"]), " ".join(str(answer["said"]).split())
        where = f", line {answer['line']}" if answer["line"] else ""
        said = f": {excerpt(said)}" if said and (tell or said in self._template) else ""
        return f"fails ({excerpt(kind)}{said}{where})"


#: Stand for the system prompt and for two requests. What trims, cuts, escapes, or changes letters
#: or digits leaves a mark on them.
PROBES = (
    'The lamps\' maker is "Åsa & Zoë", of 1907; ask THEM <1> question at a time.',
    "Which of the 12 lamps isn't \"Åsa's\", if A & B cost <7> euros? Name the Lamp.",
    'How far is it from here to the 31st lamp\'s "Other" side, in STEPS & <metres>?',
)


def _filled(frame: str, system: str, user: str) -> str:
    """Fills these parts into the frame; none of them is looked through for probes."""
    return user.join(piece.replace(PROBES[0], system) for piece in frame.split(PROBES[1]))


def _unread(frame: str) -> Iterator[str]:
    """The frame, and as it is where a template does not look into a list of parts: it leaves the
    list out, or writes it as Python or JSON would.
    """
    forms = [
        [probe, "", str(parts), json.dumps(parts, ensure_ascii=False)]
        for probe in PROBES[:2]
        for parts in [in_parts({"content": probe})["content"]]
    ]
    for system, user in product(*forms):
        yield _filled(frame, system, user)


def _words(text: str) -> str:
    return "".join(text.split())


def _parts(users: Sequence[str]) -> Iterator[list[str]]:
    """Cuts conversations into pieces of bounded work."""
    part: list[str] = []
    for user in users:
        if len(part) == _AT_A_TIME or sum(map(len, part)) + len(user) > _CHARACTERS:
            yield part
            part = []
        part.append(user)
    if part:
        yield part
