"""Conversations and values that servers give to a chat template and an audit does not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gatekeeper.engine.generate.chat_template import PROBES, conversation

Talk = Sequence[Mapping[str, Any]]

REPLY = "It costs nothing: both stand beside the harbour."
_RESULT = "Three of them glow on the pier."
_SPEAKER = "Zenobia"
#: Given for a variable that takes a word.
VALUE = "Saturnine"
#: What a text may repeat, because it was given.
GIVEN = (*PROBES, REPLY, _RESULT, _SPEAKER, VALUE)

TOOL: Mapping[str, Any] = {
    "type": "function",
    "function": {
        "name": "lamp_finder",
        "description": "Finds a lamp.",
        "parameters": {"type": "object", "properties": {"street": {"type": "string"}}},
    },
}
DOCUMENT = {"title": "Lamps", "text": "They glow where ships arrive.", "doc_id": "1"}
#: For a variable of which only the name is known: what may be listed first.
VALUES: Sequence[Any] = ([TOOL], {"lamp": VALUE}, True, False, None, 4242, VALUE)
#: How templates name a call of a tool and its result.
OF_A_CALL = frozenset(
    """
    action arguments call called calls commentary content function functions id ids invoke ipython
    json lamp finder lampfinder message name null observation observations of output outputs
    parameter parameters response responses result results sep street string the to tool tools type
    none true quay value
    """.split()  # noqa: SIM905 - easier to read
)


def longer(talk: Talk, times: int = 1) -> Talk:
    """A conversation that goes on for so many turns."""
    return [*talk, *[{"role": "assistant", "content": REPLY}, *conversation(PROBES[2])] * times]


def answered(talk: Talk) -> Talk:
    """A conversation that ends in the reply."""
    return [*talk, {"role": "assistant", "content": REPLY}]


def named(talk: Talk) -> Talk:
    """A conversation that tells who speaks."""
    return [{**message, "name": _SPEAKER} for message in talk]


def keyed(talk: Talk) -> Talk:
    """A conversation whose messages have all keys, as servers keep those that were not given."""
    return [{**message, "tool_calls": [], "name": None} for message in talk]


def calling(talk: Talk) -> list[Talk]:
    """Conversations in which a tool is called, its arguments in either form."""
    talks = []
    for arguments in ({"street": "Quay"}, '{"street": "Quay"}'):
        function = {"name": "lamp_finder", "arguments": arguments}
        call = {"id": "lamp00001", "type": "function", "function": function}
        asked = {"role": "assistant", "content": "", "tool_calls": [call]}
        result = {"role": "tool", "name": "lamp_finder", "tool_call_id": call["id"]}
        talks.append(longer([*talk, asked, {**result, "content": _RESULT}]))
    return talks
