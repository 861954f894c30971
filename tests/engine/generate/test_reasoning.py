"""Reasoning in the decoding loop: windows, marks that are special tokens, open prompts."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from tempfile import mkdtemp

import pytest

from gatekeeper.checkpoint.describe import describe
from gatekeeper.checkpoint.open import open_checkpoint
from gatekeeper.engine.generate.batching import encode
from gatekeeper.engine.generate.thinking import Reader, ending_of, shows, switches, untold
from gatekeeper.engine.model.load import load_model, pick_device, pick_dtype
from gatekeeper.errors import UsageError
from gatekeeper.records.reasoning import Reasoning, reply_of
from tests.engine.decoding import run
from tests.engine.scripted import scripted
from tests.engine.tiny_loaded import prompt

NO, YES = "I'm sorry, but I can't help with that. ", "Sure, here is how: first, take it. "
FILL = tuple(f"step {i} " for i in range(8))
THINK = ("<think>", NO, "a", "b", "c", "</think>", YES, *FILL)
SWITCHED = (
    "{% for m in messages %}<{{ m['role'] }}> {{ m['content'] }} {% endfor %}<assistant>"
    "{% if enable_thinking is defined and not enable_thinking %}<think></think>"
    "{% else %}<think>{% endif %}"
)


@cache
def model(script=THINK, special=(), opening="", **more):
    opened = open_checkpoint(
        scripted(Path(mkdtemp()), script, special=special, opening=opening, **more)
    )
    cpu = pick_device("cpu")
    return load_model(
        opened.path, describe(opened), device=cpu, dtype=pick_dtype("float32", cpu, "float32")
    )


def written(loaded, *, window=4, bound=32, marks=(), count=1, thinking="template"):
    asked = encode(loaded, [prompt(i, f"w{i} w9") for i in range(count)], None, window, thinking)
    reasoning = Reasoning(max_tokens=bound, marks=marks)
    ids = [one.ids for one in asked]
    return run(loaded, ids, [[]] * count, new_tokens=window, reasoning=reasoning)


@pytest.mark.parametrize("window", [1, 2, 3, 4, 5, 6, 7])
def test_the_window_counts_tokens_of_the_reply(window):
    (reply,) = written(model(), window=window)
    assert len(reply.ids) == 6 + window
    assert reply.truncated
    assert reply_of(reply.text) == "".join([YES, *FILL][:window]).strip()


@pytest.mark.parametrize("bound", [1, 3, 4, 5])
def test_reasoning_has_a_bound_of_its_own(bound):
    (reply,) = written(model(), window=2, bound=bound)
    assert len(reply.ids) == bound
    assert reply.truncated
    assert reply_of(reply.text) is None


@pytest.mark.parametrize(
    "block", [("<think>", "c", "d"), ("<think>", "</think>"), ("</think>", "c")]
)
def test_a_block_that_begins_behind_its_bound_is_no_reply_that_was_cut(block):
    """Which would have fewer tokens than its window."""
    (reply,) = written(model((YES, "a", *block, *FILL)), window=8, bound=2)
    assert (len(reply.ids), reply.truncated) == (3, True)
    assert reply_of(reply.text) != reply.text


def test_reasoning_leaves_room_for_a_reply_in_the_context():
    script = ("<think>", *(f"t{i} " for i in range(30)))
    small = model(script, context=24)
    (reply,) = written(small, window=8, bound=1000)
    (asked,) = encode(small, [prompt(0, "w0 w9")], None, 8)
    assert len(reply.ids) == 24 - 8 - len(asked.ids)


def test_a_reply_without_reasoning_has_the_window_alone():
    (reply,) = written(model((YES, *FILL)), window=3, bound=1000)
    assert (len(reply.ids), reply.truncated) == (3, True)


def test_marks_that_are_special_tokens_stay_in_the_text():
    opened = ("<|channel|>", "analysis", "<|message|>", NO, "<|end|>", "<|start|>", "assistant")
    script = (*opened, "<|channel|>final<|message|>", YES)
    special = ("<|channel|>", "<|message|>", "<|end|>", "<|start|>")
    (reply,) = written(model(script, special), window=8)
    assert reply_of(reply.text) == YES.strip()
    assert reply.text.startswith("<|channel|>analysis<|message|>I'm sorry")
    (reply,) = written(model(THINK, ("<think>", "</think>")), window=1)
    assert reply.text == "".join(THINK[:7]).strip()


def test_so_do_those_that_marks_are_made_of():
    marks = ("<|open|>", "<|close|>", "<|sep|>")
    script = ("<|open|>", "think", "<|sep|>", NO, "<|close|>think<|sep|>", YES)
    loaded = model(script, marks)
    (reply,) = written(loaded, window=6)
    assert reply_of(reply.text) == YES.strip()
    assert shows(loaded.tokenizer, [], ())


def test_a_hint_of_reasoning_without_a_mark_is_told():
    hinting = model((YES, "<|self|>"), ("<|self|>",)).tokenizer
    (line,) = untold(hinting, ())
    assert "<|self|>" in line
    assert untold(hinting, ("<|self|>", "<|user|>")) == ()
    assert untold(model().tokenizer, ()) == untold(model((YES,)).tokenizer, ()) == ()


def test_other_special_tokens_do_not():
    tokenizer = model((YES, "<|x|>", NO), ("<|x|>",)).tokenizer
    ids = tokenizer.convert_tokens_to_ids([YES, "<|x|>", NO])
    usual = tokenizer.decode(ids, skip_special_tokens=True)
    assert Reader(tokenizer, ()).text(ids) == usual.strip() == YES + NO.strip()
    assert "<|x|>" in Reader(tokenizer, ("<|x|>", "</x>")).text(ids)


@pytest.mark.parametrize("special", [(), ("<think>", "</think>")])
def test_a_block_that_the_prompt_opens_is_in_the_reply(special):
    loaded = model(THINK[1:], special, "<think>")
    (reply,) = written(loaded, window=1)
    assert reply.text == "".join(THINK[:7]).strip()
    assert reply_of(reply.text) == YES.strip()


def test_a_row_says_the_same_alone_among_others_and_from_a_draft():
    loaded = model()
    (alone,) = written(loaded, window=3)
    assert {r.ids for r in written(loaded, window=3, count=5)} == {alone.ids}
    (ids,) = [e.ids for e in encode(loaded, [prompt(0, "w0 w9")], None, 3)]
    mask = [(0, 1)]
    options = {"new_tokens": 3, "reasoning": Reasoning(max_tokens=32)}
    (drafted,) = run(loaded, [ids], [mask], drafts=[alone.ids], **options)
    (plain,) = run(loaded, [ids], [mask], **options)
    assert drafted.ids == plain.ids == alone.ids
    assert drafted.drafted


def test_what_tells_of_a_model_that_reasons():
    assert shows(model().tokenizer, [], ())  # a mark in the vocabulary
    plain = model((YES, *FILL)).tokenizer
    assert not shows(plain, [], ())
    assert shows(plain, [], ("<pq>", "</pq>"))
    switched = model(THINK[1:], opening="<think>", template=SWITCHED)
    on, off = ([e.ids for e in encode(switched, [prompt(0, "w0")], None, 1, way)]
               for way in ("on", "off"))  # fmt: skip
    assert shows(switched.tokenizer, on, ())
    assert not shows(switched.tokenizer, off, ())


def test_thinking_is_switched_by_what_the_template_reads():
    loaded = model(THINK[1:], opening="<think>", template=SWITCHED)
    assert written(loaded, window=1, thinking="on") == written(loaded, window=1)
    assert written(loaded, window=1, thinking="off")[0].text != written(loaded, window=1)[0].text


@pytest.mark.parametrize(
    "template",
    [
        "{% for m in messages %}{{ m['content'] }}{% endfor %}",
        # Writes any word, as that of gpt-oss does.
        "{{ 'Reasoning: ' + (reasoning_effort or 'medium') }}"
        "{% for m in messages %}{{ m['content'] }}{% endfor %}",
    ],
)
def test_a_template_without_a_switch_is_told(template):
    tokenizer = model((YES,), template=template).tokenizer
    assert switches(tokenizer, "template") == {}
    for way in ("on", "off"):
        with pytest.raises(UsageError, match="no switch for reasoning"):
            switches(tokenizer, way)


def test_a_block_that_a_prompt_begins_to_fill():
    template = (
        "{% for m in messages %}<{{ m['role'] }}> {{ m['content'] }} {% endfor %}"
        "<assistant>OPENINGw3"
    )
    loaded = model((NO, *FILL), opening="<think>", template=template, last="w3")
    asked = [e.ids for e in encode(loaded, [prompt(i, f"w{i}") for i in (5, 6)], None, 2)]
    ending = ending_of(asked)
    (one, two) = run(
        loaded, asked, [[], []], new_tokens=2, reasoning=Reasoning(max_tokens=4), ending=ending
    )
    assert one.text == two.text == f"<think>w3{NO}step 0 step 1 step 2"
    assert reply_of(one.text) is None


def test_a_mark_that_a_request_holds_opens_nothing():
    loaded = model((YES, "<think>", *FILL))
    asked = [e.ids for e in encode(loaded, [prompt(i, f"w{i} <think>") for i in (5, 6)], None, 2)]
    asked += [e.ids for e in encode(loaded, [prompt(7, "w7")], None, 2)]
    replies = run(
        loaded, asked, [[]] * 3, new_tokens=1, reasoning=Reasoning(max_tokens=4),
        ending=ending_of(asked),
    )  # fmt: skip
    assert {reply_of(reply.text) for reply in replies} == {YES.strip()}
