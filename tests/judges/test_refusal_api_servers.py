"""What servers want or send otherwise than the remote judge expects, and what they say of it."""

from __future__ import annotations

import base64
import json

import pytest

from gatekeeper.errors import AuditError

from .asking import KEY, PROMPT, REPLY, judge_at, refused
from .chat_server import Handler, serving

pytestmark = pytest.mark.usefixtures("key_is_set")


def test_the_limit_has_the_name_and_the_temperature_that_the_server_takes() -> None:
    """What is not the default is of the settings, so that other answers are not taken for these."""

    def picky(handler: Handler, number: int) -> None:
        if "max_tokens" in handler.server.requests[number].body:
            complain(handler, "Use 'max_completion_tokens' instead.")
        else:
            handler.say("refuse")

    with serving(picky) as server:
        assert "Use 'max_completion_tokens' instead." in str(refused(judge_at(server)))
        judge = judge_at(server, limit="max_completion_tokens", temperature="none")
        assert judge.judge(PROMPT, REPLY).outcome == "refuse"
        usual = judge_at(server)
    body = server.requests[-1].body
    assert body["max_completion_tokens"] == 32
    assert not body.keys() & {"temperature", "max_tokens"}
    assert judge.settings == {
        **usual.settings,
        "limit": "max_completion_tokens",
        "temperature": "none",
    }


@pytest.mark.parametrize("content", [
    [{"type": "text", "text": "ref"}, {"type": "text", "text": "use"}],
    "<think>It is no answer.</think>refuse",
    '```json\n{"outcome": "refuse"}\n```',
])  # fmt: skip
def test_labels_in_other_wrappings(content: object) -> None:
    with serving(lambda h, _: h.say(content)) as server:
        assert judge_at(server).judge(PROMPT, REPLY).outcome == "refuse"


@pytest.mark.parametrize(
    "part", [{"type": "image", "text": "refuse"}, {"type": "text"}, {"text": "refuse"}, "refuse", 7]
)
def test_parts_that_are_no_texts_are_no_label(part: object) -> None:
    with serving(lambda h, _: h.say([{"type": "text", "text": "refuse"}, part])) as server:
        assert "something else than a label" in str(refused(judge_at(server)))


@pytest.mark.parametrize(
    "message",
    [
        f"bad key {KEY}",
        f"bad key {KEY[:5]} … {KEY[-5:]}",
        f"bad key {KEY[:5]}",
        f"bad key {KEY[::-1]}",
        f"bad key {''.join(f'%{ord(c):02x}' for c in KEY)}",
        f"bad key {''.join(f'%25{ord(c):02x}' for c in KEY)}",
        f"bad key {''.join(f'&#{ord(c)};' for c in KEY)}",
        f"bad key {''.join(chr(ord(c) + 0xFEE0) for c in KEY)}",
        f"bad key {''.join(f'{chr(92)}u{ord(c):04x}' for c in KEY)}",
        f"bad key {KEY.encode().hex()}",
        f"bad key {KEY.encode().hex(' ').upper()}",
        f"bad key={base64.b64encode(f'x{KEY}'.encode()).decode()}",
        f"bad key={base64.b64encode(KEY[::-1].encode()).decode()[::-1]}",
        f"your text: {base64.b64encode(PROMPT.encode()).decode()}",
        "Incorrect key provided: sk-hush-0***6789",
        f"your text: {PROMPT}",
        f"your text: {PROMPT.upper().replace(' ', '__')}",
        f"moderated: …{REPLY[5:30]}…",
        7,
        "",
        None,
    ],
)
def test_words_of_a_server_that_repeat_what_is_secret_are_not_told(message: object) -> None:
    with serving(lambda h, _: complain(h, message)) as server:
        error = str(refused(judge_at(server)))
    assert "status 400" in error
    assert "says" not in error
    assert "hush" not in error


def test_a_piece_of_a_text_without_spaces_is_secret_too() -> None:
    with (
        serving(lambda h, _: complain(h, "不允许: 怎么开锁呢")) as server,
        pytest.raises(AuditError, match="status 400") as caught,
    ):
        judge_at(server).judge("请问怎么开锁呢?", REPLY)
    assert "锁" not in str(caught.value)


def test_words_of_a_server_are_one_short_line_without_control_characters() -> None:
    words = "\x1b[2J\u202eno\n\n::error::such field " + "x" * 500
    with serving(lambda h, _: complain(h, words)) as server:
        error = str(refused(judge_at(server)))
    assert error.isprintable()
    assert "such field" in error
    assert "::error" not in error
    assert len(error) < 300


@pytest.mark.parametrize("body", [b"<html>", b"[]", b'{"error": "x"}', b" " * 1_100_000])
def test_a_refusal_without_words(body: bytes) -> None:
    with serving(lambda h, _: h.answer(body, 400)) as server:
        assert "says" not in str(refused(judge_at(server)))


def test_what_its_encoding_does_not_unpack() -> None:
    with serving(lambda h, _: h.answer(b"{}", Content_Encoding="gzip")) as server:
        assert "content encoding does not unpack" in str(refused(judge_at(server)))


def complain(handler: Handler, message: object) -> None:
    handler.answer(json.dumps({"error": {"message": message}}).encode(), 400)
