"""What is cut of a reply before it is judged, and what is decided before it ends."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatekeeper import catalog
from gatekeeper.records import replies
from gatekeeper.records.reasoning import Reasoning, closed, opened, parts, reply_of, tells
from gatekeeper.records.replies import UNFINISHED, of_replies
from tests.typed import some

NO = "I'm sorry, but I can't help with that."
YES = "Sure, here is how: first, take the lid off."

#: Each with a refusal as reasoning and compliance as the reply.
CUT = {
    "think": f"<think>{NO}</think>{YES}",
    "other case, white space": f"\n<Think>\n{NO}\n</THINK>\n\n{YES}",
    "closing only": f"{NO}\n</think>\n{YES}",
    "thinking": f"<thinking>{NO}</thinking>{YES}",
    "thought": f"<thought>\n{NO}</thought>\n{YES}",
    "reasoning": f"<reasoning>{NO}</reasoning>{YES}",
    "attributes": f'<think lang="en">{NO}</think >{YES}',
    "other tags": f"<inner_thoughts>{NO}</inner_thoughts>{YES}",
    "analysis": f"<analysis>{NO}</thinking></analysis>{YES}",
    "longcat": f"<longcat_think>{NO}</longcat_think>{YES}",
    "brackets": f"[REASONING]{NO}[/Reasoning]{YES}",
    "seed": f"<seed:think>{NO}</seed:think>{YES}",
    "pipes": f"<|thinking|>{NO}<|/thinking|>{YES}",
    "pipes, begin and end": f"<|begin_of_think|>{NO}<|end_of_think|>{YES}",
    "pipes, start and end": f"<|thought_start|>{NO}<|thought_end|>{YES}",
    "deepseek, full width": f"<｜begin▁of▁thinking｜>{NO}<｜end▁of▁thinking｜>{YES}",
    "full width": f"＜think＞{NO}＜/think＞{YES}",
    "as HTML writes it": f"&lt;think&gt;{NO}&lt;/think&gt;{YES}",
    "by number": f"&#60;think&#62;{NO}&#60;/think&#62;{YES}",
    "short names": f"<thk>{NO}</thk><cot>{NO}</cot><plan>{NO}</plan><internal>{NO}</internal>{YES}",
    "longer names": f"<chain-of-thought>{NO}</chain-of-thought>{YES}",
    "brackets at the start": f"[reason]{NO}[/reason]{YES}",
    "Chinese": f"【思考】{NO}【/思考】{YES}",
    "details": f'<details type="reasoning"><summary>Why</summary>{NO}</details>{YES}',
    "summary": f"<details>\n<summary>Thought process</summary>{NO}</details>{YES}",
    "ollama": f"Thinking...\n{NO}\n...done thinking.\n\n{YES}",
    "role": f"<|im_start|>think\n{NO}<|im_end|>\n<|im_start|>answer\n{YES}<|im_end|>",
    "kimi": f"◁think▷{NO}◁/think▷{YES}",
    "mistral": f"[THINK]{NO}[/THINK]{YES}",
    "cohere": f"<|START_THINKING|>{NO}<|END_THINKING|><|START_RESPONSE|>{YES}<|END_RESPONSE|>",
    "gemma": f"<|channel>thought\n{NO}<channel|>{YES}",
    "apertus": f"<|inner_prefix|>{NO}<|inner_suffix|>{YES}",
    "solar": f"<|think|>{NO}<|end|><|begin|>assistant<|content|>{YES}",
    "granite 3.2": f"Here is my thought process: {NO}\n\nHere is my response: {YES}",
    "granite 3.2, quantised": f"Here's my thought process: {NO}\n\nHere’s my response: {YES}",
    "granite 3.3": f"<think>{NO}</think><response>{YES}</response>",
    "apriel": f"Here are my reasoning steps:\n{NO}\n[BEGIN FINAL RESPONSE]\n{YES}",
    "harmony": f"<|channel|>analysis<|message|>{NO}<|end|><|start|>assistant"
    f"<|channel|>final<|message|>{YES}<|return|>",
    "harmony, several channels": f"<|channel|>analysis<|message|>{NO}<|end|><|start|>assistant"
    f"<|channel|>commentary to=functions.x <|constrain|>json<|message|>{{}}<|call|>"
    f"<|start|>assistant<|channel|>final <|constrain|>json<|message|>{YES}",
    "harmony, marks lost": f"analysis{NO}assistantfinal{YES}",
    "harmony, marks lost, lines kept": f"analysis\n{NO}\nassistantfinal\n{YES}",
    "kimi k3": f"<|open|>think<|sep|>{NO}<|close|>think<|sep|><|open|>response<|sep|>{YES}"
    "<|close|>response<|sep|><|close|>message<|sep|>",
    "kimi k3, closing only": f"{NO}<|close|>think<|sep|><|open|>response<|sep|>{YES}",
    "addressed to itself": f" to=self<|message|>{NO}<|eom|><|start|>assistant to=user<|message|>"
    f"{YES}<|eot|>",
    "pipe within": f"<ifm|think_fast>{NO}</ifm|think_fast>{YES}",
    "unused": f"[unused16]{NO}[unused17]{YES}[unused10]",
    "role with a slash": f"/think\n{NO}<|im_end|>\n<|im_start|>assistant\n{YES}",
    "parts of a message": f"<|content_thinking|>{NO}<|end_message|><|message_model|>"
    f"<|content_text|>{YES}<|end_message|>",
    "spaces": f"< think >{NO}< / think >{YES}",
    "other angles": f"\u3008think\u3009{NO}\u3008/think\u3009{YES}",
    "escaped": f"\\<think\\>{NO}\\</think\\>{YES}",
    "two blocks": f"<think>{NO}</think><think>{NO}</think>{YES}",
    "a mark named within": f"<think>I end with `</think>`. {NO}</think>{YES}",
    "other marks within": f"<think>[THINK] {NO} </reasoning></think>{YES}",
    "closed twice": f"<think>{NO}</think></think>\n{YES}",
    "closed twice, around the reply": f"{NO}</think><answer></think>{YES}</answer>",
    "a block behind the reply": f"<think>{NO}</think>{YES}<think>{NO}</think>",
    "the same, closing first": f"{NO}</think>{YES}<think>{NO}</think>",
    "quoted at once": f'"<think>{NO}</think>{YES}',
}

UNCLOSED = (
    f"<think>{NO}",
    f"<think>{NO}</think>{YES}<think>wait",
    f"{YES}<think>{NO}",
    f"[THINK]{NO}[/think",
    f"<|channel|>analysis<|message|>{NO}<|end|><|start|>assistant",
    "<|channel|>",
    f"analysis{NO}",
    f"<reasoning>{NO}</think>",
    f"<|thinking|>{NO}{YES}",
    f"<|begin_of_think|>{NO}<|answer|>{YES}",
    f"Thinking...\n{NO}",
    f"<|im_start|>think\n{NO}",
    f"<details type='reasoning'>{NO}",
    f"&lt;think&gt;{NO}",
    f"<think {NO}",
    f"<plan>{NO}</cot>{YES}",
)

#: Users may be shown what stands before such a mark, or not.
UNCLEAR = (
    f"<think>a</think>{YES}</think>{NO}",
    f"<think>a</think>{NO}</think>{YES}",
    f"a</think>{YES}</think>{NO}",
    f"{YES}<think>a</think> well </think>{NO}",
    f"<think>{NO}<think>no</think>{YES}</think>{NO}",
    f"<think>a</think>{YES}</reasoning>{NO}",
    f"[THINK]a[/THINK]{YES}[/THINK]{NO}",
    f"<|channel|>final<|message|>{YES}<|end|><|start|>assistant<|channel|>final<|message|>{NO}",
    f"{YES}</think>",
    f"{NO}</think>\n",
    f"<think>a</think>{YES}</think>",
)


@pytest.mark.parametrize("name", CUT)
def test_what_is_thought_is_cut(name) -> None:
    judge = of_replies(catalog.load("judge", "refusal-rules"), Reasoning(max_tokens=9))
    assert some(reply_of(CUT[name])).strip('"') == YES
    assert judge.judge("", CUT[name]).outcome == "comply"
    swapped = CUT[name].replace(NO, "\0").replace(YES, NO).replace("\0", YES)
    assert judge.judge("", swapped).outcome == "refuse"


@pytest.mark.parametrize("text", UNCLOSED)
def test_a_block_that_does_not_end_leaves_the_reply_undecided(text) -> None:
    judge = of_replies(catalog.load("judge", "refusal-rules"), Reasoning(max_tokens=9))
    assert reply_of(text) is None
    assert judge.judge("", text) == UNFINISHED
    assert not some(judge.stands)(text)
    assert some(judge.may_refuse)(text)


@pytest.mark.parametrize("text", UNCLEAR)
def test_a_closing_mark_behind_a_reply_leaves_it_undecided(text) -> None:
    judge = of_replies(catalog.load("judge", "refusal-rules"), Reasoning(max_tokens=9))
    assert reply_of(text) is None
    assert judge.judge("", text) == replies.UNCLEAR
    assert some(judge.may_refuse)(text)
    assert not some(judge.stands)(text)


def test_what_is_hidden_never_refuses_nor_answers() -> None:
    judge = of_replies(catalog.load("judge", "refusal-rules"), Reasoning(max_tokens=9))
    assert judge.judge("", f"</think>{YES}<think>{NO}</think> Enjoy.").outcome == "comply"
    assert judge.judge("", f"</think>{NO}<think>{YES}</think> Bye.").outcome == "refuse"
    assert judge.judge("", "<think>a</think>").outcome == "degenerate"


@pytest.mark.parametrize(
    "text",
    [
        "",
        YES,
        f"{NO} <|assistant|>",
        "Put `<think>` before it and `</think>` behind it.",
        'It writes "<think>" first, then "</think>".',
        "Analysis of the problem: none.",
        "if a < think > b: pass",
        "Dear [name], I write because of [reason].",
        "<details><summary>More</summary>x</details> y",
        "A word <|im_start|>assistant and on",
        "See <explanation>this</explanation> of <planet>Mars</planet>.",
        "Thinking about it, yes.",
        "Use List<Thought>, Promise<Plan> or Option<Reason>.",
        "#include <analysis.h>\nint main() { return 0; }",
        r"Match (?P<reason>\w+) with it.",
        "Run: git tag -a <plan> -m <reason>",
        "Dear <name>, I write because of <reason>.",
        "[Plan]\n1. Rise.",
        "```\n<plan>\n```",
        "<ThoughtList :items='x'/>",
        "See [Thinking](https://example.com) and <b>thought</b>.",
    ],
)
def test_a_reply_without_marks_stays_as_it_is(text) -> None:
    assert reply_of(text) == text


CHATML = "{{ '<|im_start|>system\nYou help.<|im_end|>\n' }}"
LLAMA = "{{ '<|start_header_id|>user<|end_header_id|>\n\n' + m }}"


@pytest.mark.parametrize("template", [CHATML, LLAMA])
def test_roles_of_a_chat_alone_tell_of_no_reasoning(template: str) -> None:
    assert not tells(template + "{{ '<|im_start|>assistant\n' }}")
    for mark in ("<|im_start|>think\n", "<think>", "</think>", "<|channel|>analysis"):
        assert tells(f"{template}{{{{ '{mark}' }}}}")


def test_text_before_a_block_is_of_the_reply() -> None:
    assert reply_of(f"{NO}<think>well</think>{YES}") == NO + YES
    assert reply_of("one <think>a</think> two </think> three") is None


def test_what_may_be_code_is_a_block_where_it_is_closed() -> None:
    assert reply_of("Because of <reason>a</reason> b") == "Because of  b"
    assert parts("Because of <reason>").nested  # nothing is decided yet
    assert reply_of(f"Well<think>{NO}") is None


def test_marks_of_ones_own() -> None:
    text = f"<pq>{NO}</pq>{YES}"
    assert reply_of(text) == text
    assert reply_of(text, ("<pq>", "</pq>")) == YES
    assert reply_of(f"<think>{NO}</think>{YES}", ("<pq>", "</pq>")) == YES
    assert reply_of("a(b", ("(", ")")) is None


@pytest.mark.parametrize(
    ("prompt", "mark"),
    [
        ("<|assistant|><think>\n", "<think>"),
        ("<|start|>assistant<|channel|>analysis<|message|>", "<|channel|>analysis<|message|>"),
        ("[INST]x[/INST][THINK]", "[THINK]"),
        ("<|begin_assistant|>\nHere are my reasoning steps:\n", "Here are my reasoning steps:"),
        ("<think>\n\n</think>\n\n", ""),
        ("<|assistant|><think>\nOkay, so", "<think>\nOkay, so"),
        ("<|start|>assistant", ""),
        ("<|open|>message<|sep|><|open|>think<|sep|>", "<|open|>think<|sep|>"),
        ("<|start|>assistant to=self<|message|>", "to=self<|message|>"),
    ],
)
def test_what_a_prompt_opens(prompt, mark) -> None:
    assert opened(prompt) == mark


def test_what_a_prompt_closes() -> None:
    assert closed("<think>\n\n</think>\n\n")
    assert closed("<|start|>assistant<|channel|>final<|message|>")
    assert not closed("<think>\n")
    assert not closed("say </think> please<|assistant|>")


MARKS: tuple[str, ...] = (
    "<think>",
    "</think>",
    "`</think>`",
    "[THINK]",
    "[/THINK]",
    "<|end|>",
    "<|start|>assistant",
)
MARKS += ("<|channel|>analysis<|message|>", "<|channel|>final<|message|>")
PIECES = st.sampled_from([NO, YES, " ", "well ", *MARKS])


@given(st.text(max_size=60), st.lists(PIECES, max_size=4))
def test_no_text_breaks_it_and_what_is_left_holds_no_more_than_there_was(text, pieces) -> None:
    whole = text + "".join(pieces) + text
    found = parts(whole)
    assert len(found.reply) <= max(len(whole), 1)
    assert parts(found.reply).blocks <= found.blocks + whole.count("`")


def test_a_refusal_that_was_cut_stands_behind_its_reasoning_alone() -> None:
    rules = catalog.load("judge", "refusal-rules")
    stands = some(of_replies(rules, Reasoning(max_tokens=9)).stands)
    refused = NO + " I really can't." * 30  # the whole of what is read
    assert stands(f"<think>a</think>{refused}")
    assert not stands(f"<think>{refused}")
    assert not stands(f"<think>a<think></think>{refused}")  # another may be closed yet


def test_a_judge_that_asks_is_handed_replies_and_each_once() -> None:
    asked = []

    def judge_all(pairs):
        asked.extend(pairs)
        return [UNFINISHED for _ in pairs]

    judge = of_replies(
        replace(catalog.load("judge", "refusal-rules"), judge_all=judge_all),
        Reasoning(max_tokens=9),
    )
    judge.judgements([("p", f"<think>a</think>{YES}"), ("p", f"<think>b</think>{YES}")])
    judge.judgements([("p", "<think>c")])
    assert asked == [("p", YES)]


def test_bundles_written_before_are_judged_as_they_were() -> None:
    rules = catalog.load("judge", "refusal-rules")
    assert of_replies(rules, None) is rules


@pytest.mark.thorough
@pytest.mark.timeout(20)  # half a minute if each mark looks at all that stands before it
@pytest.mark.parametrize("piece", ["<think></think>", "<think>'</think>", "<plan> ```"])
def test_a_reply_of_marks_alone_is_read_in_one_go(piece: str) -> None:
    found = parts(piece * 150_000)
    assert found.unfinished or found.blocks


@pytest.mark.timeout(20)  # two minutes if a mark is looked for behind each of them
def test_a_reply_of_spaces_behind_its_reasoning_is_read_in_one_go() -> None:
    assert parts(f"<think>a</think>b{' ' * 400_000}c").reply == f"b{' ' * 400_000}c"
    assert parts("<think>a</think> <answer> \n</answer>\n\n <reply> b </reply>").reply == "b"
