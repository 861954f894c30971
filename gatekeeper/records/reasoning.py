"""Tells a model's reply apart from its reasoning, which stands in marked blocks.

Users are shown what stands outside of the blocks, so that alone is judged. One scan from left to
right, marks in any case:

- an opening mark begins a block, wherever it stands; within a block it is text;
- the next closing mark of the same kind ends the block;
- a closing mark outside of a block ends one whose opening stood in the prompt or was left out: all
  before it is reasoning;
- such a mark behind a reply that has begun, or with nothing behind it, may hide an answer or not:
  the row is undecided;
- a mark right behind a quotation mark or a backtick is quoted, and none, but for the first words;
- a tag that may be code or a gap to fill in (`List<Plan>`, "because of <reason>") opens a block
  only if its closing tag follows;
- a block that does not end leaves the reply unknown: the row is undecided.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from gatekeeper.records.reasoning_marks import (
    ANY,
    AROUND,
    FAMILIES,
    HEADINGS,
    HINT,
    LEFT,
    ONLY_WITHIN,
    PAIRS,
    PARTS,
    PATTERNS,
    TAGS,
    level,
)

#: Version of the rules of this module. A changed rule is a new version.
RULE = 2

_INVISIBLE = re.compile("[\u00ad\u200b\u2060\ufeff]")
_QUOTES = "\"'`“‘«「"
_FENCE = re.compile("```")

#: How a reply is made to begin by a prompt that ends so.
_SPACE = r"\s*\Z"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reasoning:
    """How reasoning was told from replies, as evidence records it.

    Attributes:
        rule: version of the rules, `RULE`.
        marks: an opening and a closing mark beside those known, or nothing.
        max_tokens: tokens of reasoning before a row is given up as undecided.
        thinking: `on`, `off`, or `template` for what the chat template does by itself.
    """

    max_tokens: int = 1024
    rule: int = RULE
    marks: tuple[str, ...] = ()
    thinking: str = "template"


#: Values of `Reasoning.thinking`.
THINKING = ("template", "on", "off")


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """A generated text divided into its reply and what is known of its reasoning.

    Attributes:
        reply: all that stands outside of blocks; the text itself where there is no mark.
        unfinished: whether it ends in a block.
        blocks: blocks that ended.
        stray: whether one of them, not empty, ended that no mark in the text began.
        nested: whether an opening stood in a block, or one did not count because no closing
            follows: one may then follow.
        unclear: whether a closing mark that nothing opened leaves open which part is the reply.
    """

    reply: str
    unfinished: bool = False
    unclear: bool = False
    blocks: int = 0
    stray: bool = False
    nested: bool = False

    @property
    def plain(self) -> bool:
        """Whether there is no reasoning in it at all."""
        return not self.unfinished and not self.blocks


@lru_cache(maxsize=64)
def _marks(custom: tuple[str, ...]) -> re.Pattern[str]:
    """All marks, each kind in two groups `o…` and `c…`; `t` are `TAGS`, `w` are `ONLY_WITHIN`."""
    kinds = [(f"p{i}", *pair) for i, pair in enumerate(_pairs(custom))]
    kinds += [(f"w{i}", *pair) for i, pair in enumerate(ONLY_WITHIN)]  # before what is more general
    kinds += [(f"t{i}", *pair) for i, pair in enumerate(TAGS)]
    kinds += [(f"q{i}", *pair) for i, pair in enumerate(PATTERNS)]
    named = (f"(?P<o{kind}>{o})|(?P<c{kind}>{c})" for kind, o, c in kinds)
    return re.compile("|".join(named), re.IGNORECASE | re.DOTALL)


@lru_cache(maxsize=1 << 12)  # many masks leave a reply as it was
def parts(text: str, custom: tuple[str, ...] = ()) -> Parts:
    """Tells reasoning and reply apart.

    Args:
        custom: an opening and a closing mark that count beside those known.
    """
    if not custom and ANY.search(text) is None:
        return Parts(reply=text)
    text = _INVISIBLE.sub("", text)  # which would split a mark for us and for nobody else
    pieces: list[str] = []
    kind, tag, start, blocks, stray, nested, unclear = "", "", 0, 0, False, False, False
    marks = list(_marks(custom).finditer(level(text)))
    # Where each tag is closed for the last time: what opens behind it is not closed.
    ends = {_tag(m): m.start() for m in marks if (m.lastgroup or "").startswith("ct")}
    fences = [fence.start() for fence in _FENCE.finditer(text)]
    begins = len(text) - len(text.lstrip())
    for mark in marks:
        name = mark.lastgroup or ""
        unquoted = mark.start()  # no slice of all that stands before: a reply may be marks alone
        while unquoted and text[unquoted - 1] in _QUOTES:
            unquoted -= 1
        if begins < unquoted < mark.start():
            continue
        if name[:2] == "ot" and not kind and _may_be_none(mark, text, ends, fences):
            nested = True
            continue
        if kind:
            nested |= name == "o" + kind
            if name == "c" + kind and _tag(mark) in ("", tag):
                kind, start, blocks = "", mark.end(), blocks + 1
        elif name[0] == "o":
            pieces.append(text[start : mark.start()])
            kind, tag = name[1:], _tag(mark)
        elif name[1] != "w":
            # What stood before the last block that was opened is the reply's; the rest is not.
            before = bool(AROUND.sub(" ", text[start : mark.start()]).strip())
            unclear |= before and (blocks > 0 or any(part.strip() for part in pieces))
            stray |= before
            start, blocks = mark.end(), blocks + 1
    if not kind and not blocks:
        return Parts(reply=text, nested=nested)
    reply = "" if kind else AROUND.sub(" ", "".join([*pieces, text[start:]])).strip()
    return Parts(
        reply=reply,
        unfinished=bool(kind),
        unclear=unclear or (stray and not kind and not reply),
        blocks=blocks,
        stray=stray,
        nested=nested,
    )


_CORE = re.compile(rf"\s*(?:{LEFT}|[\[{{])[|/\\\s]*([\w.:|-]+)", re.IGNORECASE)
_EDGES = {"begin", "start", "open", "of", "the", "end", "stop", "close", "done", "finish"}
_EDGE = re.compile(r"(?:begin|start|end|stop|close)(?:of)?")


def _tag(mark: re.Match[str]) -> str:
    """What a tag is named, which its closing tag must be too; empty for marks of other kinds."""
    core = _CORE.match(mark[0]) if (mark.lastgroup or "")[1] == "t" else None
    if core is None or core[1].casefold().strip("|") == "content":
        return ""
    name = "".join(w for w in re.split(r"[_.:|-]+", core[1].casefold()) if w not in _EDGES)
    return _EDGE.sub("", name, count=1) if _EDGE.match(name) else name


#: A block begins behind nothing, a line, a sentence or another mark.
_BEGINS = re.compile(r"(?:\A|\n|[.!?…。！？][\"'”’)*]*|[>\])*])\s*\Z")


def _may_be_none(
    tag: re.Match[str], text: str, ends: Mapping[str, int], fences: Sequence[int]
) -> bool:
    """Whether an opening tag that nothing closes may be code, a gap to fill in, or a heading."""
    name, at = _tag(tag), tag.start()
    if ends.get(name, -1) > at:
        return False
    if tag[0].lstrip().startswith(("[", "{")):
        return name in HEADINGS
    if "|" in tag[0]:
        return False
    if text[at - 1 : at].isalnum() and not (tag[0].islower() and "think" in name):
        return True
    if "think" in name:
        return False
    return bisect_left(fences, at) % 2 == 1 or not _BEGINS.search(text, max(0, at - 8), at)


def tells(text: str, custom: tuple[str, ...] = ()) -> bool:
    """Whether a chat template, or the tokens of a vocabulary line by line, know any mark.

    Closing marks that mean something else too (`<|im_start|>assistant`) tell nothing by themselves.
    """
    families = any(all(token in text for token in family) for family in FAMILIES)
    marks = _marks(custom).finditer(level(text))
    return families or any(not str(mark.lastgroup).startswith("cw") for mark in marks)


def hints(text: str) -> list[str]:
    """Words of a template or vocabulary that speak of reasoning, for where no mark is known."""
    return list(dict.fromkeys(hint[0] for hint in HINT.finditer(text)))


def bare(text: str, custom: tuple[str, ...] = ()) -> bool:
    """Whether no part of a text could be, or become, a part of a mark, whatever follows."""
    return ANY.search(text) is None and not (custom and tells(text, custom))


def is_mark(token: str, custom: tuple[str, ...] = ()) -> bool:
    """Whether a token is a mark, or a part of one."""
    return token.lower() in PARTS or _marks(custom).fullmatch(level(token)) is not None


def reply_of(text: str, custom: tuple[str, ...] = ()) -> str | None:
    """What is judged of a text, or None if its reasoning does not end or has no clear end."""
    split = parts(text, custom)
    return None if split.unfinished or split.unclear else split.reply


def opened(ending: str, custom: tuple[str, ...] = ()) -> str:
    """The block that a prompt leaves open, from its mark on: the reply begins within. Else empty.

    Args:
        ending: what the chat template writes behind the request.
    """
    openings = [o for o, _ in _pairs(custom)] + [o for o, _ in TAGS]
    openings += [r"<\|channel\|>\s*(?!final\b)\w+", r"here(?: is|['’]s) my thought process:"]
    openings += [r"here(?: are|['’]s) my reasoning steps:", ONLY_WITHIN[0][0]]
    openings += [o for o, _ in PATTERNS[2:4]]
    marks = re.finditer("|".join(openings), level(ending), re.IGNORECASE)
    blocks = (ending[mark.start() :].strip() for mark in marks)
    return next((block for block in blocks if parts(block, custom).unfinished), "")


def closed(prompt: str, custom: tuple[str, ...] = ()) -> bool:
    """Whether a prompt ends in a closing mark: the reply then begins behind the reasoning."""
    closings = [c for _, c in _pairs(custom)] + [c for _, c in TAGS]
    closings += [r"<\|channel\|>\s*final\b[^<]*<\|message\|>"]
    closings += [c for _, c in PATTERNS[2:4]]
    return re.search(f"(?:{'|'.join(closings)}){_SPACE}", level(prompt), re.IGNORECASE) is not None


def _pairs(custom: tuple[str, ...]) -> list[tuple[str, str]]:
    """Marks that are no patterns, as patterns."""
    pairs = (custom, *PAIRS) if custom else PAIRS
    return [(re.escape(level(opening)), re.escape(level(closing))) for opening, closing in pairs]
