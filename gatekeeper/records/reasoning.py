"""Which part of what a model wrote is its reply: what it thinks in marked blocks first is not.

Users are shown what stands outside of the blocks, so that alone is judged. One scan from left to
right, marks in any case:

- an opening mark begins a block, wherever it stands; within a block it is text;
- the next closing mark of the same kind ends the block;
- a closing mark outside of a block ends one whose opening stood in the prompt or was left out: all
  since the last block is reasoning;
- a mark right behind a quotation mark or a backtick is quoted, and none, but for the first words;
- a block that does not end leaves the reply unknown: the row is undecided.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

#: Version of the rules of this module. A changed rule is a new version.
RULE = 1

#: Opening and closing marks of chat templates that are no tags.
_PAIRS = (
    ("◁think▷", "◁/think▷"),
    ("<|START_THINKING|>", "<|END_THINKING|>"),
    ("<|begin_of_thought|>", "<|end_of_thought|>"),
    ("<|inner_prefix|>", "<|inner_suffix|>"),
    ("<|think|>", "<|content|>"),
    ("<|channel>thought", "<channel|>"),
    ("<unused94>thought", "<unused95>"),
)

#: What tags are named that stand around reasoning: <think>, <seed:think>, <inner_thoughts>, and
#: in brackets [THINK] or [REASONING], but no link.
_WORDS = "think|thought|reason|reflect|rationale|scratchpad|deliberat|monologue|analysis"
_NAME = rf"[\w.:-]{{0,24}}(?:{_WORDS})[\w.:-]{{0,24}}"
_TAGS = (
    (rf"<{_NAME}(?:\s[^<>]{{0,80}})?>", rf"</{_NAME}\s*>"),
    (
        r"\[(?:think|thinking|thoughts?|reasoning)\](?!\()",
        r"\[/(?:think|thinking|thoughts?|reasoning)\]",
    ),
)

#: The same as patterns, where words at the start open a block, or a mark has parts that vary. Of
#: Harmony (gpt-oss) every channel but `final` is reasoning; its marks may have been dropped as
#: special tokens by whoever decoded the reply.
_PATTERNS = (
    *_TAGS,
    (r"<\|channel\|>(?!\s*final\b)", r"<\|channel\|>\s*final\b.*?(?:<\|message\|>|\Z)"),
    (r"\A\s*(?-i:analysis(?=[^\W\d_a-z]|[\"“'‘]))", r"(?-i:assistantfinal)(?=\S|\Z)"),
    (r"\A\s*here is my thought process:", r"here is my response:"),
    (r"\A\s*here are my reasoning steps:", r"\[BEGIN FINAL RESPONSE\]"),
)

#: Marks that stand alone around a reply behind its reasoning.
_AROUND = re.compile(
    r"\s*</?(?:response|answer|output)>\s*|<\|(?:START|END)_RESPONSE\|>|\[END FINAL RESPONSE\]"
    r"|<\|(?:begin|end)_of_solution\|>|<\|start\|>\s*assistant|<\|(?:end|return|call)\|>",
    re.IGNORECASE,
)

_QUOTES = "\"'`“‘«「"

#: How a reply is made to begin by a prompt that ends so.
_SPACE = r"\s*\Z"

#: Special tokens that are parts of marks.
PARTS = ("<|channel|>", "<|message|>", "<|channel>", "<channel|>", "<unused94>", "<unused95>")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reasoning:
    """How reasoning was told from replies, as evidence records it.

    Attributes:
        rule: version of the rules, `RULE`.
        marks: an opening and a closing mark beside those known, or nothing.
        max_tokens: tokens of reasoning before a row is given up as undecided.
        thinking: `on`, `off`, or `template` for what the chat template does by itself.
    """

    max_tokens: int
    rule: int = RULE
    marks: tuple[str, ...] = ()
    thinking: str = "template"


#: Values of `Reasoning.thinking`.
THINKING = ("template", "on", "off")


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What a text comes to.

    Attributes:
        reply: all that stands outside of blocks; the text itself where there is no mark.
        unfinished: whether it ends in a block.
        blocks: blocks that ended.
        stray: whether one of them, not empty, ended that no mark in the text began.
        nested: whether an opening stood in a block: another closing may then follow.
    """

    reply: str
    unfinished: bool = False
    blocks: int = 0
    stray: bool = False
    nested: bool = False


@lru_cache(maxsize=64)
def _marks(own: tuple[str, ...]) -> re.Pattern[str]:
    """All marks, of kind i in the groups `o{i}` and `c{i}`."""
    kinds = [*_pairs(own), *_PATTERNS]
    named = (f"(?P<o{i}>{o})|(?P<c{i}>{c})" for i, (o, c) in enumerate(kinds))
    return re.compile("|".join(named), re.IGNORECASE | re.DOTALL)


@lru_cache(maxsize=1 << 12)  # many masks leave a reply as it was
def parts(text: str, own: tuple[str, ...] = ()) -> Parts:
    """Tells reasoning and reply apart.

    Args:
        own: an opening and a closing mark that count beside those known.
    """
    kept: list[str] = []
    kind, tag, start, blocks, stray, nested = "", "", 0, 0, False, False
    for found in _marks(own).finditer(text):
        name = found.lastgroup or ""
        before = text[: found.start()].rstrip(_QUOTES)
        if len(before) < found.start() and before.strip():
            continue
        if kind:
            nested |= name == "o" + kind
            if name == "c" + kind and _tag(found[0]) == tag:
                kind, start, blocks = "", found.end(), blocks + 1
        elif name[0] == "o":
            kept.append(text[start : found.start()])
            kind, tag = name[1:], _tag(found[0])
        else:
            # What stood before the last block that was opened is the reply's; the rest is not.
            stray |= bool(text[start : found.start()].strip())
            start, blocks = found.end(), blocks + 1
    if not kind and not blocks:
        return Parts(reply=text)
    reply = "" if kind else "".join([*kept, text[start:]])
    return Parts(
        reply=_AROUND.sub(" ", reply).strip(),
        unfinished=bool(kind),
        blocks=blocks,
        stray=stray,
        nested=nested,
    )


_TAG = re.compile(rf"[<\[]/?({_NAME})[\s>\]]", re.IGNORECASE)


def _tag(mark: str) -> str:
    """What a tag is named, which its closing tag must be too; empty for marks of other kinds."""
    found = _TAG.match(mark)
    return found[1].casefold() if found else ""


def tells(text: str, own: tuple[str, ...] = ()) -> bool:
    """Whether a chat template, or the tokens of a vocabulary line by line, know any mark."""
    return _marks(own).search(text) is not None


def is_mark(token: str, own: tuple[str, ...] = ()) -> bool:
    """Whether a token is a mark, or a part of one."""
    return token.lower() in PARTS or _marks(own).fullmatch(token) is not None


def reply_of(text: str, own: tuple[str, ...] = ()) -> str | None:
    """What is judged of a text, or None if its reasoning does not end."""
    found = parts(text, own)
    return None if found.unfinished else found.reply


def opened(ending: str, own: tuple[str, ...] = ()) -> str:
    """The block that a prompt leaves open, from its mark on: the reply begins within. Else empty.

    Args:
        ending: what the chat template writes behind the request.
    """
    openings = [o for o, _ in _pairs(own)] + [o for o, _ in _TAGS]
    openings += [r"<\|channel\|>\s*(?!final\b)\w+", r"here is my thought process:"]
    openings += [r"here are my reasoning steps:"]
    marks = re.finditer("|".join(openings), ending, re.IGNORECASE)
    blocks = (ending[mark.start() :].strip() for mark in marks)
    return next((block for block in blocks if parts(block, own).unfinished), "")


def closed(prompt: str, own: tuple[str, ...] = ()) -> bool:
    """Whether a prompt ends in a closing mark: the reply then begins behind the reasoning."""
    closings = [c for _, c in _pairs(own)] + [c for _, c in _TAGS]
    closings += [r"<\|channel\|>\s*final\b[^<]*<\|message\|>"]
    return re.search(f"(?:{'|'.join(closings)}){_SPACE}", prompt, re.IGNORECASE) is not None


def _pairs(own: tuple[str, ...]) -> list[tuple[str, str]]:
    """Marks that are no patterns, as patterns."""
    pairs = (own, *_PAIRS) if own else _PAIRS
    return [(re.escape(opening), re.escape(closing)) for opening, closing in pairs]
