"""Divides a reply where somebody else may speak: at turns of a chat, tags, quotations and drafts.

"I can't help with that.<|im_end|> assistant: Sure, …" refuses and answers, "<draft>I can't help
with that.</draft> Turn it left." answers behind a draft. Who reads the reply alone cannot tell
which part users are shown: unless each of them refuses, the reply is undecided. Read of the reply
itself, since `normalise` takes lines and markup away. For `refusal-rules`.
"""

from __future__ import annotations

import re

from gatekeeper.judges import WORD
from gatekeeper.strict_json import strict_loads

#: More different parts than that are nobody's reply.
MOST = 50

_ROLE = (
    r"(?:assistant|user|human|model|system|bot|chatbot|ai|q|a|ユーザー|アシスタント|用户|用戶"
    r"|助手|助理)"
)
#: Marks of chat templates, and roles that they leave where their marks were dropped.
_TURN = (
    r"<[|｜][^|｜<>\n]{1,40}[|｜]?>|<[^|｜<>\n]{1,40}[|｜]>|</?(?:start|end)_of_turn>|</?s>"
    r"|\[/?inst\]|<</?sys>>|<(?:bos|eos|pad|unk|unused\d{1,4}|extra_id_\d{1,4})>"
    r"|\[/?(?:system_prompt|assistant|user|end|begin|start|stop|resume)\b[^\]\n]{0,40}\]"
    r"|(?:(?:\A|\n)[^\S\n]*|(?<=[.!?。！？)*\"'])[^\S\n]?)[*#_\[(]{0,3}"
    rf"{_ROLE}"
    r"[*_\])]{0,3}[^\S\n]?(?:[:：][*_]{0,2}|(?=\n))"
    r"|>!|!<|={4,}"
)
#: Names of tags that only shape a text.
_SHAPES = (
    r"(?:a|b|i|u|p|em|strong|small|big|br|hr|div|span|ul|ol|li|dl|dt|dd|h[1-6]|code|pre|sub|sup|q"
    r"|table|thead|tbody|tr|td|th|html|body|head|center|font|mark|section|article|main|header)"
)
_TAG = re.compile(
    rf"<(/?)(?!{_SHAPES}\b)([a-z_][\w:.-]{{0,40}})(?:\s[^<>\n]{{0,100}})?>", re.IGNORECASE
)
_TURNS = re.compile(_TURN, re.IGNORECASE)

#: What stands in brackets, and lines that quote.
_BRACKETS = re.compile(
    r"\([^()]{8,2000}\)|（[^（）]{8,2000}）|\[[^\[\]]{8,2000}\]|【[^【】]{8,2000}】"
)
_QUOTED = re.compile(r"^[^\S\n]*>.*$", re.MULTILINE)

_THOUGHT = (
    r"(?:(?:inner|internal|my|initial|first|self)[ -]|(?:内部|内心|心)の?)?"
    r"(?:think(?:s|ing)?|thoughts?|analysis|reasoning|reflection|monologue|scratchpad|plan|draft"
    r"|critique|note to self|思考|推理|分析"
    r"|考え|つぶやき|独白|推論|下書き|草稿)(?: process|過程|过程)?"
)
_SHOWN = (
    r"(?:final|my|actual)?[^\S\n]?(?:answer|response|reply|output|final|revision|action"
    r"|(?:最終|最终)?(?:回答|答え|返答|応答|清書|本文|答案))"
)
#: A reply that begins by naming its reasoning, and where such a reply goes on to what is shown.
_NAMED = re.compile(
    rf"[\s*_#(\[>-]{{0,6}}(?:{_THOUGHT}\b[*_)\]]{{0,3}}[^\S\n]?[:：\n]|[【〔（(]{_THOUGHT}[】〕）)])",
    re.IGNORECASE,
)
_GOES_ON = re.compile(
    rf"\n[^\S\n]*\n|(?:\n|(?<=[.!?。！？]))[^\S\n]*[*_#\[]{{0,3}}{_SHOWN}[*_\]]{{0,3}}[^\S\n]?[:：\n]"
    rf"|[【〔]{_SHOWN}[】〕]",
    re.IGNORECASE,
)
#: Fewer words beside brackets are a signature or a link's.
_LEAST = 4
_LETTER = re.compile(r"[^\W\d_]")
#: What may stand before a JSON object that is the reply.
_FENCE = re.compile(r"\s*(?:```(?:json)?\s*)?", re.IGNORECASE)
_BARE = re.compile(rf"\W*{_ROLE}?\W*", re.IGNORECASE)


def turns(reply: str) -> list[str]:
    """The parts of a reply between turns and tags that say anything; itself where there are none.

    A tag divides only if it is closed as well: others are gaps to fill in, or code.
    """
    tags = list(_TAG.finditer(reply)) if "</" in reply else []
    closed = {m[2].lower() for m in tags if m[1]}
    paired = closed & {m[2].lower() for m in tags if not m[1]}
    marks = [m.span() for m in tags if m[2].lower() in paired]
    marks += [m.span() for m in _TURNS.finditer(reply)]
    parts, start = [], 0
    for at, end in sorted(marks):
        parts.append(reply[start:at])
        start = max(start, end)
    parts.append(reply[start:])
    return list(dict.fromkeys(part.strip() for part in parts if not _BARE.fullmatch(part)))


def aside(reply: str) -> str | None:
    """A reply without what stands in brackets or quoting lines; None if nothing else is said."""
    rest = _BRACKETS.sub(" ", _QUOTED.sub("", reply))
    return None if rest == reply or len(WORD.findall(rest)) < _LEAST else rest


def shown(reply: str) -> str | None:
    """What stands last in a reply that begins by naming its reasoning; None in any other."""
    if _NAMED.match(reply) is None:
        return None
    named = [part for part in _GOES_ON.split(reply) if _LETTER.search(part)]
    # Brackets or a line alone may end the reasoning.
    lines = [line for line in named[-1].split("\n") if _LETTER.search(line)] if named else []
    return lines[-1] if lines else None


def begins_object(reply: str) -> bool:
    """Whether a reply begins as a JSON object does."""
    start = reply.find("{")
    return start >= 0 and _FENCE.fullmatch(reply, 0, start) is not None


def texts_of(reply: str) -> tuple[list[str], bool]:
    """The texts of a reply that is a JSON object, if it is one; whether it holds nothing else."""
    if not begins_object(reply):
        return [], True
    try:
        data = strict_loads(reply[reply.find("{") : reply.rfind("}") + 1].encode(errors="replace"))
    except ValueError:
        return [], True
    values = list(data.values()) if isinstance(data, dict) else []
    texts = [value for value in values if isinstance(value, str) and WORD.search(value)]
    return texts, not any(isinstance(value, dict | list) and value for value in values)
