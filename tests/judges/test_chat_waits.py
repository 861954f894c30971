"""How long the remote judge waits before it asks again."""

from __future__ import annotations

import pytest

from gatekeeper.judges._answers import AskAgainError
from gatekeeper.judges._chat import Chat, Endpoint

from .chat_server import Server, Waits, serving


def endpoint(server: Server, **changes: object) -> Endpoint:
    settings = {
        "url": server.url,
        "model": "m",
        "key": None,
        "connect": 5.0,
        "read": 5.0,
        "retries": 3,
        "backoff": 1.0,
        "longest_wait": 20.0,
        "interval": 0.0,
        "max_tokens": 8,
    }
    return Endpoint(**(settings | changes))  # type: ignore[arg-type]


def wait_of(retry_after: str | None, attempt: int = 2) -> float:
    headers = {} if retry_after is None else {"Retry_After": retry_after}
    waits = Waits()
    with serving(lambda h, _: h.answer(b"", 429, **headers)) as server:
        chat = Chat(endpoint(server), sleep=waits.sleep, clock=waits.clock)
        with pytest.raises(AskAgainError) as caught:
            chat.attempt("s", "u")
        chat.wait(attempt, caught.value)
    return waits.slept[-1]


def test_waits_grow_and_are_capped() -> None:
    assert [wait_of(None, attempt) for attempt in (2, 3, 4, 5, 9, 10_000)] == [1, 2, 4, 8, 20, 20]


def test_retry_after_is_kept_to_within_reason() -> None:
    assert wait_of("7") == 7
    assert wait_of("0") == 0
    assert wait_of("86400") == 20
    assert wait_of("9" * 400) == 20
    assert wait_of("soon") == 1
    assert wait_of("-5") == 1
    assert wait_of("Wed, 21 Oct 2015 07:28:00 GMT") == 0
    assert wait_of("Wed, 21 Oct 2099 07:28:00 GMT") == 20


def test_the_rate_is_kept() -> None:
    waits = Waits()
    with serving(lambda h, _: h.say("refuse")) as server:
        chat = Chat(endpoint(server, interval=2.0), sleep=waits.sleep, clock=waits.clock)
        for _ in range(3):
            chat.attempt("s", "u")
    assert waits.slept == [2.0, 2.0]
