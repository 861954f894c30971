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
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

#: Version of the rules of this module. A changed rule is a new version.
RULE = 1

#: Opening and closing marks of chat templates that are no tags.
_PAIRS = (
    ("◁think▷", "◁/think▷"),
    ("<|inner_prefix|>", "<|inner_suffix|>"),
    ("<|channel>thought", "<channel|>"),
    ("<unused94>thought", "<unused95>"),
)

#: Angle brackets, as such or as HTML writes them.
_LEFT, _RIGHT = r"(?:<|&lt;|&\#0*60;|&\#x0*3c;)", r"(?:>|&gt;|&\#0*62;|&\#x0*3e;)"
#: What marks around reasoning are named: <think>, <seed:think>, <|begin_of_thought|>, <plan>, and
#: in brackets [THINK] or [REASONING], but no link.
_WITHIN = (
    "think|thought|reason|reflect|rationale|scratchpad|deliberat|monologue|analysis|ponder"
    "|contemplat|brainstorm|思考|推理|推論"
)
_WHOLE = "thk|plan|planning|internal|inner|cot|scratch|musings?"
_NAME = (
    rf"(?:[\w.:-]{{0,24}}(?:{_WITHIN})[\w.:-]{{0,24}}"
    rf"|(?:[\w.:-]{{0,24}}[_.:-])?(?:{_WHOLE})(?:[_.:-][\w.:-]{{0,24}})?(?![\w.:-]))"
)
#: A name that ends a block without a slash: <|end_of_thought|>, <|thinking_end|>.
_ENDS = (
    r"(?=[\w.:-]{0,32}(?<![^\W_])(?:end|stop|close|done|finish)"
    rf"(?:(?![^\W_])|(?:of)?(?:{_WITHIN})))"
)
_BRACKETS = "think|thinking|thoughts?|reasoning|思考|推理|思考過程|思考过程"
#: In brackets these may be a gap to fill in ("because of [reason]"), but for the first words.
_FIRST = rf"{_BRACKETS}|reason|scratchpad|cot|plan|planning|analysis|reflection|inner[ _]\w{{1,12}}"
_TAGS = (
    (
        rf"{_LEFT}\|?(?!{_ENDS[3:-1]}){_NAME}(?:\s[^<>]{{0,80}})?\|?{_RIGHT}"
        rf"|\A\s*{_LEFT}\|?{_NAME}(?=\s)",
        rf"{_LEFT}\|?(?:/\|?|{_ENDS}){_NAME}\s*\|?{_RIGHT}|<\|content\|>",
    ),
    (
        rf"\[(?:{_BRACKETS})\](?!\()|\A\s*[\[{{](?:{_FIRST})[\]}}](?!\()",
        rf"[\[{{]/(?:{_FIRST})[\]}}]",
    ),
)

#: The same as patterns, where words at the start open a block, or a mark has parts that vary. Of
#: Harmony (gpt-oss) every channel but `final` is reasoning; its marks may have been dropped as
#: special tokens by whoever decoded the reply.
_PATTERNS = (
    (r"<\|channel\|>(?!\s*final\b)", r"<\|channel\|>\s*final\b.*?(?:<\|message\|>|\Z)"),
    (r"\A\s*(?-i:analysis(?=[^\W\d_a-z]|[\"“'‘]))", r"(?-i:assistantfinal)(?=\S|\Z)"),
    (r"\A\s*here is my thought process:", r"here is my response:"),
    (r"\A\s*here are my reasoning steps:", r"\[BEGIN FINAL RESPONSE\]"),
)

#: Likewise, where the closing mark means something else too, and nothing outside of a block: roles
#: of a chat (s1), folded text, what Ollama prints.
_ROLE = r"<\|(?:im_start|start_header_id)\|>[^\S\n]*"
_ONLY_WITHIN = (
    (rf"{_ROLE}\w{{0,12}}(?:{_WITHIN})\w{{0,12}}", rf"{_ROLE}\w+(?:<\|end_header_id\|>)?"),
    (
        rf"<details\b[^<>]{{0,80}}(?:{_WITHIN})[^<>]{{0,80}}>"
        rf"|<details\b[^<>]{{0,80}}>\s*<summary>[^<]{{0,60}}(?:{_WITHIN})",
        r"</details>",
    ),
    (r"\A\s*thinking(?:\.{3}|…)[^\S\n]*(?:\n|\Z)", r"(?:\.{3}|…)[^\S\n]*done thinking\b\.?"),
)

#: What every mark has a part of, whatever its width; most replies have none.
_ANY = re.compile(
    r"[<\[{&◁＜［｛＆【〔⟨‹\ufe50-\ufe6f]"
    r"|(?i:\A\s*(?:analysis|here (?:is|are) my|thinking)|assistantfinal|here is my response:"
    r"|done thinking)"
)

#: Marks that stand alone around a reply behind its reasoning.
_AROUND = re.compile(
    r"\s*</?(?:response|answer|output|final|final_answer|solution|reply)>\s*"
    r"|<\|im_end\|>|<\|(?:START|END)_RESPONSE\|>|\[END FINAL RESPONSE\]"
    r"|<\|(?:begin|end)_of_solution\|>|<\|start\|>\s*assistant|<\|(?:end|return|call)\|>",
    re.IGNORECASE,
)

_QUOTES = "\"'`“‘«「"

#: How a reply is made to begin by a prompt that ends so.
_SPACE = r"\s*\Z"

#: Special tokens that are parts of marks.
PARTS = frozenset(
    {
        *("<|channel|>", "<|message|>", "<|channel>", "<channel|>", "<unused94>", "<unused95>"),
        *("<|im_start|>", "<|start_header_id|>", "<|end_header_id|>"),
    }
)


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

    @property
    def plain(self) -> bool:
        """Whether there is no reasoning in it at all."""
        return not self.unfinished and not self.blocks


@lru_cache(maxsize=64)
def _marks(own: tuple[str, ...]) -> re.Pattern[str]:
    """All marks, each kind in two groups `o…` and `c…`; `t` are `_TAGS`, `w` are `_ONLY_WITHIN`."""
    kinds = [(f"p{i}", *pair) for i, pair in enumerate(_pairs(own))]
    kinds += [(f"t{i}", *pair) for i, pair in enumerate(_TAGS)]
    kinds += [(f"q{i}", *pair) for i, pair in enumerate(_PATTERNS)]
    kinds += [(f"w{i}", *pair) for i, pair in enumerate(_ONLY_WITHIN)]
    named = (f"(?P<o{kind}>{o})|(?P<c{kind}>{c})" for kind, o, c in kinds)
    return re.compile("|".join(named), re.IGNORECASE | re.DOTALL)


#: Brackets and spaces of other scripts that marks are written with.
_SIGNS = {
    "▁": "_",
    "【": "[",
    "】": "]",
    "〔": "[",
    "〕": "]",
    "⟨": "<",
    "⟩": ">",
    "‹": "<",
    "›": ">",
}


def _level(text: str) -> str:
    """Text of the same length with letters and brackets of other widths levelled."""
    if text.isascii():
        return text
    return "".join(c if c.isascii() else _SIGNS.get(c) or _narrow(c) for c in text)


def _narrow(char: str) -> str:
    plain = unicodedata.normalize("NFKC", char)
    return plain if len(plain) == 1 else char


@lru_cache(maxsize=1 << 12)  # many masks leave a reply as it was
def parts(text: str, own: tuple[str, ...] = ()) -> Parts:
    """Tells reasoning and reply apart.

    Args:
        own: an opening and a closing mark that count beside those known.
    """
    if not own and _ANY.search(text) is None:
        return Parts(reply=text)
    kept: list[str] = []
    kind, tag, start, blocks, stray, nested = "", "", 0, 0, False, False
    for found in _marks(own).finditer(_level(text)):
        name = found.lastgroup or ""
        before = text[: found.start()].rstrip(_QUOTES)
        if len(before) < found.start() and before.strip():
            continue
        if kind:
            nested |= name == "o" + kind
            if name == "c" + kind and _tag(found) in ("", tag):
                kind, start, blocks = "", found.end(), blocks + 1
        elif name[0] == "o":
            kept.append(text[start : found.start()])
            kind, tag = name[1:], _tag(found)
        elif name[1] != "w":
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


_CORE = re.compile(rf"\s*(?:{_LEFT}|[\[{{])[|/\s]*([\w.:-]+)", re.IGNORECASE)
_EDGES = {"begin", "start", "open", "of", "the", "end", "stop", "close", "done", "finish"}
_EDGE = re.compile(r"(?:begin|start|end|stop|close)(?:of)?")


def _tag(mark: re.Match[str]) -> str:
    """What a tag is named, which its closing tag must be too; empty for marks of other kinds."""
    found = _CORE.match(mark[0]) if (mark.lastgroup or "")[1] == "t" else None
    if found is None or found[1].casefold() == "content":
        return ""
    name = "".join(w for w in re.split(r"[_.:-]+", found[1].casefold()) if w not in _EDGES)
    return _EDGE.sub("", name, count=1) if _EDGE.match(name) else name


def tells(text: str, own: tuple[str, ...] = ()) -> bool:
    """Whether a chat template, or the tokens of a vocabulary line by line, know any mark."""
    return _marks(own).search(_level(text)) is not None


def bare(text: str, own: tuple[str, ...] = ()) -> bool:
    """Whether nothing in a text could be a part of a mark, however it went on."""
    return _ANY.search(text) is None and not (own and tells(text, own))


def is_mark(token: str, own: tuple[str, ...] = ()) -> bool:
    """Whether a token is a mark, or a part of one."""
    return token.lower() in PARTS or _marks(own).fullmatch(_level(token)) is not None


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
    marks = re.finditer("|".join(openings), _level(ending), re.IGNORECASE)
    blocks = (ending[mark.start() :].strip() for mark in marks)
    return next((block for block in blocks if parts(block, own).unfinished), "")


def closed(prompt: str, own: tuple[str, ...] = ()) -> bool:
    """Whether a prompt ends in a closing mark: the reply then begins behind the reasoning."""
    closings = [c for _, c in _pairs(own)] + [c for _, c in _TAGS]
    closings += [r"<\|channel\|>\s*final\b[^<]*<\|message\|>"]
    return re.search(f"(?:{'|'.join(closings)}){_SPACE}", _level(prompt), re.IGNORECASE) is not None


def _pairs(own: tuple[str, ...]) -> list[tuple[str, str]]:
    """Marks that are no patterns, as patterns."""
    pairs = (own, *_PAIRS) if own else _PAIRS
    return [(re.escape(_level(opening)), re.escape(_level(closing))) for opening, closing in pairs]
