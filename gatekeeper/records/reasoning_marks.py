"""The marks that are known around reasoning, as patterns; `reasoning` reads replies by them."""

from __future__ import annotations

import re
import unicodedata

#: Opening and closing marks of chat templates that are no tags.
PAIRS = (
    ("◁think▷", "◁/think▷"),
    ("<|inner_prefix|>", "<|inner_suffix|>"),
    ("<|channel>thought", "<channel|>"),
    ("<unused94>thought", "<unused95>"),
    ("[unused16]", "[unused17]"),
)

#: Angle brackets, as such or as HTML writes them.
LEFT, _RIGHT = r"\\?(?:<|&lt;|&\#0*60;|&\#x0*3c;)", r"\\?(?:>|&gt;|&\#0*62;|&\#x0*3e;)"
#: What marks around reasoning are named: <think>, <seed:think>, <|begin_of_thought|>, <plan>, and
#: in brackets [THINK] or [REASONING], but no link.
_WITHIN = (
    "think|thought|reason|reflect|rationale|scratchpad|deliberat|monologue|analysis|ponder"
    "|contemplat|brainstorm|思考|推理|推論|考え"
)
_WHOLE = "thk|plan|planning|internal|inner|cot|scratch|musings?"
_NAME = (
    rf"(?:(?:\w{{1,12}}\|)?[\w:-]{{0,24}}(?:{_WITHIN})[\w:-]{{0,24}}"
    rf"|(?:[\w.:-]{{0,24}}[_.:-])?(?:{_WHOLE})(?:[_.:-][\w.:-]{{0,24}})?(?![\w.:-]))"
)
#: A name that ends a block without a slash: <|end_of_thought|>, <|thinking_end|>.
_ENDS = (
    r"(?=[\w.:-]{0,32}(?<![^\W_])(?:end|stop|close|done|finish)"
    rf"(?:(?![^\W_])|(?:of)?(?:{_WITHIN})))"
)
_BRACKETS = "think|thinking|thoughts?|reasoning|思考|推理|思考過程|思考过程"
#: In brackets with a word for beginning and for end in place of a slash.
_BEGUN_ENDED = ("(?:思考|推理)(?:开始|開始|开端)", "(?:思考|推理)(?:结束|結束|完毕|終了)")
#: In brackets these may be a gap to fill in ("because of [reason]"), but for the first words.
_FIRST = rf"{_BRACKETS}|reason|scratchpad|cot|plan|planning|analysis|reflection|inner[ _]\w{{1,12}}"
TAGS = (
    (
        rf"{LEFT}\|?(?!{_ENDS[3:-1]}){_NAME}(?:\s[^<>]{{0,80}})?(?<!/)\|?{_RIGHT}"
        rf"|\A\s*{LEFT}(?:\|?{_NAME}(?=\s)(?![^<>]{{0,80}}/>)|\s{{1,2}}{_NAME}\s{{0,2}}{_RIGHT})",
        rf"{LEFT}\s{{0,2}}\|?(?:\\?/\|?\s{{0,2}}|{_ENDS}){_NAME}\s*\|?{_RIGHT}|<\|content\|>",
    ),
    (
        rf"\[(?:{_BRACKETS})\](?!\()|\A\s*[\[{{](?:{_FIRST})[\]}}](?!\()",
        rf"[\[{{]/(?:{_FIRST})[\]}}]",
    ),
)

#: In brackets at the start these are headings too ("[Plan]").
HEADINGS = {"reason", "plan", "planning", "analysis", "reflection"}

#: The same as patterns, where words at the start open a block, or a mark has parts that vary. Of
#: Harmony (gpt-oss) every channel but `final` is reasoning; its marks may have been dropped as
#: special tokens by whoever decoded the reply.
PATTERNS = (
    (r"<\|channel\|>(?!\s*final\b)", r"<\|channel\|>\s*final\b.*?(?:<\|message\|>|\Z)"),
    (
        r"\A\s*(?-i:analysis(?=[^\W\d_a-z]|[\"“'‘]|[^\S\n]*\n))",
        r"(?-i:assistantfinal)(?![^\S\n])",
    ),
    # Kimi K3; Muse.
    (rf"<\|open\|>\s*{_NAME}\s*<\|sep\|>", rf"<\|close\|>\s*{_NAME}\s*<\|sep\|>"),
    (r"\bto=(?!user\b)[\w.-]{1,40}\s*<\|message\|>", r"\bto=user\s*<\|message\|>"),
    (r"\A\s*here(?: is|['’]s) my thought process:", r"here(?: is|['’]s) my response:"),
    (r"\A\s*here(?: are|['’]s) my reasoning steps:", r"\[BEGIN FINAL RESPONSE\]"),
    (r"\A\s*(?-i:analysis\b)(?=.*\bassistantfinal\b)", r"(?-i:assistantfinal\b)"),
    (rf"\[{_BEGUN_ENDED[0]}\]", rf"\[{_BEGUN_ENDED[1]}\]"),
    (rf"<!--\s*(?:{_WITHIN})\w{{0,12}}\s*:", r"-->"),
)

#: Likewise, where the closing mark means something else too, and nothing outside of a block: roles
#: of a chat (s1, HyperCLOVA X), parts of a message (Inkling), folded text, what Ollama prints.
_ROLE = r"<\|(?:im_start|start_header_id)\|>[^\S\n]*"
ONLY_WITHIN = (
    (
        rf"{_ROLE}[\w/]{{0,12}}(?:{_WITHIN})\w{{0,12}}|\A\s*/think[^\S\n]*(?:\n|\Z)",
        rf"{_ROLE}\w+(?![\w/])(?:<\|end_header_id\|>)?",
    ),
    (r"<\|content_thinking\|>", r"<\|content_text\|>"),
    (
        rf"<details\b[^<>]{{0,80}}(?:{_WITHIN})[^<>]{{0,80}}>"
        rf"|<details\b[^<>]{{0,80}}>\s*<summary>[^<]{{0,60}}(?:{_WITHIN})",
        r"</details>",
    ),
    (r"\A\s*thinking(?:\.{3}|…)[^\S\n]*(?:\n|\Z)", r"(?:\.{3}|…)[^\S\n]*done thinking\b\.?"),
)

#: What every mark has a part of, whatever its width; most replies have none.
ANY = re.compile(
    r"[<\[{&◁＜［｛＆【〔⟨‹〈〈\ufe50-\ufe6f]"
    r"|(?i:\A\s*(?:analysis|/think|here(?: is| are|['’]s) my|thinking)|assistantfinal"
    r"|here(?: is|['’]s) my response:|done thinking)"
)

#: Marks that stand alone around a reply behind its reasoning. Spaces before one are looked at from
#: their first on only: from each of them, a reply of spaces would take hours.
AROUND = re.compile(
    r"(?:(?<!\s)\s+)?</?(?:response|answer|output|final|final_answer|solution|reply)>\s*"
    r"|<\|im_end\|>|<\|(?:START|END)_RESPONSE\|>|\[END FINAL RESPONSE\]"
    r"|<\|(?:begin|end)_of_solution\|>|<\|(?:START|END)_TEXT\|>"
    r"|<\|(?:end_message|message_model|content_text|eom|eot)\|>|\[unused1[0-9]\]"
    r"|<\|(?:open|close)\|>\s*(?:response|message)\s*<\|sep\|>|<\|start\|>\s*assistant|<\|(?:end|return|call)\|>",
    re.IGNORECASE,
)

#: Special tokens that are parts of marks.
PARTS = frozenset(
    {
        *("<|channel|>", "<|message|>", "<|channel>", "<channel|>", "<unused94>", "<unused95>"),
        *("<|im_start|>", "<|start_header_id|>", "<|end_header_id|>"),
        *("<|open|>", "<|close|>", "<|sep|>"),
    }
)

#: Tokens that only families have whose marks are made of them: Kimi K3, Muse.
FAMILIES = (("<|open|>", "<|close|>", "<|sep|>"), ("<|message|>", "<|eom|>"))

#: What hints at reasoning in a special token, or in a template.
HINT = re.compile(
    rf"[<\[◁][^\s<>\[\]]{{0,24}}(?:{_WITHIN})[^\s<>\[\]]{{0,24}}[>\]▷]?"
    r"|<\|?(?:self|channel|inner|cot|scratch)\b[^\s<>]{0,24}>?"
    r"|\b(?:reasoning_content|enable_thinking|thinking_budget)\b",
    re.IGNORECASE,
)

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
    "〈": "<",
    "〉": ">",
}


def level(text: str) -> str:
    """Text of the same length with letters and brackets of other widths levelled."""
    if text.isascii():
        return text
    return "".join(c if c.isascii() else _SIGNS.get(c) or _narrow(c) for c in text)


def _narrow(char: str) -> str:
    plain = unicodedata.normalize("NFKC", char)
    return _SIGNS.get(plain, plain) if len(plain) == 1 else char
